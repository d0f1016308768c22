"""What is sent and answered about connections. No secret is ever part of an answer: there is no field for one."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr, StringConstraints
from pydantic.alias_generators import to_camel

from crm_pipeline.connectors import discover
from crm_pipeline.database.connection_reports import Standing
from crm_pipeline.database.connections import ConnectionRow
from crm_pipeline.model.connections import WHAT_TO_DO

AUTH_URL = "/api/sync/connection/auth-url"
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]
Secret = Annotated[SecretStr, Field(max_length=8_000)]


class _Asked(BaseModel):
    """Requests are spelled in camel case; snake case is taken too."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", hide_input_in_errors=True)


CRMS = {"enum": sorted(discover())}
Crm = Annotated[Text, Field(json_schema_extra=CRMS)]


class ConsentWanted(_Asked):
    """A consent to ask for. `clientSecret` may be left out when a connection of the same application has it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "crmType": "amocrm", "clientId": "5f2c1e0a-7d1b-4c2a-8e6f-0a1b2c3d4e5f", "clientSecret": "Zx…", "name": "sales-msk",
        "baseUrl": "https://acme.amocrm.ru", "redirectUri": "https://sync.example.org/callback"}]})  # fmt: skip

    crm_type: Crm
    client_id: Text
    client_secret: Secret | None = None
    base_url: Text = ""
    name: Text = ""
    redirect_uri: Text = ""
    oauth_url: Text = Field("", description="Authorization server of a self-hosted Bitrix24, when it is not the vendor's own.")


class NewConnection(_Asked):
    """An account to connect: exactly one of `code`, `token` and `webhookUrl`."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {"crmType": "bitrix24", "name": "portal", "webhookUrl": "https://acme.bitrix24.ru/rest/7/k3y5ecr3t/"},
        {"crmType": "amocrm", "name": "sales-msk", "baseUrl": "https://acme.amocrm.ru", "token": "eyJ0…"}]})  # fmt: skip

    crm_type: Crm
    name: Text
    base_url: Text | None = None
    code: Secret | None = None
    token: Secret | None = None
    webhook_url: Secret | None = None
    client_id: Text | None = None
    client_secret: Secret | None = None
    redirect_uri: Text | None = None
    oauth_url: Text | None = None
    application_token: Secret | None = Field(None, description="Bitrix24: proves that a delivery comes from the portal.")

    def brought(self) -> dict[str, str | None]:
        """Return what was sent, secrets in the open."""
        found = {name: getattr(self, name) for name in type(self).model_fields if name not in ("crm_type", "name")}
        return {name: value.get_secret_value() if isinstance(value, SecretStr) else value for name, value in found.items()}


class ConnectionChange(_Asked):
    """What an administrator sets; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"interval": 60, "direction": "two_way"}]})

    interval: int | None = Field(None, ge=5, le=366 * 86400, description="Seconds between syncs.")
    direction: Literal["read_only", "two_way"] | None = None
    rate: float | None = Field(
        None, gt=0, le=100_000, description="Requests per second, where the account's plan allows another."
    )


class ConsentLink(BaseModel):
    """Where an administrator gives consent."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "url": "https://www.amocrm.ru/oauth?client_id=5f2c…&state=Qm9…", "state": "Qm9…",
        "expires_at": "2026-11-24T15:50:00+00:00", "callback_url": "https://sync.example.org/api/sync/connection/callback",
        "disconnect_url": "https://sync.example.org/api/webhooks/amocrm/disconnect", "install_url": None}]})  # fmt: skip

    url: str
    state: str
    expires_at: AwareDatetime
    callback_url: str = Field(description="What the integration's settings must have as the redirect address.")
    install_url: str | None = Field(
        description="Bitrix24: an application installed to this address is connected without a browser; good as long as `url`."
    )
    disconnect_url: str | None = Field(description="amoCRM: where its settings may say that the integration was switched off.")


class WebhookShown(BaseModel):
    """How a connection's CRM tells of changes by itself."""

    state: str = Field(description="registered, refused or unregistered", examples=["registered"])
    detail: str | None = None
    last_received_at: AwareDatetime | None = None


class EntityShown(BaseModel):
    """How one entity stands."""

    last_success_at: AwareDatetime | None = None
    last_mode: str | None = Field(None, examples=["incremental"])
    read: int = 0
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    quarantined: int = 0
    last_error: str | None = None
    what_to_do: str | None = None


SHOWN: dict[str, Any] = {
    "id": 2, "crm": "amocrm", "name": "sales-msk", "base_url": "https://acme.amocrm.ru", "account": "ООО Ромашка",
    "status": "active", "status_reason": None, "status_changed_at": "2026-11-24T19:00:48Z", "what_to_do": None,
    "consent_link": None, "direction": "read_only", "interval": 300, "rate": None, "next_due_at": "2026-11-24T19:06:29Z",
    "last_success_at": "2026-11-24T19:01:29Z", "failures": 0, "warnings": [],
    "webhook": {"state": "registered", "detail": None, "last_received_at": "2026-11-24T19:02:12Z"},
    "outgoing_waiting": 0, "hints_waiting": 1, "created_at": "2026-11-24T19:00:47Z",
}  # fmt: skip


class ConnectionShown(BaseModel):
    """A connection, without anything secret."""

    model_config = ConfigDict(json_schema_extra={"examples": [SHOWN]})

    id: int = Field(examples=[3])
    crm: str = Field(examples=["amocrm"])
    name: str = Field(examples=["sales-msk"])
    base_url: str = Field(examples=["https://acme.amocrm.ru"])
    account: str | None = Field(None, examples=["ООО Ромашка"])
    status: str = Field(examples=["active"])
    status_reason: str | None = None
    status_changed_at: AwareDatetime
    what_to_do: str | None = None
    consent_link: str | None = Field(
        None, description="Address of this API that gives the link to consent at, when consent is needed."
    )
    direction: str = Field(examples=["read_only"])
    interval: int = Field(examples=[300], description="Seconds between syncs.")
    rate: float | None = None
    next_due_at: AwareDatetime
    last_success_at: AwareDatetime | None = Field(None, description="Of the entity whose last success is longest ago.")
    failures: int = Field(0, description="Failed syncs in a row.")
    warnings: list[str] = []
    webhook: WebhookShown
    outgoing_waiting: int = 0
    hints_waiting: int = 0
    created_at: AwareDatetime


class ConnectionInFull(ConnectionShown):
    """A connection with how each entity stands and how many live records it has."""

    model_config = ConfigDict(json_schema_extra={"examples": [SHOWN | {"entities": {"contacts": {
        "last_success_at": "2026-11-24T19:01:35Z", "last_mode": "incremental", "read": 20, "inserted": 20, "updated": 0,
        "deleted": 0, "quarantined": 0, "last_error": None, "what_to_do": None}},
        "records": {"contacts": 4012, "deals": 911}}]})  # fmt: skip

    entities: dict[str, EntityShown] = {}
    records: dict[str, int] = Field({}, examples=[{"contacts": 4012, "deals": 911}])


class ConnectionList(BaseModel):
    """All connections that were not removed."""

    items: list[ConnectionShown]


class ConnectionRemoved(BaseModel):
    """What became of a connection that was removed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"connection": "sales-msk", "data": "keep", "warnings": []}]})

    connection: str = Field(examples=["sales-msk"])
    data: Literal["keep", "purge"]
    warnings: list[str] = []


class ConnectionTested(BaseModel):
    """What the CRM said when it was asked."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "account": "ООО Ромашка", "base_url": "https://acme.amocrm.ru", "timezone": "Europe/Moscow", "currency": "RUB",
        "warnings": []}]})  # fmt: skip

    account: str
    base_url: str
    timezone: str | None = None
    currency: str | None = None
    warnings: list[str] = []


def shown(row: ConnectionRow, standing: Standing, client_id: str | None = None) -> dict[str, Any]:
    """Return what is told of a connection."""
    return {
        "id": row.id, "crm": row.crm, "name": row.name, "base_url": row.base_url, "account": row.account.get("name"),
        "status": row.status, "status_reason": row.status_reason, "status_changed_at": row.status_changed_at,
        "what_to_do": WHAT_TO_DO.get(row.status), "consent_link": _consent_link(row, client_id),
        "direction": row.direction, "interval": row.interval_seconds, "rate": row.requests_per_second,
        "next_due_at": row.next_due_at, "last_success_at": standing.last_success_at, "failures": row.failures,
        "warnings": list(row.account.get("warnings", ())), "webhook": _webhook(standing),
        "outgoing_waiting": standing.outgoing_waiting, "hints_waiting": standing.hints_waiting, "created_at": row.created_at,
    }  # fmt: skip


def shown_in_full(row: ConnectionRow, standing: Standing, records: Mapping[str, int], client_id: str | None) -> dict[str, Any]:
    """Return everything that is told of a connection."""
    return shown(row, standing, client_id) | {"entities": standing.entities, "records": dict(records)}


def _webhook(standing: Standing) -> dict[str, Any]:
    received: datetime | None = standing.webhook_received_at
    return {"state": standing.webhook_state or "unregistered", "detail": standing.webhook_detail, "last_received_at": received}


def _consent_link(row: ConnectionRow, client_id: str | None) -> str | None:
    """Return where to ask for a link to consent at; none when no application is known, or none is needed."""
    if row.status != "needs_consent" or not client_id:
        return None
    query = {"crmType": row.crm, "clientId": client_id, "baseUrl": row.base_url, "name": row.name}
    return f"{AUTH_URL}?{urlencode(query)}"
