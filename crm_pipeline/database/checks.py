"""Questions the asset checks ask of the tables. The answers are rows; what is bad about them is decided by who asks."""

from typing import Any

from psycopg2 import sql
from sqlalchemy import Engine

from crm_pipeline.database.queries import queries


def ask(engine: Engine, question: str, *, entity: str, **values: object) -> list[dict[str, Any]]:
    """Return the rows of a query in `checks.sql` about one entity, as dicts."""
    with engine.connect() as connection:
        text = _spelled(connection.connection.driver_connection, question, entity=sql.Identifier(entity))
        return [dict(row._mapping) for row in connection.exec_driver_sql(text, {"entity": entity, **values})]


def records_query(engine: Engine, crm: str, entity: str) -> str:
    """Return the complete SQL of all live source records of one CRM, for a tool that takes a query as text."""
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        return _spelled(driver, "of_one_crm", entity=sql.Identifier(entity), crm=sql.Literal(crm))


def _spelled(driver: Any, question: str, **parts: sql.Composable) -> str:
    return sql.SQL(queries("checks")[question]).format(**parts).as_string(driver)
