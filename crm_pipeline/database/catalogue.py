"""Reading the schema back from Postgres' own catalogue: as statements, to compare two databases or to write one picture."""

from sqlalchemy import Connection

from crm_pipeline.database.queries import SQL, queries

VIEW = "CREATE VIEW "
HEADING = """\
-- The whole schema as it is after all migrations and views: to read, never to run on a database in use.
-- Written by `python -m crm_pipeline.database.dictionary`; a test compares it with the migrated database.
"""


def schema_statements(connection: Connection) -> list[str]:
    """Return the statements that make this database's schemas `raw`, `source`, `crm` and `sync`, in an order that runs."""
    rows = connection.exec_driver_sql(queries("catalogue")["statements"], execution_options={"no_parameters": True})
    return [row.statement.strip() for row in rows]


def schema_text(connection: Connection) -> str:
    """Return the statements as a file; views as their files say, as Postgres spells them anew at each reading."""
    statements = schema_statements(connection)
    made = [statement for statement in statements if not statement.startswith(VIEW)]
    first_view = next((number for number, statement in enumerate(statements) if statement.startswith(VIEW)), len(made))
    views = [path.read_text(encoding="utf-8").strip().removesuffix(";") for path in sorted((SQL / "views").glob("*.sql"))]
    return HEADING + "".join(f"\n{statement};\n" for statement in (*made[:first_view], *views, *made[first_view:]))
