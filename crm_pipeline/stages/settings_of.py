"""Settings of a connection: what a person sets about how it works, all of it or nothing that is refused for its value."""

from collections.abc import Callable, Mapping
from typing import Any

from crm_pipeline.database import connections
from crm_pipeline.database.connections import ConnectionRow
from crm_pipeline.stages.direct import direct
from crm_pipeline.stages.parts import Parts


def _of_row(setter: Callable[..., ConnectionRow]) -> Callable[[Parts, str, Any, str | None], object]:
    return lambda parts, name, value, actor: setter(parts.engine, name, value, actor=actor)


SETTABLE: Mapping[str, Callable[[Parts, str, Any, str | None], object]] = {
    "interval": _of_row(connections.set_interval),
    "rate": _of_row(connections.set_rate),
    "direction": lambda parts, name, value, actor: direct(parts, name, value, actor=actor),
}
"""What can be set, and how; what may have to ask the CRM comes last."""


def change(parts: Parts, name: str, wanted: Mapping[str, Any], *, actor: str | None = None) -> ConnectionRow:
    """Set what is wanted and return the connection. Raises UsageError, and what the CRM says to being made ready for writing."""
    for setting, setter in SETTABLE.items():
        if setting in wanted:
            setter(parts, name, wanted[setting], actor)
    return connections.get(parts.engine, name)
