"""Pairs: new golden records with two sides, settled and written in one statement, just as the stage would decide them.

Most records that are one thing in two accounts meet like this. What belongs here: which rules SQL can follow (`rules_of`, the
one place that says so), and `pairs.sql` spelled out for an entity and its rules. Whatever is not so plain (a third side, a
connection that does not count, a change since we know the record, an agreement, a decision) is `survive.py`'s to decide.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection

from crm_pipeline.database.golden_statements import ALL_LINKS, column_groups, json_value, never_empty
from crm_pipeline.database.queries import queries
from crm_pipeline.database.templates import fill
from crm_pipeline.model.golden import golden_name, shared_columns
from crm_pipeline.model.rules import Rules
from crm_pipeline.model.survivorship import GROUPS, LATEST, MOST_COMPLETE, UNION, Group

TEXTS = frozenset({"name", "first_name", "last_name", "middle_name", "position", "tax_id", "website", "sku", "email", "title"})
"""Columns whose words SQL counts as Python does."""
_WIDTHS = "".join(map(chr, range(0x2000, 0x200B)))
BLANKS = f"\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f\x85\xa0\u1680{_WIDTHS}\u2028\u2029\u202f\u205f\u3000"
"""What parts words beside the space, as `str.split` has it."""
RuleNames = tuple[str, ...]
"""Rules of the groups of an entity that are columns, in their order."""


def rules_of(entity: str, rules: Rules) -> RuleNames | None:
    """Return by which rules pairs of this entity are settled here; None: the rules ask for more than SQL can follow."""
    ruled = [(group, rules.rule(entity, group.name)) for group in GROUPS[entity]]
    can = all(rule.order == rules.source_order and _can_follow(group, rule.rule) for group, rule in ruled)
    if not can or any(links.one_side for links in ALL_LINKS[entity]):
        return None
    return tuple(rule.rule for group, rule in ruled if group.point_kind is None)


def _can_follow(group: Group, rule: str) -> bool:
    if group.derived:
        return False
    if group.point_kind or rule == UNION:
        return rule == UNION
    return rule == LATEST or (rule == MOST_COMPLETE and TEXTS.issuperset(group.fields))


def begin(db: Connection) -> None:
    """Begin a batch with no pairs in it."""
    db.exec_driver_sql(queries("pairs")["make"])
    db.exec_driver_sql(queries("pairs")["empty"])


def find(db: Connection, entity: str, rules: Rules) -> None:
    """Find the pairs of the batch laid out; none where the rules do not allow it."""
    if rules_of(entity, rules) is not None and _run(db, fill(queries("pairs")["find"], entity=entity)).rowcount:
        _run(db, fill(queries("pairs")["drop_changed"], entity=entity))
        _run(db, fill(queries("matching")["analyze"], table="golden_pairs"))


def upsert(db: Connection, entity: str, rules: Rules) -> list[bool]:
    """Write the pairs; return of each written whether it is new."""
    names = rules_of(entity, rules)
    if names is None or not _are_there(db):
        return []
    skews = {f"skew_{number}": rules.rule(entity, group.name).skew for number, group in column_groups(entity)}
    values = {**skews, "blanks": BLANKS, "spaces": " " * len(BLANKS)}
    return [row[0] for row in _run(db, _upsert(entity, names), values)]


def put_points(db: Connection, entity: str) -> None:
    """Write the phones and e-mails of the pairs."""
    if _are_there(db):
        _run(db, fill(queries("pairs")["put_points"], entity=entity))


def _are_there(db: Connection) -> bool:
    return bool(_run(db, queries("pairs")["are_there"]).scalar_one())


def _run(db: Connection, statement: str, values: dict[str, Any] | None = None) -> Any:
    return db.exec_driver_sql(statement, values) if values else db.exec_driver_sql(statement)


@cache
def _upsert(entity: str, names: RuleNames) -> str:
    ruled = [(number, group, rule) for (number, group), rule in zip(column_groups(entity), names, strict=True)]
    columns = [golden_name(column) for column in shared_columns(entity)]
    ruled_by = {column: (number, rule) for number, group, rule in ruled for column in group.fields}
    golden = [*columns, "provenance", "source_count", "custom_fields", "created_at", "updated_at", "deleted_at"]
    return fill(
        queries("pairs")["upsert"],
        columns=", ".join(columns),
        values=", ".join(never_empty(_value(column, *ruled_by[column]), column, entity) for column in columns),
        agreed=", ".join(_agreed(column, ruled_by[column][0]) for column in columns),
        disputed=",\n".join(text for one in ruled for text in _disputed(*one)),
        winners=", ".join(text for one in ruled for text in _winner(*one)),
        iso_a=_part("iso", side="a"),
        iso_b=_part("iso", side="b"),
        assignments=", ".join(f"{column} = EXCLUDED.{column}" for column in golden),
        old_values=", ".join(f"g.{column}" for column in golden),
        new_values=", ".join(f"EXCLUDED.{column}" for column in golden),
        entity=entity,
    )


def _part(name: str, **names: str) -> str:
    return fill(queries("pairs")[name], **names)


def _is_words(column: str) -> bool:
    return column == "tags"


def _value(column: str, number: int, rule: str) -> str:
    of_either = _part("either_words" if _is_words(column) else "either", column=column)
    return _part("value", column=column, number=str(number), united="w.united" if rule == UNION else "NULL", either=of_either)


def _winner(number: int, group: Group, rule: str) -> Iterator[str]:
    differ = _differ(group)
    yield _part("winner", differ=differ, wins="3" if rule == UNION else _wins(number, group, rule), number=str(number))
    if rule == UNION:
        yield _part("united", differ=differ, column=group.fields[0])


def _wins(number: int, group: Group, rule: str) -> str:
    measures = {f"filled_{side}": _filled(side, group.fields) for side in "ab"}
    measures |= {f"words_{side}": _part("words", parts=", ".join(f"{side}.{one}" for one in group.fields)) for side in "ab"}
    return _part(f"wins_{rule}", later=_part("later", number=str(number)), **measures)


def _filled(side: str, columns: Sequence[str]) -> str:
    return "(" + " + ".join(f"(COALESCE({side}.{column}, '') <> '')::integer" for column in columns) + ")"


def _differ(group: Group) -> str:
    """Return, as SQL, whether both sides say something and not the same; an empty text is as good as none beside others."""
    if len(group.fields) == 1:
        both = [_says(side, group.fields[0]) for side in "ab"]
        return " AND ".join((*both, f"a.{group.fields[0]} <> b.{group.fields[0]}"))
    some = [" OR ".join(_says(side, column) for column in group.fields) for side in "ab"]
    differ = " OR ".join(f"{_text('a', column)} <> {_text('b', column)}" for column in group.fields)
    return f"({some[0]}) AND ({some[1]}) AND ({differ})"


def _says(side: str, column: str) -> str:
    return f"{side}.{column} <> '{{}}'" if _is_words(column) else f"{side}.{column} IS NOT NULL"


def _text(side: str, column: str) -> str:
    return f"COALESCE({json_value(f'{side}.{column}', column)}::text, '')"


def _agreed(column: str, number: int) -> str:
    return _part("agreed", column=column, number=str(number), said_a=_says("a", column), said_b=_says("b", column))


def _disputed(number: int, group: Group, rule: str) -> Iterator[str]:
    name = "disputed_words" if rule == UNION else "disputed"
    for column in group.fields:
        told = {f"told_{side}": _part("told", value=json_value(f"{side}.{column}", column)) for side in "ab"}
        yield _part(name, column=column, number=str(number), rule=rule, **told)
