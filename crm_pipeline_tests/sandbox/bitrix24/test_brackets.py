from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.sandbox.bitrix24 import brackets

NAMES = st.text(st.characters(blacklist_characters="[]", blacklist_categories=("Cs",)), min_size=1, max_size=6)
KEYS = NAMES.filter(lambda name: not name.isdigit())
VALUES = st.recursive(
    st.text(st.characters(blacklist_categories=("Cs",))),
    lambda inner: st.dictionaries(KEYS, inner, min_size=1) | st.lists(inner, min_size=1),
    max_leaves=8,
)


@given(st.dictionaries(KEYS, VALUES, min_size=1))
def test_what_is_written_is_read_back(values: dict) -> None:
    assert brackets.parse(brackets.encode(values)) == values


def test_php_notation() -> None:
    read = brackets.parse(
        "filter[>ID]=5&filter%5B%3DownerId%5D=3&select[]=ID&select[]=NAME&rows[0][A]=1&rows[1][A]=2&x=a%2Bb+c&e="
    )
    assert read["filter"] == {">ID": "5", "=ownerId": "3"}
    assert read["select"] == ["ID", "NAME"]
    assert read["rows"] == [{"A": "1"}, {"A": "2"}]
    assert (read["x"], read["e"]) == ("a+b c", "")
    assert brackets.parse("a[5]=x&a[7]=y") == {"a": {"5": "x", "7": "y"}}
