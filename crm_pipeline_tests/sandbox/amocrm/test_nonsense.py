"""Whatever a caller sends, the stand-in answers as a vendor would: never with its own failure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_pipeline.sandbox.amocrm import AmoSandbox
from crm_pipeline.sandbox.serving import Options

from .caller import Caller

KEYS = [
    "id",
    "name",
    "price",
    "status_id",
    "pipeline_id",
    "responsible_user_id",
    "created_by",
    "updated_by",
    "created_at",
    "updated_at",
    "closed_at",
    "loss_reason_id",
    "custom_fields_values",
    "tags_to_add",
    "tags_to_delete",
    "_embedded",
    "request_id",
    "first_name",
    "last_name",
    "text",
    "complete_till",
    "entity_id",
    "entity_type",
    "task_type_id",
    "is_completed",
    "result",
    "duration",
    "note_type",
    "params",
    "to_entity_id",
    "to_entity_type",
    "metadata",
    "destination",
    "settings",
    "type",
    "code",
    "enums",
    "sort",
    "direction",
    "phone",
    "source",
    "field_id",
    "field_code",
    "values",
    "value",
    "enum_id",
    "enum_code",
    "tags",
    "contacts",
    "companies",
    "catalog_id",
    "is_main",
    "unknown",
]
ATOMS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 2**40),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "x", "leads", "contacts", "common", "call_in", "PHONE", "MOB", "2026-01-01", "select", "12"]),
    st.sampled_from([142, 143, 4401, 101, 102, 209, 302, 304, 10_000_001, 20_000_001, 30_000_001, 40_000_001, 1209, 6_000_001]),
)
JSON = st.recursive(
    ATOMS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4), max_leaves=6
)
ITEMS = st.lists(st.dictionaries(st.sampled_from(KEYS), JSON, max_size=6), max_size=3)
CALLS = st.sampled_from(
    [
        (method, path)
        for path in ("leads", "contacts", "companies", "tasks", "leads/notes", "catalogs/1209/elements")
        for method in ("POST", "PATCH")
    ]
    + [("POST", path) for path in ("leads/complex", "leads/30000001/link", "leads/unlink", "calls", "leads/tags", "webhooks")]
    + [("POST", "leads/custom_fields"), ("POST", "leads/pipelines"), ("POST", "leads/pipelines/4401/statuses")]
    + [
        ("PATCH", path)
        for path in ("leads/30000001", "contacts/10000001", "tasks/40000001", "leads/custom_fields", "leads/pipelines/4402")
    ]
)
QUERY = st.dictionaries(
    st.sampled_from(
        [
            f"filter[{name}]{end}"
            for name in ("id", "updated_at", "created_at", "statuses", "entity_id", "type", "custom_fields_values")
            for end in ("", "[]", "[from]", "[to]", "[0][status_id]", "[302][]")
        ]
        + [
            "page",
            "limit",
            "with",
            "query",
            "order[id]",
            "order[updated_at]",
            "order",
            "filter",
            "filter[entity]",
            "filter[value_after][value]",
        ]
    ),
    st.sampled_from(
        [
            "",
            "1",
            "-1",
            "x",
            "1,2",
            "asc",
            "desc",
            "lead",
            "99999999999999999999",
            "contacts,leads,loss_reason",
            "only_deleted",
            "%_'",
        ]
    ),
    max_size=5,
)
LISTS = st.sampled_from(
    ["leads", "contacts", "companies", "tasks", "leads/notes", "events", "catalogs/1209/elements", "leads/tags", "leads/links"]
)


@pytest.fixture(scope="module")
def call() -> Iterator[Caller]:
    with AmoSandbox(Options(contacts=20)).running() as sandbox:
        yield Caller(sandbox)


@settings(max_examples=80, deadline=None)
@given(target=CALLS, body=ITEMS | JSON)
def test_no_body_breaks_a_write(call: Caller, target: tuple[str, str], body: Any) -> None:
    assert call.request(*target, json=body).status_code < 500


@settings(max_examples=100, deadline=None)
@given(path=LISTS, query=QUERY)
def test_no_query_breaks_a_list(call: Caller, path: str, query: dict[str, str]) -> None:
    answer = call.get(path, params=query)
    assert answer.status_code in (200, 204, 400)
    if answer.status_code == 200:
        assert answer.json()["_embedded"]
