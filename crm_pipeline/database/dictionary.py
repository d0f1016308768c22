"""Writes docs/data-dictionary.md from the COMMENTs in the database, so the words are written once, beside the columns.

python -m crm_pipeline.database.dictionary     write it, from the migrated database the settings name
"""

from itertools import groupby

from sqlalchemy import Connection, Row

from crm_pipeline.database.catalogue import schema_text
from crm_pipeline.database.queries import SQL, queries
from crm_pipeline.database.scratch import scratch_database

DOCUMENT = SQL.resolve().parent / "docs/data-dictionary.md"
PICTURE = SQL / "schema.sql"
HEADING = """\
# Data dictionary

Every table and column of the four schemas, as their comments in the database say (`\\d+ crm.deals` in psql shows the same).
Written by `python -m crm_pipeline.database.dictionary`; a test fails when it is stale or a comment is missing.
"""


def dictionary_text(connection: Connection) -> str:
    """Return the document, from the comments of this database."""
    rows = connection.exec_driver_sql(queries("catalogue")["described"]).all()
    schemas = [_schema(list(columns)) for _, columns in groupby(rows, key=lambda row: row.schema)]
    return HEADING + "".join(schemas)


def uncommented(connection: Connection) -> list[str]:
    """Return the tables, views and columns that nobody described."""
    rows = connection.exec_driver_sql(queries("catalogue")["uncommented"], execution_options={"no_parameters": True})
    return list(rows.scalars())


def _schema(columns: list[Row]) -> str:
    tables = [_table(list(of_one)) for _, of_one in groupby(columns, key=lambda row: row.table)]
    return f"\n## {columns[0].schema}\n\n{columns[0].schema_comment}\n" + "".join(tables)


def _table(columns: list[Row]) -> str:
    first = columns[0]
    head = f"\n### {first.schema}.{first.table}{' (view)' if first.is_view else ''}\n\n{first.table_comment}\n"
    return head + "\n| column | type | |\n| --- | --- | --- |\n" + "".join(map(_line, columns))


def _line(row: Row) -> str:
    return f"| `{row.column}` | {row.type}{', required' if row.required else ''} | {_escaped(row.column_comment)} |\n"


def _escaped(comment: str | None) -> str:
    return (comment or "").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def main() -> None:
    """Write both documents into the checkout."""
    with scratch_database() as connection:
        DOCUMENT.write_text(dictionary_text(connection), encoding="utf-8")
        PICTURE.write_text(schema_text(connection), encoding="utf-8")


if __name__ == "__main__":
    main()
