"""What owing knows of a connection that is written to: what it takes, and how it would hold it. What is owed is in `owe.py`."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from crm_pipeline.connectors import Connector
from crm_pipeline.database.definitions import mapping_context
from crm_pipeline.database.owing import Target
from crm_pipeline.database.refusals import Connection
from crm_pipeline.database.translating import Asked, Translated, translate
from crm_pipeline.model.golden import golden_name
from crm_pipeline.model.records import MappingContext
from crm_pipeline.model.survivorship import GROUPS, Group
from crm_pipeline.model.writing import Writable

REGION = "RU"
"""Where phones without a country are at home; expressing does not read any."""
COMPLETION = "completion"
"""Group of a task that is not updated, but completed or reopened."""


@dataclass(slots=True)
class Owed:
    """What owing did for a batch."""

    queued: int = 0
    missing: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(connection, field) → records that refer to something the connection has no counterpart of."""
    lacking: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(connection, column) → records that cannot be created there without it."""


class Receiver:
    """One connection that is written to, for one entity."""

    def __init__(self, db: Connection, entity: str, target: Target, connector: Connector):
        self._db, self.entity, self.target, self._connector = db, entity, target, connector
        self.writable: Writable = connector.writable[entity]

    @cached_property
    def _context(self) -> MappingContext:
        return mapping_context(self._db, self.target.id, self.target.account, REGION)

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """Return the groups of which the connection takes something."""
        columns = {golden_name(column) for column in self.writable.columns}
        return tuple(group for group in GROUPS[self.entity] if columns.intersection(group.fields) or group.name == COMPLETION)

    def translated(self, asked: Sequence[Asked]) -> list[Translated]:
        """Return records in the connection's terms."""
        return translate(self._db, self.target.id, self.entity, asked)

    def expressed(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the connection would hold, of what it takes."""
        taken = {name: value for name, value in values.items() if name in self.writable.columns}
        expressed = self._connector.express(self.entity, taken, self._context)
        return {name: value for name, value in expressed.items() if name in self.writable.columns}
