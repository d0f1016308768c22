"""Every query is named, described and used."""

import re
from pathlib import Path

import pytest

from crm_pipeline.database.queries import SQL, described_queries, nouns, queries
from crm_pipeline.errors import ConfigurationError

PACKAGE = SQL.parent
SOURCE = "\n".join(path.read_text() for path in sorted(PACKAGE.rglob("*.py")))
ALL = [(noun, query) for noun in nouns() for query in described_queries(noun)]


def is_used(name: str) -> bool:
    """Whether the code spells the name, whole or put together from its first word (f"purge_{what}")."""
    return f'"{name}"' in SOURCE or f'f"{name.partition("_")[0]}_{{' in SOURCE


@pytest.mark.parametrize(("noun", "query"), ALL, ids=[f"{noun}.{query.name}" for noun, query in ALL])
def test_a_query_is_named_described_and_used(noun, query):
    assert re.fullmatch(r"[a-z][a-z0-9_]*", query.name)
    assert query.description.endswith((".", ":")) and len(query.description) > 10, "one line that says what for"
    assert query.text and not query.text.endswith(";")
    assert is_used(query.name), f"{noun}.{query.name} is used nowhere"
    assert f'"{noun}"' in SOURCE


def test_names_are_unique_in_a_file():
    for noun in nouns():
        names = [query.name for query in described_queries(noun)]
        assert len(names) == len(set(names))


def test_a_missing_file_is_a_sentence():
    with pytest.raises(ConfigurationError, match=r"nonsense\.sql"):
        queries("nonsense")


def test_sql_is_found_beside_the_package():
    assert (SQL / "migrations").is_dir()
    assert SQL.resolve() == (Path(__file__).parents[2] / "sql").resolve()
