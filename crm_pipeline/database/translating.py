"""Translating: golden terms into those of one connection, and what the connection holds, in the same terms. For whole batches.

What belongs here: finding counterparts. References go by the crosswalk; where a connection has several counterparts, the one
the record has already stays. How a CRM spells values is its connector's business (`express`).
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any, ClassVar, NamedTuple

from sqlalchemy import Connection

from crm_pipeline.database.queries import queries
from crm_pipeline.database.templates import fill
from crm_pipeline.model.entities import CHILDREN, COLUMNS
from crm_pipeline.model.golden import REFERENCES, TARGET, golden_name, is_reference
from crm_pipeline.model.owing import value_of, written_columns
from crm_pipeline.model.writing import POINT_SETS, LinkTo

LINKED = {"contacts": "contacts", "companies": "companies", "products": "products"}
"""Field that holds links → entity they lead to."""
NAME_OF = {"deals": "title", "tasks": "title"}
CALLED = {"users": "user", "companies": "company", "contacts": "contact", "products": "product", "deals": "deal",
          "pipelines": "pipeline", "stages": "stage"}  # fmt: skip
BY_HAND = ("users", "pipelines", "stages")
"""Entities whose counterparts a person names in the rules file."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be translated of one record. `external_id` None: it is not there yet."""

    golden_id: str
    external_id: str | None
    fields: Mapping[str, Any]
    """Golden column → JSON value; `phones`, `emails`, `webs`, `tags` whole lists; `contacts`, `companies`, `products` links:
    golden ids, or mappings with `id` and is_main, quantity, price, name."""


@dataclass(frozen=True, slots=True)
class Translated:
    """One record in a connection's terms."""

    values: Mapping[str, Any] = field(default_factory=dict)
    """Source column or list → value as source tables hold it."""
    missing: Mapping[str, str] = field(default_factory=dict)
    """Field that refers to something the connection has no counterpart of → a sentence for a person. It is left out."""
    waits: bool = False
    """Something it refers to is about to be created there."""
    links: tuple[LinkTo, ...] = ()


def translate(db: Connection, connection_id: int, entity: str, asked: Sequence[Asked]) -> list[Translated]:
    """Return records in a connection's terms, in the order asked for."""
    if not asked:
        return []
    words = _Words(db, connection_id, entity, asked)
    return [_Translation(entity, one, words).done() for one in asked]


def held(db: Connection, connection_id: int, entity: str, external_ids: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return external id → what the source tables say a connection holds, deleted records too."""
    if not external_ids:
        return {}
    statement, names = _held(entity)
    rows = db.exec_driver_sql(statement, {"connection_id": connection_id, "ids": list(external_ids)})
    return {row[0]: dict(zip(names, row[1:], strict=True)) for row in rows}


@cache
def _held(entity: str) -> tuple[str, tuple[str, ...]]:
    has_points = any(child.table == "contact_points" for child in CHILDREN.get(entity, ()))
    lists = POINT_SETS if has_points else {}
    points = [fill(queries("translating")["held_points"], entity=entity, kind=kind) for kind in lists.values()]
    columns = ", ".join([*(f"s.{column}" for column in COLUMNS[entity]), *points])
    return fill(queries("translating")["held"], columns=columns, entity=entity), (*COLUMNS[entity], *lists)


# References ------------------------------------------------------------------------------------------------------------


def references(entity: str, fields: Mapping[str, Any]) -> Iterable[tuple[str, str, str]]:
    """Yield (field, entity, golden id) of everything these fields refer to."""
    for column in filter(is_reference, COLUMNS[entity]):
        name = golden_name(column)
        to = fields.get("target_entity") if column == TARGET else REFERENCES[column]
        if fields.get(name) is not None and to:
            yield name, str(to), str(fields[name])
    for name, to in LINKED.items():
        for link in fields.get(name) or ():
            if golden_id := linked_id(link):
                yield name, to, golden_id


def linked_id(link: Any) -> str | None:
    """Return the golden id a link leads to, however it is written."""
    found = link.get("id") if isinstance(link, Mapping) else link
    return None if found is None else str(found)


class Counterpart(NamedTuple):
    """A living record of the connection that stands for a golden one."""

    external_id: str
    pipeline: str | None
    """Of a stage."""


class _Words:
    """Everything a batch needs to know, asked for once."""

    def __init__(self, db: Connection, connection_id: int, entity: str, asked: Sequence[Asked]):
        self._db, self._connection_id = db, connection_id
        wanted: dict[str, set[str]] = {}
        for one in asked:
            for _, to, golden_id in references(entity, one.fields):
                wanted.setdefault(to, set()).add(golden_id)
        self._counterparts = {to: self._find(to, ids) for to, ids in wanted.items()}
        missing = {to: sorted(ids - self._counterparts[to].keys()) for to, ids in wanted.items()}
        self.names = {to: self._pairs("names", to, ids) for to, ids in missing.items() if ids}
        self.awaited = {(to, one) for to, ids in missing.items() if ids for one in self._awaited(to, ids)}
        self.connection = self._value("connection")
        self.now = self._referring(entity, [one.external_id for one in asked if one.external_id])
        self.ends, self.categories, self.main_pipeline = self._ends(wanted.get("stages", set()))

    def of(self, entity: str, golden_id: str) -> list[Counterpart]:
        """Return living counterparts, the smallest id first."""
        return self._counterparts.get(entity, {}).get(golden_id, [])

    def _run(self, name: str, entity: str = "", **values: Any) -> Any:
        text = fill(
            queries("translating")[name],
            entity=entity,
            pipeline="s.pipeline_external_id" if entity == "stages" else "NULL",
            name=NAME_OF.get(entity, "name"),
            columns=", ".join(f"s.{column}" for column in COLUMNS.get(entity, ()) if is_reference(column)) or "NULL",
        )
        return self._db.exec_driver_sql(text, {"connection_id": self._connection_id, **values})

    def _value(self, name: str) -> Any:
        return self._run(name).scalar_one_or_none()

    def _find(self, entity: str, ids: set[str]) -> dict[str, list[Counterpart]]:
        found: dict[str, list[Counterpart]] = {}
        for golden_id, external_id, is_living, pipeline in self._run("counterparts", entity, ids=sorted(ids)):
            if is_living:
                found.setdefault(golden_id, []).append(Counterpart(external_id, pipeline))
        return found

    def _pairs(self, name: str, entity: str, ids: Iterable[str]) -> dict[str, Any]:
        return {row[0]: row[1] for row in self._run(name, entity, ids=list(ids))}

    def _awaited(self, entity: str, ids: Sequence[str]) -> list[str]:
        rows = self._db.exec_driver_sql(
            queries("translating")["awaited"], {"connection_id": self._connection_id, "entity": entity, "ids": list(ids)}
        )
        return [row[0] for row in rows]

    def _referring(self, entity: str, ids: Sequence[str]) -> dict[str, dict[str, str | None]]:
        names = [column for column in COLUMNS[entity] if is_reference(column)]
        if not ids or not names:
            return {}
        return {row[0]: dict(zip(names, row[1:], strict=True)) for row in self._run("referring", entity, ids=list(ids))}

    def _ends(self, stages: set[str]) -> tuple[dict[tuple[str | None, str], list[str]], dict[str, str], str | None]:
        if all(self.of("stages", stage) for stage in stages):
            return {}, {}, None
        ends: dict[tuple[str | None, str], list[str]] = {}
        for pipeline, category, external_id in self._run("last_stages"):
            ends.setdefault((pipeline, category), []).append(external_id)
        return ends, self._pairs("categories", "stages", sorted(stages)), self._value("main_pipeline")


# One record -----------------------------------------------------------------------------------------------------------


class _Translation:
    """Puts one record into the connection's terms."""

    def __init__(self, entity: str, asked: Asked, words: _Words):
        self._entity, self._fields, self._words = entity, asked.fields, words
        self._now: Mapping[str, str | None] = words.now.get(asked.external_id or "", {})
        self._values: dict[str, Any] = {}
        self._missing: dict[str, str] = {}
        self._waits = False

    def done(self) -> Translated:
        """Return everything that can be said there."""
        columns = written_columns(self._entity)
        for name, value in self._fields.items():
            if name in POINT_SETS or name == "tags":
                self._values[name] = list(value or ())
            elif name in columns:
                self._say(name, columns[name], value)
        links = tuple(link for name in LINKED if name in self._fields for link in self._links(name))
        return Translated(self._values, self._missing, self._waits, links)

    def _say(self, name: str, column: str, value: Any) -> None:
        if name in self._SAID_APART:
            self._SAID_APART[name](self, value)
        elif is_reference(column):
            self._refer(name, column, value)
        else:
            self._values[column] = value_of(name, value)

    def _refer(self, name: str, column: str, golden_id: str | None) -> None:
        if golden_id is None:
            self._values[column] = None
        elif chosen := self._counterpart(REFERENCES[column], golden_id, self._now.get(column)):
            self._values[column] = chosen
        else:
            self._lack(name, REFERENCES[column], golden_id)

    def _counterpart(self, entity: str, golden_id: str, now: str | None) -> str | None:
        found = [one.external_id for one in self._words.of(entity, golden_id)]
        return now if now in found else next(iter(found), None)

    def _lack(self, name: str, entity: str, golden_id: str) -> None:
        called = self._words.names.get(entity, {}).get(golden_id) or golden_id
        who = {"owner_id": "owner", "author_id": "author"}.get(name, CALLED.get(entity, "record"))
        there = self._words.connection
        if (entity, golden_id) in self._words.awaited:
            self._waits = True
            self._missing[name] = f"The {who} {called} is about to be created in {there}."
        elif entity in BY_HAND:
            kind, them = CALLED[entity], "them" if entity == "users" else "it"
            self._missing[name] = f"The {who} {called} has no {kind} in {there}; add {them} to `{entity}` in the rules file."
        else:
            self._missing[name] = f"The {who} {called} is not in {there}; `create_missing` in the rules file creates it there."

    def _target(self, entity: str | None) -> None:
        golden_id = self._fields.get("target_id")
        if entity is None or golden_id is None:
            self._values |= {"target_entity": None, "target_external_id": None}
        elif chosen := self._counterpart(entity, golden_id, self._now.get(TARGET)):
            self._values |= {"target_entity": entity, "target_external_id": chosen}
        else:
            self._lack("target_id", entity, golden_id)

    # Pipelines and stages ------------------------------------------------------------------------------------------------

    def _pipeline(self, golden_id: str | None) -> None:
        """Say the pipeline where no stage says it."""
        if self._fields.get("stage_id") is None and golden_id is not None:
            self._refer("pipeline_id", "pipeline_external_id", golden_id)

    def _stage(self, golden_id: str | None) -> None:
        if golden_id is None:
            return
        chosen = self._mapped_stage(golden_id) or self._end_stage(golden_id)
        if chosen:
            self._values |= {"stage_external_id": chosen.external_id, "pipeline_external_id": chosen.pipeline}
        else:
            self._lack("stage_id", "stages", golden_id)

    def _pipelines(self) -> list[str]:
        pipeline = self._fields.get("pipeline_id")
        return [one.external_id for one in self._words.of("pipelines", pipeline)] if pipeline else []

    def _mapped_stage(self, golden_id: str) -> Counterpart | None:
        """Return the counterpart of a stage: in the golden pipeline, then the one it is in, then one of its own pipeline."""
        wanted, now, own = self._pipelines(), self._now.get("stage_external_id"), self._now.get("pipeline_external_id")
        found = self._words.of("stages", golden_id)
        rank = [(bool(wanted) and one.pipeline not in wanted, one.external_id != now, one.pipeline != own) for one in found]
        return found[rank.index(min(rank))] if found else None

    def _end_stage(self, golden_id: str) -> Counterpart | None:
        """Return the won or lost stage of the record's own pipeline, for one that has no counterpart."""
        category = self._words.categories.get(golden_id, "")
        pipeline = self._now.get("pipeline_external_id") or next(iter(self._pipelines()), self._words.main_pipeline)
        found, now = self._words.ends.get((pipeline, category), []), self._now.get("stage_external_id")
        chosen = now if now in found else next(iter(found), None)
        return Counterpart(chosen, pipeline) if chosen else None

    _SAID_APART: ClassVar[Mapping[str, Callable[..., None]]] = {
        "stage_id": _stage, "pipeline_id": _pipeline, "target_entity": _target, "target_id": lambda *_: None,
    }  # fmt: skip
    """Golden columns that are said together with another."""

    # Links ---------------------------------------------------------------------------------------------------------------

    def _links(self, name: str) -> Iterable[LinkTo]:
        entity = LINKED[name]
        for link in self._fields[name] or ():
            golden_id = linked_id(link)
            chosen = self._counterpart(entity, golden_id, None) if golden_id else None
            if chosen:
                yield _link(entity, chosen, {"id": golden_id} | (dict(link) if isinstance(link, Mapping) else {}))
            elif golden_id:
                self._lack(name, entity, golden_id)


def _link(entity: str, external_id: str, link: Mapping[str, Any]) -> LinkTo:
    quantity, price = (None if link.get(one) is None else Decimal(str(link[one])) for one in ("quantity", "price"))
    is_main = bool(link.get("is_main") or link.get("is_primary"))
    name = link.get("name") or link.get("product_name")
    return LinkTo(entity, external_id, is_main, quantity, price, name, linked_id(link))
