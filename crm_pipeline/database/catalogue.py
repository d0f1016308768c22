"""Reading the schema back from Postgres' own catalogue: as statements, to compare two databases or to write one picture."""

from sqlalchemy import Connection

from crm_pipeline.database.queries import queries

HEADING = """\
-- The whole schema as it is after all migrations and views: to read, never to run on a database in use.
-- Written by `python -m crm_pipeline.database.dictionary`; a test compares it with the migrated database.
"""


def schema_statements(connection: Connection) -> list[str]:
    """Return the statements that make this database's schemas `raw`, `source`, `crm` and `sync`, in an order that runs."""
    rows = connection.exec_driver_sql(queries("catalogue")["statements"], execution_options={"no_parameters": True})
    return [row.statement.strip() for row in rows]


def schema_text(connection: Connection) -> str:
    """Return the statements as a file."""
    return HEADING + "".join(f"\n{statement};\n" for statement in schema_statements(connection))
