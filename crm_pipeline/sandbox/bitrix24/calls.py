"""The register of methods and what a call carries: parameters in any spelling, credential, answer (facts: bitrix24 2.1).

Here: no method itself; every sibling registers its own with `@method`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .refusals import FIELDS_NOT_ARRAY, ID_UNDEFINED, missing_parameter

if TYPE_CHECKING:
    from .portal import Portal


@dataclass(frozen=True)
class Credential:
    """Who calls: a webhook or an app with an access token; `key` is what operating time is billed to."""

    kind: str
    key: str
    user: int
    scopes: frozenset[str]
    admin: bool = True

    @property
    def webhook(self) -> bool:
        return self.kind == "webhook"


@dataclass
class Answer:
    """What stands in the envelope: `result`, and beside it `total` and `next` where the method has them."""

    result: Any
    total: int | None = None
    next: int | None = None


@dataclass
class Call:
    """One method call, also one command of a batch."""

    method: str
    params: Mapping[str, Any]
    credential: Credential
    strict: bool = False
    _folded: dict[str, Any] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._folded = {} if self.strict else {str(key).lower(): value for key, value in self.params.items()}

    def get(self, name: str, default: Any = None) -> Any:
        """Return a top-level parameter; any spelling of its case unless the method is strict."""
        return self.params.get(name, self._folded.get(name.lower(), default))

    def whole(self, name: str, default: int = 0) -> int:
        """Return a parameter as a whole number."""
        text = str(self.get(name, default)).strip()
        return int(text) if text.lstrip("-").isdigit() else default

    def need(self, name: str) -> Any:
        """Return a parameter or refuse as controllers do. Raises Refusal."""
        value = self.get(name)
        if value is None or value == "":
            raise missing_parameter(name)
        return value

    def need_whole(self, name: str) -> int:
        """Return a whole number or refuse. Raises Refusal."""
        self.need(name)
        return self.whole(name)

    def classic_id(self, name: str = "id") -> int:
        """Return the id of a classic call or refuse with the empty code. Raises Refusal."""
        number = self.whole(name)
        if number <= 0:
            raise ID_UNDEFINED
        return number

    def classic_fields(self) -> dict[str, Any]:
        """Return `fields` of a classic call or refuse. Raises Refusal."""
        values = self.get("fields")
        if not isinstance(values, dict):
            raise FIELDS_NOT_ARRAY
        return values

    @property
    def connector(self) -> str:
        """The connector whose queue must not hear of this change (facts: bitrix24 8.3)."""
        return str(self.get("auth_connector", "") or "")

    @property
    def actor(self) -> Actor:
        return Actor(self.credential.user, self.connector)


@dataclass(frozen=True)
class Actor:
    """Who changes a row: the user, and the connector that is spared its own echo."""

    user: int = 1
    connector: str = ""


Run = Callable[["Portal", Call], Any]


@dataclass(frozen=True)
class Method:
    """A registered method and what its caller must be."""

    name: str
    run: Run
    scope: str = "crm"
    app_only: bool = False
    admin_only: bool = False
    strict: bool = False


REGISTER: dict[str, Method] = {}


def register(name: str, run: Run, scope: str = "crm", **needs: bool) -> None:
    """Add a method under its name; names are compared in lower case."""
    REGISTER[name.lower()] = Method(name, run, scope, **needs)


def method(name: str, scope: str = "crm", **needs: bool) -> Callable[[Run], Run]:
    """Register the decorated function as a method."""

    def add(run: Run) -> Run:
        register(name, run, scope, **needs)
        return run

    return add
