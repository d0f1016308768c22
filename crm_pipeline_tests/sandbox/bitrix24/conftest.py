"""Running portals: an empty one for writing, a filled one that is only read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .portal_client import PortalClient, portal


@pytest.fixture
def empty() -> Iterator[PortalClient]:
    with portal() as client:
        yield client


@pytest.fixture(scope="module")
def filled() -> Iterator[PortalClient]:
    with portal(contacts=230) as client:
        yield client
