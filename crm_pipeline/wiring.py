"""The only file that knows every adapter: it puts database, budget, vault, HTTP session and connectors together."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from crm_pipeline import connectors
from crm_pipeline.connectors import Connector, Link, Meter, Secrets
from crm_pipeline.database import connections, inbox
from crm_pipeline.database.budget import PostgresBudget
from crm_pipeline.database.connections import ConnectionRow
from crm_pipeline.database.engine import PATIENCE, create_engine
from crm_pipeline.database.migrate import require_current
from crm_pipeline.database.refusals import Engine
from crm_pipeline.database.vault import RowVault
from crm_pipeline.errors import UsageError
from crm_pipeline.http import HostPolicy, Patience, Session
from crm_pipeline.model.rules import Rules
from crm_pipeline.rules_file import load_rules
from crm_pipeline.settings import Settings


@dataclass(frozen=True)
class Pipeline:
    """Everything put together; one per process. Is the `Parts` of the stages."""

    settings: Settings
    engine: Engine
    connectors: Mapping[str, Connector]
    budget: PostgresBudget
    rules: Rules = field(default_factory=Rules.default)
    crm_patience: Patience = field(default_factory=Patience)
    """How long a CRM that does not answer properly is tried again."""

    @cached_property
    def inbox_engine(self) -> Engine:
        """Connections to Postgres for deliveries alone: they have seconds, whatever else is asked of the database."""
        return inbox.own_engine(self.engine)

    def link(self, connection_name: str) -> Link:
        """Open the way to one connection's account. Raises UsageError, ConsentNeeded and ConfigurationError."""
        row = connections.get(self.engine, connection_name)
        connector = self.connectors.get(row.crm)
        if connector is None:
            raise UsageError(f"{row.name} is a connection of {row.crm}, for which no connector is installed.")
        vault = RowVault(self.engine, self.settings.encryption_keys, row.id)
        secrets = vault.read()
        session = self._session(connector, _own_rate(connector.meter(row.base_url, secrets), row), secrets, row.name)
        vault = RowVault(self.engine, self.settings.encryption_keys, row.id, lambda read: _hide(session, read))
        account = row.account
        facts = {
            **account.get("facts", {}),
            "timezone": account.get("timezone"),
            "currency": account.get("currency"),
            "stable_id": row.stable_id,
        }
        return Link(row.id, row.name, row.base_url, session, vault, facts)

    def session(self, connector: Connector, base_url: str, secrets: Secrets) -> Session:
        """Open a session to an account that has no row yet; its secrets are hidden from messages and logs."""
        return self._session(connector, connector.meter(base_url, secrets), secrets, "")

    def _session(self, connector: Connector, meter: Meter, secrets: Secrets, name: str) -> Session:
        hosts = HostPolicy(connector.vendor_hosts, self.settings.allowed_hosts)
        session = Session(hosts, meter, self.budget, name=name, patience=self.crm_patience)
        _hide(session, secrets)
        return session

    def close(self) -> None:
        """Close what was opened. An embedded server stays up: others may be using it."""
        self.budget.close()
        if "inbox_engine" in self.__dict__:
            self.inbox_engine.dispose()
        self.engine.dispose()


def open_pipeline(settings: Settings, patience: float = PATIENCE, crm_patience: Patience = Patience()) -> Pipeline:
    """Put everything together on the settings' database, or on the embedded one. patience: see `create_engine`.

    Raises DatabaseUnavailable, ConfigurationError, also for a database that is not migrated to this version, and UsageError
    with the mistakes in CRM_RULES_FILE.
    """
    engine = create_engine(settings, patience)
    require_current(engine)
    names = [row.name for row in connections.list_connections(engine)]
    rules = load_rules(settings.rules_file, names)
    return Pipeline(settings, engine, connectors.discover(), PostgresBudget(engine), rules, crm_patience)


def _own_rate(usual: Meter, row: ConnectionRow) -> Meter:
    """Return the meter with the rate a person set for this account, where its plan differs from the usual one."""
    interval = 1 / row.requests_per_second if row.requests_per_second else usual.interval
    return Meter(usual.key, interval, row.request_burst or usual.burst)


NOT_SECRET = frozenset(
    {"client_id", "redirect_uri", "oauth_url", "expires_at", "member_id", "domain", "scope", "server_endpoint", "client_endpoint"}
)


def _hide(session: Session, secrets: Secrets) -> None:
    """Hide every secret, and of a webhook's address the part that opens the door."""
    for name, value in secrets.items():
        if name in NOT_SECRET or not isinstance(value, str):
            continue
        session.redactor.register(
            value, *(part for part in value.split("/") if "://" in value and len(part) > 12 and "." not in part)
        )
