"""The only reader of the environment (and of `.env`): every setting, its default, and the sentence when it is missing.

Nothing else in the package looks at `os.environ`; everything gets a `Settings` handed over.
"""

import base64
import binascii
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from crm_pipeline.errors import ConfigurationError

MAKE_A_SECRET = 'python3 -c "import secrets; print(secrets.token_urlsafe(48))"'
SHORTEST_SECRET = 32
MAKE_A_KEY = 'python3 -c "import os, base64; print(base64.b64encode(os.urandom(32)).decode())"'


class Settings(BaseSettings):
    """All settings. Secrets are kept out of `repr`."""

    model_config = SettingsConfigDict(env_file=".env", env_prefix="CRM_", extra="ignore", frozen=True)

    database_url: str | None = Field(default=None, repr=False)
    home: Path = Path(".crm")
    pg_bin: Path | None = None
    encryption_key: str | None = Field(default=None, repr=False)
    jwt_secret: str | None = Field(default=None, repr=False)
    rules_file: Path | None = None
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    default_region: str = "RU"
    public_url: str = "http://127.0.0.1:8000"
    frontend_url: str | None = Field(default=None, validation_alias="FRONTEND_URL")
    metrics_open: bool = False
    """Whether /api/metrics answers without a token, for a Prometheus on a closed network."""
    rate_per_user: float = Field(default=300, gt=0)
    """Requests a second the API takes of one user; twice as many at once."""

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip().lower() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("database_url", "encryption_key", "jwt_secret", "rules_file", "pg_bin", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return None if value == "" else value

    @property
    def encryption_keys(self) -> tuple[bytes, ...]:
        """Return the keys, newest first, 32 bytes each. Raises ConfigurationError with how to make one."""
        if not self.encryption_key:
            raise ConfigurationError("CRM_ENCRYPTION_KEY is not set.", what_to_do=f"Make one and keep it safe: {MAKE_A_KEY}")
        return tuple(_key(part.strip()) for part in self.encryption_key.split(","))

    @property
    def jwt_secrets(self) -> tuple[str, ...]:
        """Return what access tokens are signed with, newest first. Raises ConfigurationError with how to make one."""
        found = tuple(part.strip() for part in (self.jwt_secret or "").split(",") if part.strip())
        if not found:
            raise ConfigurationError("CRM_JWT_SECRET is not set.", what_to_do=f"Make one and keep it safe: {MAKE_A_SECRET}")
        if any(len(part) < SHORTEST_SECRET or len(set(part)) < 12 for part in found):
            raise ConfigurationError(
                f"CRM_JWT_SECRET must be at least {SHORTEST_SECRET} random characters.", what_to_do=f"Make one: {MAKE_A_SECRET}"
            )
        return found

    @property
    def webhook_root(self) -> str | None:
        """Return the address the CRMs can reach us at, without a slash at its end; None when nobody has set one."""
        return self.public_url.rstrip("/") if "public_url" in self.model_fields_set and self.public_url else None


def _key(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != 32 or len(set(key)) < 8:
        raise ConfigurationError("CRM_ENCRYPTION_KEY must be 32 random bytes in base64.", what_to_do=f"Make one: {MAKE_A_KEY}")
    return key


def load_settings(**instead: object) -> Settings:
    """Read the environment once; `instead` replaces what is read, by field name.

    Raises ConfigurationError naming the setting that is wrong.
    """
    try:
        return Settings().model_copy(update=instead)
    except ValueError as error:
        wrong = ", ".join(f"CRM_{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in getattr(error, "errors", list)())
        raise ConfigurationError(f"A setting cannot be read: {wrong}.") from None
