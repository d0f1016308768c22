"""Questions the asset checks ask of the tables. The answers are rows; what is bad about them is decided by who asks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg2 import sql
from sqlalchemy import Engine

from crm_pipeline.database.queries import queries
from crm_pipeline.database.templates import fill

MOST_RECORDS = 20
"""Ids of records that break a rule which are told at most."""

QUERIES = {("source", False): "of_one_crm", ("crm", False): "golden_rows", ("source", True): "points_of_one_crm",
           ("crm", True): "golden_points"}  # fmt: skip
"""(layer, whether of contact points) → the query expectations are tested on."""


@dataclass(frozen=True, slots=True)
class Breaches:
    """How many records break a rule, and the ids of the first of them."""

    count: int
    records: tuple[str, ...]


def ask(engine: Engine, question: str, *, entity: str = "", **values: object) -> list[dict[str, Any]]:
    """Return the rows of a query in `checks.sql`, as dicts. entity: the one it is about, if it is about one."""
    with engine.connect() as connection:
        text = _spelled(connection.connection.driver_connection, question, entity=sql.Identifier(entity))
        return [dict(row._mapping) for row in connection.exec_driver_sql(text, {"entity": entity, **values})]


def records_query(engine: Engine, crm: str, entity: str, *, points: bool = False) -> str:
    """Return the complete SQL of all living records of an entity, for a tool that takes a query as text.

    crm: of which CRM; empty: golden records. points: their phones and e-mails instead.
    """
    question = QUERIES["source" if crm else "crm", points]
    names = {"entity": sql.Identifier(entity), "name": sql.Literal(entity), "crm": sql.Literal(crm)}
    with engine.connect() as connection:
        return _spelled(connection.connection.driver_connection, question, **names)


def count_breaches(engine: Engine, rule: str, names: Mapping[str, str], crm: str = "") -> Breaches:
    """Return what breaks a rule: a query of `breaches.sql`, its `{names}` filled from the catalogue. crm: of source rules."""
    text = _filled(queries("breaches")["count"], rule=queries("breaches")[rule], **names)
    with engine.connect() as connection:
        count, records = connection.exec_driver_sql(text, {"crm": crm, "most": MOST_RECORDS}).one()
    return Breaches(count, tuple(records))


def deal_sums(engine: Engine) -> list[dict[str, Any]]:
    """Return per connection what its deals are worth in source and in the golden records that have it from there."""
    with engine.connect() as connection:
        text = _filled(queries("breaches")["sums"], entity="deals")
        return [dict(row._mapping) for row in connection.exec_driver_sql(text)]


def _filled(text: str, **names: str) -> str:
    for part in ("rule", "amounts", "settled"):
        text = fill(text, **{part: names.get(part) or queries("breaches").get(part, "")})
    return fill(text, **names)


def _spelled(driver: Any, question: str, **parts: sql.Composable) -> str:
    return sql.SQL(queries("checks")[question]).format(**parts).as_string(driver)
