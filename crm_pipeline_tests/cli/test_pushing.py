"""`push`: a person sends operations from a file, sees what became of each, and may send it again."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.cli.operation_file import BLOCK, read_operations
from crm_pipeline.errors import UsageError
from crm_pipeline_tests.cli.refusal import assert_refused
from crm_pipeline_tests.two_sides import TwoSides, fill

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.slow
def test_operations_are_pushed_and_answered(sides: TwoSides, tmp_path: Path) -> None:
    fill(sides.left, "left.example", 2)
    sides.load("tiny")
    anna = sides.golden_id("tiny:1")
    good = {"id": "op-1", "entity": "contacts", "action": "update", "record": anna, "fields": {"position": "CTO"}}
    bad = {**good, "id": "op-2", "fields": {"positon": "CTO"}}
    file = tmp_path / "edits.json"
    file.write_text(json.dumps({"operations": [good, bad]}))
    told = sides.operator.run("push", str(file), "--json")
    assert told.returncode == 1, told.stderr
    first, second = json.loads(told.stdout)["results"]
    assert (first["status"], first["record"], second["status"]) == ("accepted", anna, "rejected")
    assert "fields.positon" in second["reason"]
    assert sides.rows("SELECT position FROM crm.contacts WHERE id = %s", anna) == [{"position": "CTO"}]
    shown = sides.operator.run("push", "-", "--by", "anna", given=json.dumps({**good, "id": "op-3"}) + "\n")
    assert (shown.returncode, "1 accepted." in shown.stdout) == (0, True), shown
    assert sides.rows("SELECT actor FROM sync.operations WHERE id = 'op-3'") == [{"actor": "anna"}]
    assert_refused(sides.operator.run("push", str(tmp_path / "none.json")), 2, "cannot be read")
    assert_refused(sides.operator.run("push", "-", given=""), 2, "no operations")


def read(text: str) -> list[Any]:
    """Read a file."""
    return list(read_operations(io.StringIO(text)))


@given(st.lists(JSON, min_size=1, max_size=6), st.sampled_from([None, 1]), st.booleans())
def test_every_spelling_of_a_file_says_the_same(operations: list[Any], indent: int | None, escaped: bool) -> None:
    for document in ({"operations": operations}, operations):
        assert read(json.dumps(document, indent=indent, ensure_ascii=escaped)) == operations
    objects = [{"id": one} for one in operations]
    assert read("\n\n".join(json.dumps(one, ensure_ascii=escaped) for one in objects)) == objects


def test_a_large_file_is_read_block_by_block() -> None:
    operations = [{"id": str(number), "text": "я" * 1000} for number in range(300)]
    file = io.StringIO(json.dumps({"operations": operations}))
    reading = read_operations(file)
    assert next(reading) == operations[0]
    assert file.tell() <= 2 * BLOCK
    assert [operations[0], *reading] == operations
    assert read("\n".join(map(json.dumps, operations))) == operations


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"operations": [{"id": "1"}', "Operation 1 of the file"),
        ('{"operations": [{"id": "1"}, nonsense]}', "Operation 2 of the file"),
        ('{"id": "1"}\n{"id": ', "Line 2 is no JSON"),
        ("  \n ", "no operations"),
    ],
)
def test_a_broken_file_says_where(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        read(text)
