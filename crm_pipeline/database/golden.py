"""Golden tables, batch by batch: what waits in the queue is brought into `crm.*`, set by set.

What belongs here: the statements of one batch in their order, inside the caller's transaction. Which entities and how many
batches is the stage's business.
"""

from functools import cache
from typing import Any

from sqlalchemy import Connection

from crm_pipeline.database.locks import RECONCILER_CLASS
from crm_pipeline.database.queries import queries
from crm_pipeline.database.templates import fill
from crm_pipeline.model.entities import COLUMNS
from crm_pipeline.model.golden import LINKS, REFERENCES, TARGET, GoldenLinks, golden_name, is_reference, shared_columns


def _run(db: Connection, statement: str, values: dict[str, Any] | None = None) -> Any:
    return db.exec_driver_sql(statement, values) if values else db.exec_driver_sql(statement)


def take_batch(db: Connection, entity: str, after: int, size: int) -> int | None:
    """Begin a batch: be the only one at this entity, and take the next keys queued behind place `after`.

    Returns the last place taken, None when nothing waits. One at a time, so that no older state is written over a newer.
    """
    _run(db, queries("golden")["plan_for_batches"])
    _run(db, queries("golden")["make_batch"])
    _run(db, queries("locks")["one_reconciler"], {"class": RECONCILER_CLASS, "entity": entity})
    values = {"entity": entity, "after": after, "size": size}
    place: int | None = _run(db, queries("golden")["take_batch"], values).scalar()
    return place


def reconcile_batch(db: Connection, entity: str) -> tuple[int, int, int, int]:
    """Bring the batch taken into the golden tables. Returns keys, inserted, updated and deleted golden records."""
    keys = _run(db, queries("golden")["count_batch"]).scalar()
    _run(db, _statement("link", entity))
    deleted = _run(db, _statement("count_deletions", entity)).scalar()
    written = [row[0] for row in _run(db, _upsert(entity))]
    if any(is_reference(column) for column in COLUMNS[entity]):
        _run(db, _note_missing(entity))
    for links in LINKS.get(entity, ()):
        _run(db, _replace_links(links))
        if links.to:
            _run(db, _note_missing_links(links))
    if entity == "deals":
        _run(db, queries("golden")["replace_stage_history"])
    _run(db, _statement("wake_dependents", entity))
    inserted = sum(written)
    return keys, inserted, len(written) - inserted - deleted, deleted


def queue_all(db: Connection, entity: str) -> None:
    """Queue every source record of an entity, and take away golden records none stands behind."""
    _run(db, _statement("queue_all", entity))
    _run(db, _statement("remove_orphans", entity))
    _run(db, _statement("remove_orphan_links", entity))
    for links in LINKS.get(entity, ()):
        of_entity = f"t.entity = '{entity}' AND" if links.table == "contact_points" else ""
        _run(db, fill(queries("golden")["remove_orphan_children"], entity=entity, table=links.table, owner=links.owner, of_entity=of_entity))
    if entity == "deals":
        names = {"entity": entity, "table": "deal_stage_history", "owner": "deal_id", "of_entity": ""}
        _run(db, fill(queries("golden")["remove_orphan_children"], **names))


def _statement(name: str, entity: str) -> str:
    return fill(queries("golden")[name], entity=entity)


@cache
def _upsert(entity: str) -> str:
    columns = shared_columns(entity)
    golden = [*map(golden_name, columns), "provenance", "source_count", "custom_fields", "created_at", "updated_at", "deleted_at"]
    return fill(
        queries("golden")["upsert"],
        entity=entity,
        columns=", ".join(map(golden_name, columns)),
        values=", ".join(f"r_{column}.golden_id" if is_reference(column) else f"s.{column}" for column in columns),
        provenance=", ".join(f"'{golden_name(column)}', CASE WHEN s.{column} IS NOT NULL THEN c.origin END" for column in columns),
        joins="\n".join(_join(column) for column in columns if is_reference(column)),
        assignments=", ".join(f"{column} = EXCLUDED.{column}" for column in golden),
        old_values=", ".join(f"g.{column}" for column in golden),
        new_values=", ".join(f"EXCLUDED.{column}" for column in golden),
    )


def _to(column: str) -> str:
    """Return, as SQL, the entity a source column refers to."""
    return "s.target_entity" if column == TARGET else f"'{REFERENCES[column]}'"


def _join(column: str) -> str:
    return fill(queries("golden")["join_reference"], alias=f"r_{column}", to=_to(column), side="s", column=column)


@cache
def _note_missing(entity: str) -> str:
    references = [
        f"({_to(column)}, s.{column}, g.{golden_name(column)})" for column in shared_columns(entity) if is_reference(column)
    ]  # fmt: skip
    return fill(queries("golden")["note_missing"], entity=entity, references=", ".join(references))


@cache
def _note_missing_links(links: GoldenLinks) -> str:
    names = {"entity": links.entity, "table": links.table, "parent": links.parent}
    return fill(queries("golden")["note_missing_links"], to=links.to or "", to_column=links.to_column or "", **names)


@cache
def _replace_links(links: GoldenLinks) -> str:
    points = links.table == "contact_points"
    key = (*(("entity",) if points else ()), links.owner, *links.key)
    led_to = golden_name(links.to_column) if links.to_column else None
    columns = tuple(dict.fromkeys((*key, *((led_to,) if led_to else ()), *links.columns)))
    spelled = {"entity": f"'{links.entity}'::text", links.owner: "o.golden_id", led_to: "r.golden_id"}
    changing = [column for column in columns if column not in key]
    return fill(
        queries("golden")["replace_links"],
        entity=links.entity,
        table=links.table,
        parent=links.parent,
        owner=links.owner,
        join=_link_join(links),
        key=", ".join(key),
        first=links.first,
        selected=", ".join(f"{spelled.get(column, f'l.{column}')} AS {column}" for column in columns),
        columns=", ".join(columns),
        and_entity=f"AND l.entity = '{links.entity}'" if points else "",
        and_entity_of_old=f"AND t.entity = '{links.entity}'" if points else "",
        same_key=" AND ".join(f"w.{column} = t.{column}" for column in key),
        assignments=", ".join(f"{column} = EXCLUDED.{column}" for column in changing),
        old_values=", ".join(f"t.{column}" for column in changing),
        new_values=", ".join(f"EXCLUDED.{column}" for column in changing),
    )


def _link_join(links: GoldenLinks) -> str:
    if not links.to:
        return ""
    join = fill(queries("golden")["join_reference"], alias="r", to=f"'{links.to}'", side="l", column=links.to_column or "")
    return join.removeprefix("LEFT ") if links.requires_target else join
