"""Filters of every list as SQL conditions over stored rows (facts: amocrm 3.3, 3.4). Names not listed here are ignored."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .brackets import Node, integers, values
from .records import SINGULAR

Condition = tuple[str, list[Any]]
Filter = Callable[[Node], Condition]
# By id, so that the store plans it like any search by id.
NOTHING: Condition = ("id = -1", [])
EVERYTHING: Condition = ("1", [])


def among(expression: str, wanted: Sequence[Any]) -> Condition:
    """Match any of the values; none of them matches nothing."""
    return (f"{expression} IN ({','.join('?' * len(wanted))})", list(wanted)) if wanted else NOTHING


def key(name: str) -> str:
    """Answer the SQL of a top-level key of the row."""
    return f"json_extract(body, '$.{name}')"


def whole(expression: str) -> Filter:
    """Match any of some whole numbers, in both array syntaxes."""
    return lambda node: among(expression, integers(node))


def exact(expression: str) -> Filter:
    """Match any of some texts."""
    return lambda node: among(expression, values(node))


def flag(expression: str) -> Filter:
    """Match 0 or 1."""
    return lambda node: among(expression, [1 if value in ("1", "true") else 0 for value in values(node)])


def span(expression: str, node: Mapping[str, Node]) -> Condition:
    """Match [from]..[to], both ends inclusive."""
    bounds = [(f"{expression} {sign} ?", integers(node[end])) for end, sign in (("from", ">="), ("to", "<=")) if end in node]
    if not bounds or any(not found for _, found in bounds):
        return NOTHING
    return " AND ".join(sql for sql, _ in bounds), [found[0] for _, found in bounds]


def moments(expression: str, scalar: Callable[[str, str], Condition]) -> Filter:
    """Match a range of seconds; what a scalar means differs from list to list."""
    return lambda node: span(expression, node) if isinstance(node, dict) else scalar(expression, str(node))


def scalar_finds_nothing(_: str, __: str) -> Condition:
    """Leads, contacts, companies: a scalar answers 204 (facts: amocrm 3.4, php#358)."""
    return NOTHING


def scalar_means_after(expression: str, value: str) -> Condition:
    """Tasks and notes: changed after."""
    found = integers(value)
    return (f"{expression} > ?", found) if found else NOTHING


def scalar_means_from(expression: str, value: str) -> Condition:
    """Events: from then on; "a,b" is a range."""
    found = integers(value, commas=True)
    if len(found) == 2:
        return f"{expression} BETWEEN ? AND ?", found
    return (f"{expression} >= ?", found) if found else NOTHING


def number_span(expression: str) -> Filter:
    """Match a range or exact numbers (price)."""
    return lambda node: (
        span(expression, node) if isinstance(node, dict) and {"from", "to"} & node.keys() else among(expression, integers(node))
    )


def statuses(node: Node) -> Condition:
    """Match any [i][pipeline_id]+[status_id]."""
    pairs = [(integers(part.get("pipeline_id")), integers(part.get("status_id"))) for part in _parts(node)]
    whole_pairs = [(pipeline[0], status[0]) for pipeline, status in pairs if pipeline and status]
    if not whole_pairs:
        return NOTHING
    one = f"({key('pipeline_id')} = ? AND {key('status_id')} = ?)"
    return " OR ".join([one] * len(whole_pairs)), [value for pair in whole_pairs for value in pair]


def custom_fields(node: Node) -> Condition:
    """Match [id] = values: by enum id for choices, by value otherwise, or by range."""
    found = [_custom_field(int(id), wanted) for id, wanted in (node.items() if isinstance(node, dict) else ()) if _ID.match(id)]
    if not found:
        return NOTHING
    return " AND ".join(sql for sql, _ in found), [argument for _, arguments in found for argument in arguments]


_ID = re.compile(r"^[0-9]{1,18}$")
_VALUES = (
    "EXISTS (SELECT 1 FROM json_each(body, '$.custom_fields_values') AS f, json_each(f.value, '$.values') AS v"
    " WHERE json_extract(f.value, '$.field_id') = ? AND ({0}))"
)
_VALUE = "json_extract(v.value, '$.value')"
_ENUM = "json_extract(v.value, '$.enum_id')"


def _custom_field(id: int, wanted: Node) -> Condition:
    if isinstance(wanted, dict) and {"from", "to"} & wanted.keys():
        return inside(_VALUES, span(f"CAST({_VALUE} AS REAL)", wanted), [id])
    texts, enums = among(f"CAST({_VALUE} AS TEXT)", values(wanted)), among(_ENUM, integers(wanted))
    either = texts if enums == NOTHING else (f"{texts[0]} OR {enums[0]}", texts[1] + enums[1])
    return inside(_VALUES, either, [id])


def inside(template: str, condition: Condition, before: Sequence[Any] = ()) -> Condition:
    """Put a condition into a subquery; nothing stays nothing."""
    return NOTHING if condition == NOTHING else (template.format(condition[0]), [*before, *condition[1]])


def _parts(node: Node) -> list[dict[str, Node]]:
    return [part for part in node.values() if isinstance(part, dict)] if isinstance(node, dict) else []


def task_target(filters: Mapping[str, Node]) -> Condition:
    """Match entity_type, and entity_id only together with it."""
    kinds = [kind for kind in values(filters.get("entity_type")) if kind in SINGULAR]
    if not kinds:
        return EVERYTHING if "entity_type" not in filters else NOTHING
    if "entity_id" not in filters:
        return among(key("entity_type"), list(kinds))
    return among("parent", [f"{kind}:{id}" for kind in kinds for id in integers(filters["entity_id"])])


def search(text: str) -> Condition:
    """Match rows in whose name or field values the text occurs; digits find phones however they are written."""
    spelled = {text, text.lower(), text.upper(), text.capitalize(), text.title()}
    likes = [f"%{_escaped(word)}%" for word in sorted(spelled)]
    digits = "".join(letter for letter in text if letter.isdigit())
    forms = [(key("name"), _VALUE, likes)]
    if len(digits) >= 5 and not any(letter.isalpha() for letter in text):
        forms.append((_bare(key("name")), _bare(_VALUE), [f"%{digits}%"]))
    sql, arguments = [], []
    for name, value, patterns in forms:
        sql.append(" OR ".join([f"{name} LIKE ? ESCAPE '\\'"] * len(patterns)))
        sql.append(_ANY_VALUE.format(" OR ".join([f"{value} LIKE ? ESCAPE '\\'"] * len(patterns))))
        arguments += [*patterns, *patterns]
    return f"({' OR '.join(sql)})", arguments


_ANY_VALUE = (
    "EXISTS (SELECT 1 FROM json_each(body, '$.custom_fields_values') AS f, json_each(f.value, '$.values') AS v WHERE {0})"
)


def _bare(expression: str) -> str:
    for mark in " -()":
        expression = f"replace({expression}, '{mark}', '')"
    return expression


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def filters_of(query: Mapping[str, Node]) -> dict[str, Node]:
    """Answer `filter[...]` of a query; anything else under that name is nothing."""
    filters = query.get("filter")
    return filters if isinstance(filters, dict) else {}


def conditions(filters: Mapping[str, Node], known: Mapping[str, Filter]) -> Condition:
    """Join the conditions of the known names; unknown names are ignored."""
    found = [known[name](node) for name, node in filters.items() if name in known]
    return joined(found)


def joined(found: list[Condition]) -> Condition:
    """Join conditions with AND."""
    return " AND ".join(f"({sql})" for sql, _ in found), [argument for _, arguments in found for argument in arguments]


_PEOPLE: dict[str, Filter] = {
    "id": whole("id"),
    "name": exact(key("name")),
    "created_by": whole(key("created_by")),
    "updated_by": whole(key("updated_by")),
    "responsible_user_id": whole(key("responsible_user_id")),
    "created_at": moments("created", scalar_finds_nothing),
    "updated_at": moments("updated", scalar_finds_nothing),
    "closest_task_at": moments(key("closest_task_at"), scalar_finds_nothing),
    "custom_fields_values": custom_fields,
}
ALPHA: dict[str, dict[str, Filter]] = {
    "contacts": _PEOPLE,
    "companies": _PEOPLE,
    "leads": _PEOPLE
    | {
        "price": number_span(key("price")),
        "statuses": statuses,
        "pipeline_id": whole(key("pipeline_id")),
        "closed_at": moments(key("closed_at"), scalar_finds_nothing),
    },
}
TASKS: dict[str, Filter] = {
    "id": whole("id"),
    "responsible_user_id": whole(key("responsible_user_id")),
    "created_by": whole(key("created_by")),
    "is_completed": flag(key("is_completed")),
    "task_type": whole(key("task_type_id")),
    "task_type_id": whole(key("task_type_id")),
    "updated_at": moments("updated", scalar_means_after),
}
NOTES: dict[str, Filter] = {
    "id": whole("id"),
    "entity_id": lambda node: among("parent", values(node)),
    "note_type": exact(key("note_type")),
    "updated_at": moments("updated", scalar_means_after),
}
