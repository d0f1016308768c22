"""Filling `{placeholders}` of SQL templates with names from `model/entities.py`; never with anything a person or CRM sent."""

from functools import cache

from crm_pipeline.database.queries import queries
from crm_pipeline.model import entities
from crm_pipeline.model.entities import Child

COMMON = ("golden_id", "custom_fields", "remote_created_at", "remote_updated_at", "deleted_at")
WITH_MARKERS = ("contacts", "companies", "deals")
KINDS_OF_POINTS = "CASE x.kind WHEN 'phone' THEN 'phones' WHEN 'email' THEN 'emails' ELSE 'contact_points' END"


def fill(text: str, **names: str) -> str:
    """Replace every `{name}`; other braces (JSON, arrays) stay as they are."""
    for name, value in names.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def source_columns(entity: str) -> tuple[str, ...]:
    """Return all columns of `source.<entity>` in the order landing writes them; deleted_at comes last."""
    markers = entities.MARKERS if entity in WITH_MARKERS else ()
    return ("connection_id", "external_id", COMMON[0], *entities.COLUMNS[entity], *markers, *COMMON[1:])


def child_columns(child: Child) -> tuple[str, ...]:
    """Return all columns of a child table in the order landing writes them."""
    entity = ("entity",) if child.table == "contact_points" else ()
    return ("connection_id", *entity, child.parent, *child.columns)


def child_key(child: Child) -> tuple[str, ...]:
    """Return the primary key of a child table."""
    entity = ("entity",) if child.table == "contact_points" else ()
    return ("connection_id", *entity, child.parent, *child.key)


@cache
def source_statement(name: str, entity: str) -> str:
    """Return a statement of `landing.sql` for one entity."""
    columns = source_columns(entity)
    changing = [column for column in columns if column not in ("connection_id", "external_id", "golden_id")]
    return fill(
        queries("landing")[name],
        table=entity,
        columns=", ".join(columns),
        assignments=", ".join(f"{column} = EXCLUDED.{column}" for column in changing),
        old_values=", ".join(f"o.{column}" for column in changing),
        new_values=", ".join(f"EXCLUDED.{column}" for column in changing),
        and_first=queries("landing")["keep_first"] if entity in entities.GOLDEN else "",
    )


@cache
def child_statement(name: str, entity: str, child: Child) -> str:
    """Return a statement of `landing.sql` for one child table of an entity."""
    key, points = child_key(child), child.table == "contact_points"
    return fill(
        queries("landing")[name],
        entity=entity,
        table=child.table,
        parent=child.parent,
        key=", ".join(key),
        columns=", ".join(child_columns(child)),
        same_key=" AND ".join(f"x.{column} = o.{column}" for column in key),
        and_entity=f"AND x.entity = '{entity}'" if points else "",
        and_entity_of_old=f"AND o.entity = '{entity}'" if points else "",
        field=KINDS_OF_POINTS if points else f"'{child.field}'",
        hidden=_hidden(child),
        update=_update(child),
    )


def _hidden(child: Child) -> str:
    """Return what of a child row says nothing about a change: whose it is, its place, the CRM's id of the value."""
    places = {"position", "remote_value_id"} - set(child.key)
    return "ARRAY[" + ", ".join(f"'{column}'" for column in ("connection_id", "entity", child.parent, *sorted(places))) + "]"


def _update(child: Child) -> str:
    changing = [column for column in child.columns if column not in child.key]
    if not changing:
        return "NOTHING"
    assignments = ", ".join(f"{column} = EXCLUDED.{column}" for column in changing)
    old, new = (", ".join(f"{side}.{column}" for column in changing) for side in ("o", "EXCLUDED"))
    return f"UPDATE SET {assignments} WHERE ROW({old}) IS DISTINCT FROM ROW({new})"
