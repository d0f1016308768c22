"""Content hashes: equal when two payloads say the same of a record, different when they do not."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.model.fingerprint import LIES, content_hash

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
PAYLOADS = st.dictionaries(st.text(), JSON, max_size=5)


@given(PAYLOADS)
def test_the_order_of_keys_says_nothing(payload: dict[str, Any]) -> None:
    assert content_hash(payload) == content_hash(dict(reversed(payload.items())))
    assert len(content_hash(payload)) == 16


@given(PAYLOADS, PAYLOADS)
def test_different_payloads_differ(one: dict[str, Any], other: dict[str, Any]) -> None:
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (content_hash(one) == content_hash(other)) == same


@pytest.mark.parametrize(("crm", "key"), [(crm, key) for crm, kinds in LIES.items() for key in kinds["*"]])
def test_keys_that_lie_are_left_out_at_any_depth(crm: str, key: str) -> None:
    def payload(value: str) -> dict[str, Any]:
        return {"id": 1, key: value, "_embedded": {"contacts": [{"id": 2, key: value}]}}

    assert content_hash(payload("a"), crm, "deals") == content_hash(payload("b"), crm, "deals")
    assert content_hash(payload("a")) != content_hash(payload("b"))


def test_changes_of_the_record_count() -> None:
    assert content_hash({"id": 1, "price": 1}, "amocrm", "deals") != content_hash({"id": 1, "price": 2}, "amocrm", "deals")


LYING = st.sampled_from(["_links", "request_id", "id", "z"])
HREF = st.fixed_dictionaries({"self": st.fixed_dictionaries({"href": st.text()})})
RECORDS = st.recursive(
    st.none() | st.integers() | st.text() | HREF | st.just('"_links":{"self":{"href":"x"}},'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(LYING, inner, max_size=4),
)


def bare(value: Any) -> Any:
    """Return a payload without what lies, made the plain way."""
    if isinstance(value, list):
        return [bare(item) for item in value]
    if isinstance(value, dict):
        return {key: bare(item) for key, item in value.items() if key not in LIES["amocrm"]["*"]}
    return value


@given(st.dictionaries(LYING, RECORDS, max_size=4))
def test_cutting_lies_out_of_the_text_is_the_same_as_leaving_their_keys_out(payload: dict[str, Any]) -> None:
    assert content_hash(payload, "amocrm", "deals") == content_hash(bare(payload))
