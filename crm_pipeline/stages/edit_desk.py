"""The desk: what operations that were let in make of the app's own source records, worked out in memory and written as one set.

A row of the app says what people edited in it and nothing else; of each group of fields it says all or nothing. The bases of
edited groups are what stood before, so that the edit is the only change since.
What belongs here: rows, links, bases and the log of changes. Who is let in is decided in `edit_reading.py`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from crm_pipeline.database import bases
from crm_pipeline.database import operations as stored
from crm_pipeline.database.operations import AppRow, Laid
from crm_pipeline.database.refusals import Connection
from crm_pipeline.model.entities import CHILDREN, COLUMNS
from crm_pipeline.model.golden import REFERENCES, TARGET, golden_name, shared_columns
from crm_pipeline.model.operations import LINKED, Operation
from crm_pipeline.model.whole_groups import Circumstances, complete, edited_groups
from crm_pipeline.model.writing import COMPLETE, CREATE, LINK, POINT_SETS, REOPEN, UNLINK
from crm_pipeline.stages.edit_reading import Case

Record = tuple[str, str]
"""Entity, golden id."""
LOGGED_AS = {"phones": "phones", "emails": "emails", "webs": "contact_points"}
"""Set of contact points → field of `source.field_changes`, as landing calls it."""
LINK_ROWS = {
    ("deals", "contacts"): ("deal_contacts", "contact_external_id"),
    ("deals", "products"): ("deal_products", "product_external_id"),
    ("contacts", "companies"): ("contact_companies", "company_external_id"),
}
"""Entity, field → child table and the column that says where a row leads."""


@dataclass(slots=True)
class Row:
    """One record as the app is going to say it."""

    standing: dict[str, Any]
    """Golden columns, with what this upload changed."""
    says: dict[str, Any]
    """Source columns."""
    children: dict[str, list[dict[str, Any]]]
    points: list[dict[str, Any]]
    """Golden contact points before."""
    connections: frozenset[int] = frozenset()
    created_at: datetime | None = None
    replaced: set[str] = field(default_factory=set)
    """Child tables that come with it."""
    is_edited: bool = False


@dataclass(slots=True)
class Desk:
    """The rows an upload is about."""

    app: int
    now: datetime
    rows: dict[Record, Row] = field(default_factory=dict)
    bases: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """Entity → (golden id, group) whose base is to be what stands."""
    changes: list[tuple[str, str, str, Any, Any, datetime]] = field(default_factory=list)
    """Entity, golden id, field, old value, new value, when."""
    referred: dict[str, set[str]] = field(default_factory=dict)
    """Entity → golden ids that rows refer to."""

    def lay_out(self, db: Connection, cases: Iterable[Case]) -> None:
        """Lay out the records of these operations."""
        wanted: dict[str, set[str]] = {}
        for case in cases:
            assert case.operation and case.golden_id
            wanted.setdefault(case.operation.entity, set()).add(case.golden_id)
        stored.hold(db, ((entity, golden_id) for entity, ids in wanted.items() for golden_id in ids))
        for entity, ids in wanted.items():
            laid = stored.lay(db, self.app, entity, ids)
            said = stored.children(db, self.app, entity, [id_ for id_, one in laid.items() if one.app])
            points = stored.points(db, entity, ids) if _has_points(entity) else {}
            for id_, one in laid.items():
                self.rows[entity, id_] = _row(one, said.get(id_, {}), points.get(id_, []))

    def carry_out(self, case: Case, kept: set[str]) -> None:
        """Write an operation into its row. `kept`: groups whose base stays what it is."""
        operation, golden_id = case.operation, case.golden_id
        assert operation and golden_id
        row = self.rows[operation.entity, golden_id]
        row.is_edited = True
        if operation.action == CREATE:
            row.created_at = self.now
        values = self._values(operation, row)
        self._say(
            operation,
            golden_id,
            row,
            values,
            complete(operation.entity, values, row.standing, Circumstances(self.now, case.stage)),
        )
        for name, points in operation.sets.items():
            self._say_points(operation.entity, golden_id, row, name, points)
        for name, links in operation.links.items():
            if (operation.entity, name) in LINK_ROWS:
                self._say_links(operation, golden_id, row, name, links)
        if operation.action != CREATE:
            groups = [group for group in edited_groups(operation.entity, values) if group not in kept]
            self.bases.setdefault(operation.entity, []).extend((golden_id, group) for group in groups)

    def _values(self, operation: Operation, row: Row) -> dict[str, Any]:
        """Return the golden columns an operation sets."""
        values = dict(operation.values)
        if operation.action in (COMPLETE, REOPEN):
            values["is_completed"] = operation.action == COMPLETE
        if operation.entity == "communications" and operation.action == CREATE:
            values.setdefault("happened_at", self.now.isoformat())
        if operation.entity == "tasks" and operation.action == CREATE:
            values.setdefault("is_completed", False)
        if operation.entity == "deals" and operation.action == UNLINK:
            gone = {link["id"] for link in operation.links.get("companies", ())}
            values |= {"company_id": None} if row.standing.get("company_id") in gone else {}
        return values

    def _say(self, operation: Operation, golden_id: str, row: Row, edited: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        """Have a row say these golden columns, and log what the app did not say before."""
        entity = operation.entity
        for column in shared_columns(entity):
            name = golden_name(column)
            if name not in values:
                continue
            old, new = row.says.get(column), values[name]
            if row.created_at is None and (name in edited or old != new):
                self.changes.append((entity, golden_id, column, old, new, self.now))
            row.says[column] = new
            row.standing[name] = new
            self._refer(column, values, new)
        if entity == "contacts" and "company_id" in edited:
            self._employ(golden_id, row, edited["company_id"])

    def _refer(self, column: str, values: Mapping[str, Any], record: Any) -> None:
        entity = values.get("target_entity") if column == TARGET else REFERENCES.get(column)
        if entity and record:
            self.referred.setdefault(entity, set()).add(record)

    def _employ(self, golden_id: str, row: Row, company_id: str | None) -> None:
        """Link a contact with its company, and with no other the app had given it."""
        rows = [one for one in row.children.get("contact_companies", []) if not one["is_primary"]]
        rows = [one for one in rows if one["company_external_id"] != company_id]
        row.children["contact_companies"] = rows + (
            [{"company_external_id": company_id, "is_primary": True}] if company_id else []
        )
        row.replaced.add("contact_companies")

    def _say_points(self, entity: str, golden_id: str, row: Row, name: str, points: tuple[str, ...]) -> None:
        kind, table = POINT_SETS[name], "contact_points"
        said = row.children.get(table, [])
        before = {one["value"]: one for one in [*said, *row.points] if one["kind"] == kind}
        new = [_point(entity, kind, value, place, before.get(value, {})) for place, value in enumerate(points)]
        row.children[table] = [one for one in said if one["kind"] != kind] + new
        row.points = [one for one in row.points if one["kind"] != kind] + new
        row.replaced.add(table)
        if row.created_at is None:
            old = [_told(one) for one in before.values()]
            self.changes.append((entity, golden_id, LOGGED_AS[name], old or None, [_told(one) for one in new] or None, self.now))

    def _say_links(self, operation: Operation, golden_id: str, row: Row, name: str, links: tuple[Mapping[str, Any], ...]) -> None:
        table, column = LINK_ROWS[operation.entity, name]
        rows = row.children.setdefault(table, [])
        ids = {link["id"] for link in links}
        self.referred.setdefault(LINKED[operation.entity][name], set()).update(ids)
        if name != "products" or operation.action == UNLINK:
            rows[:] = [one for one in rows if one[column] not in ids]
        if operation.action in (LINK, CREATE):
            start = max((one.get("position") or 0 for one in rows), default=-1) + 1
            for place, link in enumerate(links):
                is_first = operation.action == CREATE and place == 0
                rows.append(
                    {column: link["id"], "position": start + place, "is_main": is_first, "is_primary": False,
                     "quantity": link.get("quantity"), "price": link.get("price")}
                )  # fmt: skip
        row.replaced.add(table)

    def write(self, db: Connection) -> None:
        """Write everything: bases first, of what stands; then rows, links, the crosswalk and the log."""
        for entity, asked in self.bases.items():
            bases.stand_all(db, entity, asked)
        for entity, ids in self.referred.items():
            stored.refer(db, self.app, entity, sorted(ids - {id_ for of, id_ in self.rows if of == entity}))
        for entity in sorted({entity for entity, _ in self.rows}):
            rows = [self._app_row(entity, id_, row) for (of, id_), row in self.rows.items() if of == entity and row.is_edited]
            stored.put(db, self.app, entity, rows)
        stored.log(db, self.changes, self.app)

    def _app_row(self, entity: str, golden_id: str, row: Row) -> AppRow:
        values = {column: row.says.get(column) for column in COLUMNS[entity]}
        if "tags" in values:
            values["tags"] = values["tags"] or []
        children = {
            child.table: row.children.get(child.table, []) for child in CHILDREN.get(entity, ()) if child.table in row.replaced
        }
        return AppRow(golden_id, values, children, row.created_at or row.says.get("remote_created_at"), self.now)


def _has_points(entity: str) -> bool:
    return any(child.table == "contact_points" for child in CHILDREN.get(entity, ()))


def _row(laid: Laid, children: dict[str, list[dict[str, Any]]], points: list[dict[str, Any]]) -> Row:
    return Row(dict(laid.golden or {}), dict(laid.app or {}), children, points, laid.connections)


def _point(entity: str, kind: str, value: str, place: int, before: Mapping[str, Any]) -> dict[str, Any]:
    label = before.get("label")
    return {
        "entity": entity,
        "kind": kind,
        "value": value,
        "original": value,
        "label": label,
        "is_primary": place == 0,
        "position": place,
    }


def _told(point: Mapping[str, Any]) -> dict[str, Any]:
    """Return a contact point as the log of changes tells it."""
    return {name: point.get(name) for name in ("kind", "value", "original", "label", "is_primary")}
