"""Statements of `golden.sql` spelled out for one entity: its columns, groups of fields, references and link tables.

What belongs here: names from the catalogue turned into SQL. In which order they run is `golden.py`'s business.
"""

from collections.abc import Sequence
from functools import cache

from crm_pipeline.database.queries import queries
from crm_pipeline.database.templates import fill
from crm_pipeline.model.entities import COLUMNS
from crm_pipeline.model.golden import LINKS, REFERENCES, TARGET, GoldenLinks, golden_name, is_reference, shared_columns
from crm_pipeline.model.survivorship import GROUPS, Group

HISTORY = GoldenLinks(
    "deal_stage_history", "deals", "", "deal_id", ("event_key",),
    ("changed_at", "pipeline_id", "stage_id", "from_stage_id", "category", "origin", "author_id"),
)  # fmt: skip
TEXT_OF = {"amount": "trim_scale(s.amount)::text", "price": "trim_scale(s.price)::text", "tags": "NULLIF(s.tags, '{}')::text"}
"""Columns whose equal values can be spelled differently, or whose default says nothing."""


NEVER_EMPTY = {"tags": "'{}'", "is_own": "false", "is_active": "true", "is_completed": "false", "kind": "'other'"}
"""Golden columns that are never null, and what they hold when no side counts."""
MAY_BE_EMPTY = {("users", "is_active"), ("tasks", "kind")}


def column_groups(entity: str) -> tuple[tuple[int, Group], ...]:
    """Return the groups that are columns of the golden table, each with its number: its bit in masks."""
    return tuple((number, group) for number, group in enumerate(GROUPS[entity]) if group.point_kind is None)


def _group_of(entity: str) -> dict[str, int]:
    return {name: number for number, group in column_groups(entity) for name in group.fields}


@cache
def golden_statement(name: str, entity: str) -> str:
    """Return a statement of `golden.sql` for one entity."""
    text = queries("golden")[name]
    if "{" not in text:
        return text
    columns = shared_columns(entity)
    golden = [*map(golden_name, columns), "provenance", "source_count", "custom_fields", "created_at", "updated_at", "deleted_at"]
    return fill(
        text,
        columns=", ".join(map(golden_name, columns)),
        golden_columns_typed=", ".join(f"g.{golden_name(column)}" for column in columns),
        references_typed="".join(f"s.{column}, " for column in columns if is_reference(column)),
        values=", ".join(f"r_{column}.golden_id" if is_reference(column) else f"s.{column}" for column in columns),
        references="".join(f"s.{column}, " for column in columns if is_reference(column)),
        joins=reference_joins(entity),
        single_values=", ".join(_of_one(golden_name(column), entity) for column in columns),
        assignments=", ".join(f"{column} = EXCLUDED.{column}" for column in golden),
        old_values=", ".join(f"g.{column}" for column in golden),
        new_values=", ".join(f"EXCLUDED.{column}" for column in golden),
        missing=", ".join(f"({_to(c)}, s.{c}, s.{golden_name(c)})" for c in columns if is_reference(c)),
        **_group_parts(entity, [golden_name(column) for column in columns]),
        entity=entity,
    )


def _group_parts(entity: str, columns: Sequence[str]) -> dict[str, str]:
    groups, number_of = column_groups(entity), _group_of(entity)
    return {
        "single_account": ", ".join(
            f"CASE WHEN s.{column} IS NOT NULL THEN '\"{column}\": ' || w.told END" for column in columns
        ),
        "single_provenance": ", ".join(f"'{column}', {_dated(column, number_of, 'w.told::jsonb')}" for column in columns),
        "mixed_values": ", ".join(_chosen(column, number_of[column], entity) for column in columns),
        "mixed_provenance": ", ".join(f"'{column}', {_mixed_origin(column, number_of)}" for column in columns),
        "said": ", ".join(_said(number, group) for number, group in groups),
        "disputed": " + ".join(_is_disputed(number) for number, _ in groups),
        "standing": ", ".join(_standing(number, group) for number, group in groups),
        "sides": ", ".join(_sides(number, group) for number, group in groups),
    }


def _dated(column: str, number_of: dict[str, int], told: str) -> str:
    """Return, as SQL, whence a side's value comes and since when it says so; null where it says nothing."""
    number = number_of[column]
    since = f"jsonb_build_object('since', s.times -> '{number}')"
    dated = f"CASE WHEN s.changed & {1 << number} = 0 THEN {told} ELSE {told} || {since} END"
    return f"CASE WHEN s.{column} IS NOT NULL THEN {dated} END"


def _undisputed(number: int) -> str:
    return f"COALESCE(v.disputed, 0) & {1 << number} = 0"


def _of_one(column: str, entity: str) -> str:
    """Return, as SQL, what the only side says of a column; the app may say nothing of one that is never null."""
    return never_empty(f"s.{column}", column, entity)


def never_empty(value: str, column: str, entity: str) -> str:
    """Return, as SQL, a column's value, or what it holds instead of nothing where it is never null."""
    may_be_empty = column not in NEVER_EMPTY or (entity, column) in MAY_BE_EMPTY
    return value if may_be_empty else f"COALESCE({value}, {NEVER_EMPTY[column]})"


def _chosen(column: str, number: int, entity: str) -> str:
    """Return, as SQL, a column's value: of the side that won its group, the one everybody agrees on, or one that was kept."""
    wins = f"s.wins & {1 << number} <> 0"
    first = f" {_first_said(number)}" if column in GROUPS[entity][number].derived else ""
    said = f"(array_agg(s.{column}{first}) FILTER (WHERE {wins} OR ({_undisputed(number)} AND s.{column} IS NOT NULL)))[1]"
    if column == "tags":
        said = "(array_agg(s.tags::text) FILTER (WHERE s.tags <> '{}'))[1]::text[]"
    kept = f"(jsonb_populate_record(NULL::crm.{entity}, v.kept)).{column}"
    return never_empty(f"CASE WHEN v.kept ? '{column}' THEN {kept} ELSE {said} END", column, entity)


def _mixed_origin(column: str, number_of: dict[str, int]) -> str:
    said = f"s.{column} IS NOT NULL" if column != "tags" else "s.tags <> '{}'"
    rule = f"CASE WHEN count(*) FILTER (WHERE {said}) > 1 THEN 'agreed' ELSE 'only' END"
    told = _dated(column, number_of, "s.told")
    first = f"(array_agg({told} {_first_said(number_of[column])}) FILTER (WHERE {said}))[1]"
    return f"CASE WHEN {_undisputed(number_of[column])} THEN {first} || jsonb_build_object('rule', {rule}) END"


def _first_said(number: int) -> str:
    """Return, as SQL, the order in which the side that said it first comes first."""
    return f"ORDER BY COALESCE((s.times ->> '{number}')::timestamptz, s.first_updated_at) NULLS FIRST, s.place, s.external_id"


def _text(column: str) -> str:
    return TEXT_OF.get(column, f"s.{column}::text")


def _said(number: int, group: Group) -> str:
    """Return, as SQL, what a side says of a group as one text: null for nothing, empty for a cleared field."""
    parts = ", ".join(f"COALESCE({_text(column)}, '')" for column in group.decisive)
    filled = " OR ".join(f"{_text(column)} IS NOT NULL" for column in group.decisive)
    cleared = f"CASE WHEN s.changed & {1 << number} <> 0 THEN '' END"
    said = f"CASE WHEN {filled} THEN concat_ws(E'\\x1f', {parts}) ELSE {cleared} END AS g{number}"
    return f"{said}, s.ignored & {1 << number} <> 0 AS i{number}"


def _is_disputed(number: int) -> str:
    differs = f'min(s.g{number} COLLATE "C") IS DISTINCT FROM max(s.g{number} COLLATE "C") OR bool_or(s.i{number})'
    return f"CASE WHEN {differs} THEN {1 << number} ELSE 0 END"


def _standing(number: int, group: Group) -> str:
    columns = ", ".join(json_value(f"g.{column}", column) for column in group.fields)
    rules = ", ".join(f"g.provenance -> '{column}' ->> 'rule'" for column in group.fields)
    rule = f"COALESCE({rules})" if len(group.fields) > 1 else rules
    return f"CASE WHEN d.disputed & {1 << number} <> 0 AND g.id IS NOT NULL THEN json_build_array({rule}, {columns})::text END"


def _sides(number: int, group: Group) -> str:
    columns = ", ".join(json_value(f"s.{column}", column) for column in group.fields)
    side = (
        f"json_build_array(s.connection_id, s.connection, s.external_id, "
        f"COALESCE(s.times ->> '{number}', s.first_updated_at::text), s.changed & {1 << number} <> 0, {columns})"
    )
    return f"CASE WHEN d.disputed & {1 << number} <> 0 THEN json_agg({side})::text END"


def json_value(expression: str, column: str) -> str:
    """Return, as SQL, a golden value for JSON, spelled the same wherever it is from: numbers as texts without trailing zeros."""
    return f"trim_scale({expression})::text" if column in ("amount", "price") else expression


def _to(column: str) -> str:
    """Return, as SQL, the entity a source column refers to."""
    return "s.target_entity" if column == TARGET else f"'{REFERENCES[column]}'"


def reference_joins(entity: str) -> str:
    """Return, as SQL, the joins that find what a source record `s` refers to: `r_<column>.golden_id`."""
    return "\n".join(_join(column) for column in shared_columns(entity) if is_reference(column))


def _join(column: str) -> str:
    return fill(queries("golden")["join_reference"], alias=f"r_{column}", to=_to(column), side="s", column=column)


@cache
def links_statement(name: str, links: GoldenLinks) -> str:
    """Return a statement of `golden.sql` for one link table."""
    points = links.table == "contact_points"
    key = (*(("entity",) if points else ()), links.owner, *links.key)
    led_to = golden_name(links.to_column) if links.to_column else None
    columns = tuple(dict.fromkeys((*key, *((led_to,) if led_to else ()), *links.columns)))
    spelled = {"entity": f"'{links.entity}'", links.owner: "o.golden_id", led_to: "r.golden_id"}
    changing = [column for column in columns if column not in key]
    text = queries("golden")[name].replace("{of_one_side}", queries("golden")["of_one_side"] if links.one_side else "")
    return fill(
        text,
        entity=links.entity,
        table=links.table,
        parent=links.parent,
        owner=links.owner,
        to=links.to or "",
        to_column=links.to_column or "",
        join=_link_join(links),
        key=", ".join(key),
        first=links.first,
        selected=", ".join(f"{spelled.get(column, f'l.{column}')} AS {column}" for column in columns),
        columns=", ".join(columns),
        and_entity=f"AND l.entity = '{links.entity}'" if points else "",
        and_entity_of_old=f"AND t.entity = '{links.entity}'" if points else "",
        and_no_pair=queries("golden")["and_no_pair"] if points else "",
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


def has_references(entity: str) -> bool:
    """Return whether records of an entity refer to others by their own columns."""
    return any(is_reference(column) for column in COLUMNS[entity])


def field_groups(entity: str) -> tuple[list[str], list[int]]:
    """Return, pairwise, names of `source.field_changes` and the numbers of the groups they belong to."""
    pairs = [(column, number) for column in shared_columns(entity) for number in (_group_of(entity)[golden_name(column)],)]
    return [name for name, _ in pairs], [number for _, number in pairs]


ALL_LINKS = {entity: (*LINKS.get(entity, ()), *((HISTORY,) if entity == "deals" else ())) for entity in GROUPS}
"""Entity → the link tables of its golden records, the stage history among them."""
