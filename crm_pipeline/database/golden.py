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

HISTORY_COLUMNS = ("changed_at", "pipeline_id", "stage_id", "from_stage_id", "category", "origin", "author_id")


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
        _replace_links(db, links)
        if links.to:
            _run(db, _note_missing_links(links))
    if entity == "deals":
        _replace_stage_history(db)
    _run(db, _statement("wake_dependents", entity))
    inserted = sum(written)
    return keys, inserted, len(written) - inserted - deleted, deleted


def queue_all(db: Connection, entity: str) -> None:
    """Queue every source record of an entity, and take away golden records none stands behind."""
    _run(db, _statement("queue_all", entity))
    _run(db, _statement("remove_orphan_links", entity))
    _run(db, _statement("remove_orphans", entity))
    for links in LINKS.get(entity, ()):
        of_entity = f"t.entity = '{entity}' AND" if links.table == "contact_points" else ""
        _run(
            db,
            fill(
                queries("golden")["remove_orphan_children"],
                entity=entity,
                table=links.table,
                owner=links.owner,
                of_entity=of_entity,
            ),
        )
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
        provenance=", ".join(
            f"'{golden_name(column)}', CASE WHEN s.{column} IS NOT NULL THEN c.origin END" for column in columns
        ),
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


STEPS = ("make_wanted", "want_links", "remove_links", "upsert_links")


def _replace_links(db: Connection, links: GoldenLinks) -> None:
    """Make the golden link rows of the batch equal to those of its source records, writing only what differs."""
    for step in STEPS:
        _run(db, _links_statement(step, links))


def _replace_stage_history(db: Connection) -> None:
    """Make the stage history of the batch's deals equal to what is known of it, writing only what differs."""
    history = GoldenLinks("deal_stage_history", "deals", "", "deal_id", ("event_key",), HISTORY_COLUMNS)
    for step in STEPS:
        _run(db, queries("golden")["want_stage_history"] if step == "want_links" else _links_statement(step, history))


@cache
def _links_statement(name: str, links: GoldenLinks) -> str:
    points = links.table == "contact_points"
    key = (*(("entity",) if points else ()), links.owner, *links.key)
    led_to = golden_name(links.to_column) if links.to_column else None
    columns = tuple(dict.fromkeys((*key, *((led_to,) if led_to else ()), *links.columns)))
    spelled = {"entity": f"'{links.entity}'", links.owner: "o.golden_id", led_to: "r.golden_id"}
    changing = [column for column in columns if column not in key]
    return fill(
        queries("golden")[name],
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
