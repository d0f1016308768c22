"""What reconciling changed since a snapshot, within one transaction: counts and examples, for a plan that is rolled back.

What belongs here: the statements of `planning.sql`. What is run between the snapshot and the comparison is the stage's
business.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import groupby
from typing import Any

from sqlalchemy import Connection

from crm_pipeline.database.golden_statements import ALL_LINKS
from crm_pipeline.database.queries import queries
from crm_pipeline.database.templates import fill
from crm_pipeline.model.entities import GOLDEN
from crm_pipeline.model.golden import golden_name, shared_columns

LINK_TABLES = {links.table: links for of_entity in ALL_LINKS.values() for links in of_entity}
"""Golden link table → whose rows it has; of contact points, which belong to two entities, each row says so."""
ABOUT_ROWS = ("provenance", "source_count", "custom_fields", "created_at", "updated_at", "deleted_at")
Found = dict[str, Any]


def snapshot(db: Connection) -> None:
    """Remember all golden tables, the crosswalk, and the questions and conflicts that stand."""
    for table in (*GOLDEN, *LINK_TABLES, "crosswalk"):
        db.exec_driver_sql(fill(queries("planning")["snapshot"], table=table))
    db.exec_driver_sql(queries("planning")["snapshot_questions"])


def changed_values(db: Connection, entity: str, examples: int) -> list[Found]:
    """Return per field how many golden records changed, and examples {golden_id, old, new}."""
    text, columns = _changed_values(entity)
    rows = db.exec_driver_sql(text, {"examples": examples, "columns": columns})
    return list(_with_examples(rows, ("entity", "field", "records"), ("golden_id", "old", "new")))


@cache
def _changed_values(entity: str) -> tuple[str, list[str]]:
    columns = [*map(golden_name, shared_columns(entity)), *ABOUT_ROWS]
    text = fill(
        queries("planning")["changed_values"],
        values=", ".join(fill(queries("planning")["value"], column=column) for column in columns),
        old_columns=", ".join(f"b.{column}" for column in columns),
        new_columns=", ".join(f"a.{column}" for column in columns),
        entity=entity,
    )
    return text, columns


def changed_records(db: Connection, entity: str) -> Found:
    """Return how many golden records are new (of them parted from others) and gone (of them merged into others)."""
    return dict(db.exec_driver_sql(fill(queries("planning")["changed_records"], entity=entity)).one()._mapping)


def changed_links(db: Connection, examples: int) -> list[Found]:
    """Return per entity and rule how many source records were linked (added) or are no more (removed), with examples."""
    rows = db.exec_driver_sql(queries("planning")["changed_links"], {"examples": examples})
    return list(_with_examples(rows, ("entity", "rule", "change", "records"), ("record", "golden_id")))


def changed_rows(db: Connection, table: str, examples: int) -> list[Found]:
    """Return per entity and field (phones, deal_contacts, …) how many rows of a link table were added, removed or changed."""
    links, points = LINK_TABLES[table], table == "contact_points"
    text = fill(
        queries("planning")["changed_rows"],
        table=table,
        owner=links.owner,
        key=", ".join((*(("entity",) if points else ()), links.owner, *links.key)),
        entity_of="entity" if points else f"'{links.entity}'",
        field_of=queries("planning")["points_field"] if points else f"'{table}'",
    )
    rows = db.exec_driver_sql(text, {"examples": examples})
    return list(_with_examples(rows, ("entity", "field", "change", "records"), ("old", "new")))


def changed_reviews(db: Connection, examples: int) -> list[Found]:
    """Return per entity and reason how many questions came up or are gone, with examples."""
    rows = db.exec_driver_sql(queries("planning")["changed_reviews"], {"examples": examples})
    return list(_with_examples(rows, ("entity", "reason", "change", "records"), ("record", "other_record", "explanation")))


def changed_conflicts(db: Connection, examples: int) -> list[Found]:
    """Return per entity, field and state how many conflicts came up or are gone, with examples."""
    rows = db.exec_driver_sql(queries("planning")["changed_conflicts"], {"examples": examples})
    return list(
        _with_examples(rows, ("entity", "field", "state", "change", "records"), ("golden_id", "rule", "chosen", "values"))
    )


def _with_examples(rows: Iterable[Any], key: tuple[str, ...], example: tuple[str, ...]) -> Iterator[Found]:
    """Yield one mapping per key, with the rows that follow it as examples."""
    mappings = [dict(row._mapping) for row in rows]
    for _, group in groupby(mappings, key=lambda row: tuple(row[name] for name in key)):
        members = list(group)
        yield {name: members[0][name] for name in key} | {"examples": [{name: row[name] for name in example} for row in members]}
