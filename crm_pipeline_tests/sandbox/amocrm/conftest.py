"""A running account with sixty people, an empty one, and callers of both."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from crm_pipeline.sandbox.amocrm import AmoSandbox
from crm_pipeline.sandbox.serving import Options

from .caller import Caller


@pytest.fixture
def amo() -> Iterator[AmoSandbox]:
    with AmoSandbox(Options(contacts=60)).running() as sandbox:
        yield sandbox


@pytest.fixture
def call(amo: AmoSandbox) -> Caller:
    return Caller(amo)


@pytest.fixture
def empty() -> Iterator[Caller]:
    with AmoSandbox(Options()).running() as sandbox:
        yield Caller(sandbox)
