"""Everything there is once a run has come to rest: what the CRMs hold, what we read of it, golden records, the queue.

What belongs here: collecting, in the shared words of `sides.py`. No judgement.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from crm_pipeline_tests.whole.sides import ENTITIES, STAGES, Values, words_of
from crm_pipeline_tests.whole.world import AMO_PIPELINE, AMO_STAGES, BITRIX_STAGES, World

Key = tuple[str, str]
"""Connection and external id."""
Records = dict[str, Values]

GROUP_OF = {
    "name": "name", "position": "position", "phones": "phones", "emails": "emails", "title": "title", "amount": "money",
    "stage": "stage", "company": "company", "done": "completion", "contacts": "contacts",
}  # fmt: skip
"""Shared field → group of golden columns, as conflicts name it."""
COLUMNS_OF = {
    "name": {"name", "first_name", "last_name", "middle_name"}, "amount": {"amount", "currency"},
    "stage": {"stage_id", "pipeline_id", "stage_category", "closed_at", "loss_reason"}, "company": {"company_id"},
    "done": {"is_completed", "completed_at"},
}  # fmt: skip
"""Shared field → golden columns, where it is not one of the same name."""
POINTS = {"phone": "phones", "email": "emails"}

_PLAIN = {
    "contacts": "name, position", "companies": "name", "deals": "title, amount, {stage} AS stage, {company} AS company",
    "tasks": "title, is_completed AS done",
}  # fmt: skip


@dataclass
class Picture:
    """What there is."""

    held: dict[tuple[str, str], Records]
    """(connection, entity) → id → what the CRM holds."""
    read: dict[tuple[str, str], Records]
    """(connection, entity) → id → what `source.*` holds of the living."""
    golden: dict[str, Records]
    """Entity → golden id → what `crm.*` holds."""
    ids: dict[str, dict[Key, str]]
    """Entity → (connection, external id) → golden id."""
    conflicts: set[tuple[str, str, str]]
    """(entity, golden id, group) of open conflicts."""
    changes: list[dict[str, Any]]
    """The queue, oldest first."""
    redirects: dict[str, str] = field(default_factory=dict)
    """Golden id that was merged away → where to."""
    watermarks: dict[tuple[str, str], float] = field(default_factory=dict)
    """(connection, entity) → the oldest watermark of its live streams in unix seconds, once all of them have one."""

    def members(self, entity: str) -> dict[str, list[Key]]:
        """Return golden id → its living records in the CRMs."""
        found: dict[str, list[Key]] = defaultdict(list)
        for (name, key), golden_id in sorted(self.ids[entity].items()):
            if key in self.held.get((name, entity), {}):
                found[golden_id].append((name, key))
        return dict(found)

    def now(self, golden_id: str) -> str:
        """Return what a golden id is called by now."""
        while golden_id in self.redirects:
            golden_id = self.redirects[golden_id]
        return golden_id

    def excuse(self, entity: str, golden_id: str, name: str, connection: str | None = None) -> str | None:
        """Return why a field may differ: an open conflict, or a change that ended without being applied."""
        if (entity, golden_id, GROUP_OF[name]) in self.conflicts:
            return "open conflict"
        columns = COLUMNS_OF.get(name, {name})
        for change in self.changes:
            is_it = change["entity"] == entity and self.now(change["golden_id"]) == golden_id
            is_there = connection is None or change["connection"] == connection
            is_about = columns & change["fields"].keys() or change["operation"] == "create"
            if is_it and is_there and is_about and change["state"] in FAILED:
                return f"change {change['id']} is {change['state']}: {change['error_detail']}"
        return None


FAILED = ("conflict", "rejected", "dead", "cancelled")


def take_picture(world: World) -> Picture:
    """Collect everything."""
    held = {(name, entity): side.dump(entity) for name, side in world.sides.items() for entity in ENTITIES}
    return Picture(
        held, {key: values for entity in ENTITIES for key, values in _read(world, entity).items()},
        {entity: _golden(world, entity) for entity in ENTITIES}, {entity: _ids(world, entity) for entity in ENTITIES},
        {(row["entity"], row["golden_id"], row["field"]) for row in world.rows(OPEN)}, world.rows(CHANGES),
        {row["old"]: row["new"] for row in world.rows(REDIRECTS)},
        {(row["connection"], row["entity"]): row["moment"] for row in world.rows(WATERMARKS)},
    )  # fmt: skip


OPEN = "SELECT entity, golden_id::text AS golden_id, field FROM sync.conflicts WHERE state = 'open' AND superseded_at IS NULL"
REDIRECTS = "SELECT old_id::text AS old, new_id::text AS new FROM crm.golden_redirects"
WATERMARKS = """SELECT c.name AS connection, k.entity, extract(epoch FROM min(k.watermark))::float AS moment
                FROM sync.cursors k JOIN sync.connections c ON c.id = k.connection_id WHERE strpos(k.stream, '@') = 0
                GROUP BY 1, 2 HAVING bool_and(k.watermark IS NOT NULL)"""
CHANGES = """SELECT o.id, c.name AS connection, o.entity, o.golden_id::text AS golden_id, o.external_id, o.operation, o.fields,
                    o.base, o.state, o.origin, o.attempts, o.error_code, o.error_detail, o.written, o.overwrote
             FROM sync.outgoing_changes o JOIN sync.connections c ON c.id = o.connection_id ORDER BY o.id"""


def _ids(world: World, entity: str) -> dict[Key, str]:
    query = """SELECT c.name, x.external_id, x.golden_id::text AS golden_id FROM crm.crosswalk x
               JOIN sync.connections c ON c.id = x.connection_id WHERE x.entity = %(entity)s AND c.crm <> 'app'"""
    return {(row["name"], row["external_id"]): row["golden_id"] for row in world.rows(query, entity=entity)}


def _read(world: World, entity: str) -> dict[tuple[str, str], Records]:
    plain = _PLAIN[entity].format(stage="s.stage_external_id", company="s.company_external_id")
    found: dict[tuple[str, str], Records] = defaultdict(dict)
    for row in world.rows(
        f"""SELECT c.name AS connection, s.external_id AS key, {plain} FROM source.{entity} s
            JOIN sync.connections c ON c.id = s.connection_id WHERE s.deleted_at IS NULL AND c.crm <> 'app'"""
        if entity in ("deals", "tasks")
        else f"""SELECT c.name AS connection, s.external_id AS key, {", ".join(f"s.{one}" for one in plain.split(", "))}
                 FROM source.{entity} s JOIN sync.connections c ON c.id = s.connection_id
                 WHERE s.deleted_at IS NULL AND c.crm <> 'app'"""
    ):
        found[row.pop("connection"), entity][row.pop("key")] = _shared(entity, row)
    for connection, key, name, value in _sets(world, entity, "source"):
        if key in found.get((connection, entity), {}):
            found[connection, entity][key][name].append(value)
    return dict(found)


def _golden(world: World, entity: str) -> Records:
    plain = _PLAIN[entity].format(stage="stage_id::text", company="company_id::text")
    rows = world.rows(f"SELECT id::text AS key, {plain} FROM crm.{entity} WHERE deleted_at IS NULL")
    found = {row.pop("key"): _shared(entity, row) for row in rows}
    for _, key, name, value in _sets(world, entity, "crm"):
        if key in found:
            found[key][name].append(value)
    stages = _stages(world)
    for values in found.values():
        if "stage" in values:
            values["stage"] = stages.get(values["stage"] or "", values["stage"])
    return found


def _shared(entity: str, row: Values) -> Values:
    row = {name: float(value or 0) if name == "amount" else value for name, value in row.items()}
    if entity in ("contacts", "companies"):
        row |= {"name": words_of(row["name"]), "phones": [], "emails": []}
    if entity == "deals":
        row |= {"contacts": [], "stage": STAGE_OF.get(row["stage"] or "", row["stage"])}
    return row


STAGE_OF = {f"{AMO_PIPELINE}:{AMO_STAGES[stage]}": stage for stage in STAGES} | {BITRIX_STAGES[stage]: stage for stage in STAGES}


def _stages(world: World) -> dict[str, str]:
    """Return golden stage → shared stage."""
    found = {}
    for (_, external_id), golden_id in _ids(world, "stages").items():
        if external_id in STAGE_OF:
            found[golden_id] = STAGE_OF[external_id]
    return found


def _sets(world: World, entity: str, schema: str) -> list[tuple[str, str, str, str]]:
    """Return (connection, record, field, value) of phones, e-mails and a deal's contacts; of golden ones without connection."""
    is_source = schema == "source"
    joined = "JOIN sync.connections c ON c.id = t.connection_id" if is_source else ""
    connection = "c.name" if is_source else "''"
    if entity == "deals":
        deal, contact = ("deal_external_id", "contact_external_id") if is_source else ("deal_id::text", "contact_id::text")
        query = (
            f"SELECT {connection} AS a, t.{deal} AS b, 'contact' AS c, t.{contact} AS d FROM {schema}.deal_contacts t {joined}"
        )
    elif entity == "tasks":
        return []
    else:
        key = "external_id" if is_source else "golden_id::text"
        query = f"""SELECT {connection} AS a, t.{key} AS b, t.kind AS c, t.value AS d FROM {schema}.contact_points t {joined}
                    WHERE t.entity = '{entity}' AND t.kind IN ('phone', 'email')"""
    rows = world.rows(f"{query} ORDER BY 1, 2, 3, 4")
    return [(row["a"], row["b"], {"contact": "contacts", **POINTS}[row["c"]], row["d"]) for row in rows]
