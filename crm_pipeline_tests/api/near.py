"""A pipeline that calls CRMs on this machine only: what tests send at random must not knock on a vendor's door. No assertions."""

from dataclasses import replace
from typing import Any

from crm_pipeline.wiring import Pipeline


class _Near:
    """A connector as it is, but for the vendor's own hosts."""

    vendor_hosts: tuple[str, ...] = ()

    def __init__(self, connector: Any):
        self._connector = connector

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connector, name)


def near(parts: Pipeline) -> Pipeline:
    """Return the pipeline with no host allowed but those of CRM_ALLOWED_HOSTS."""
    return replace(parts, connectors={crm: _Near(connector) for crm, connector in parts.connectors.items()})
