"""The smallest stand-in, running."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from crm_pipeline.sandbox.serving import Options

from .tiny import Tiny


@pytest.fixture
def tiny() -> Iterator[Tiny]:
    with Tiny(Options()).running() as sandbox:
        yield sandbox
