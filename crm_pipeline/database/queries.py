"""The SQL of the project: finds `sql/` and reads its queries by noun and name.

`sql/` lies at the top of a checkout; `crm_pipeline/sql` is a link to it, which a built wheel carries as real files. What
belongs here: finding and parsing. Running a query belongs to whoever opened the transaction.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from crm_pipeline.errors import ConfigurationError

SQL = Path(__file__).resolve().parents[1] / "sql"
_NAME = re.compile(r"^-- name:[ \t]*(\S+)[ \t]*$", re.MULTILINE)


@dataclass(frozen=True)
class Query:
    """A query of a file: its name, the line that says what for, its text."""

    name: str
    description: str
    text: str


@cache
def queries(noun: str) -> dict[str, str]:
    """Return name → SQL of `sql/queries/<noun>.sql`. Raises ConfigurationError when there is no such file."""
    return {query.name: query.text for query in described_queries(noun)}


def described_queries(noun: str) -> list[Query]:
    """Return the queries of a file in its order, with their descriptions."""
    path = SQL / "queries" / f"{noun}.sql"
    if not path.is_file():
        raise ConfigurationError(f"There is no {noun}.sql in {path.parent}.", what_to_do="Install the package again.")
    parts = _NAME.split(path.read_text(encoding="utf-8"))
    return [_query(name, body) for name, body in zip(parts[1::2], parts[2::2], strict=True)]


def nouns() -> list[str]:
    """Return the names of all query files."""
    return sorted(path.stem for path in (SQL / "queries").glob("*.sql"))


def _query(name: str, body: str) -> Query:
    lines = body.strip("\n").splitlines()
    comment = [line for line in lines[:1] if line.startswith("--")]
    text = "\n".join(lines[len(comment) :]).strip().removesuffix(";")
    return Query(name, comment[0].removeprefix("--").strip() if comment else "", text)
