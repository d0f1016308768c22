"""What must hold once a run has come to rest. Every judge returns sentences, all of them are asked, nothing stops at the first.

What belongs here: the promises, and the sentence when one is broken. What there is comes from `picture.py`.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from crm_pipeline_tests.whole.picture import Picture
from crm_pipeline_tests.whole.sides import ENTITIES, FIELDS
from crm_pipeline_tests.whole.world import Edit, World

Judge = Callable[[World, Picture], Iterator[str]]


def nothing_lost_coming_in(world: World, picture: Picture) -> Iterator[str]:
    """What the CRMs hold is what `source.*` holds, field by field."""
    for (name, entity), held in picture.held.items():
        read = picture.read.get((name, entity), {})
        for key in sorted(held.keys() - read.keys()):
            yield f"lost coming in: {name} {entity} {key} is not in source.{entity}: {held[key]}"
        for key in sorted(held.keys() & read.keys()):
            for field in FIELDS[entity]:
                if differ(held[key][field], read[key][field]) and (field not in LINKS or not world.is_quiet):
                    there, here = held[key][field], read[key][field]
                    yield f"lost coming in: {name} {entity} {key} {field}: the CRM holds {there!r}, source {here!r}"


def cursors_are_never_ahead(world: World, picture: Picture) -> Iterator[str]:
    """What changed before an entity's oldest watermark is landed as it is, whatever will be read later."""
    for (name, entity), held in picture.held.items():
        side, read = world.sides[name], picture.read.get((name, entity), {})
        for key in sorted(held):
            if side.changed_at(entity, key) < picture.watermarks.get((name, entity), 0.0) - OVERLAP:
                for field in set(FIELDS[entity]) - set(LINKS):
                    here = read.get(key, {}).get(field)
                    if differ(held[key][field], here):
                        there = held[key][field]
                        yield f"a cursor is ahead: {name} {entity} {key} {field}: the CRM holds {there!r}, source {here!r}"


OVERLAP = 300.0
"""Seconds before the watermark that every walk reads again: the shorter one of the two CRMs."""


def deletes_are_seen(world: World, picture: Picture) -> Iterator[str]:
    """What is not in a CRM any more is not alive in `source.*`."""
    for (name, entity), read in picture.read.items():
        for key in sorted(read.keys() - picture.held[name, entity].keys()):
            yield f"a delete was not seen: {name} {entity} {key} is alive in source.{entity}: {read[key]}"


def every_operation_ends(world: World, picture: Picture) -> Iterator[str]:
    """Every operation was answered, and every change ended, with a reason where it was not done."""
    for id_, kept in world.operations.items():
        if kept["answer"] is None:
            yield f"lost going out: operation {id_} was never answered: {kept['operation']}"
    gone = _people_ended(world, picture)
    for change in picture.changes:
        if change["state"] in ("pending", "in_flight"):
            yield f"lost going out: change {change['id']} never ended: {_told(change)}"
        elif change["state"] in ("conflict", "rejected", "dead", "cancelled") and not change["error_detail"]:
            yield f"lost going out: change {change['id']} is {change['state']} without a reason"
        elif change["error_code"] in OURS or (change["state"] == "rejected" and not _is_plausible(change, gone)):
            yield f"a change failed: {change['id']} {change['state']}, {_told(change)}"


OURS = ("internal", "loop")
PLAUSIBLE = ("gone", "golden_gone")
"""Why a change may be rejected in this world, if people deleted or merged its record: the CRMs refuse nothing else."""


def _is_plausible(change: dict[str, Any], gone: set[tuple[str, str]]) -> bool:
    return change["error_code"] in PLAUSIBLE and bool(
        {(change["entity"], change["golden_id"]), (change["connection"], change["external_id"])} & gone
    )


def _people_ended(world: World, picture: Picture) -> set[tuple[str, str]]:
    """Return the records people deleted, restored or merged: as (entity, golden id) and as (connection, external id)."""
    golden = {(entity, picture.ids[entity].get((name, key), "")) for entity, name, key in world.touched}
    merged = {(entity, old) for entity, new in golden for old in picture.redirects if picture.now(old) == picture.now(new)}
    return golden | merged | {(name, key) for _, name, key in world.touched}


def creates_arrive_once(world: World, picture: Picture) -> Iterator[str]:
    """Records that nobody made in a CRM are those of applied creates, one for each."""
    applied: dict[tuple[str, str], list[str]] = defaultdict(list)
    for change in picture.changes:
        if change["operation"] == "create" and change["state"] in ("applied", "merged") and change["external_id"]:
            applied[change["connection"], change["entity"]].append(change["external_id"])
    for name, side in world.sides.items():
        for entity in ENTITIES:
            ours = set(side.keys(entity, deleted=None)) - world.made[name, entity]
            for key in sorted(ours - set(applied[name, entity])):
                yield f"made twice: {name} {entity} {key} belongs to no applied create: {side.row(entity, key)}"
            for key in sorted(set(applied[name, entity]) - ours - world.made[name, entity]):
                yield f"never made: {name} {entity} {key} is said to be applied and is not in the CRM"


def creates_arrive(world: World, picture: Picture) -> Iterator[str]:
    """What was made in the app is in every CRM named, or a change says why not."""
    for kept in world.operations.values():
        operation, answer = kept["operation"], kept["answer"]
        if operation["action"] != "create" or not answer or answer["status"] != "accepted":
            continue
        entity, golden_id = operation["entity"], picture.now(answer["record"])
        there = {name for (name, _), id_ in picture.ids[entity].items() if id_ == golden_id}
        for name in sorted(set(operation["connections"]) - there):
            ended = [one for one in picture.changes if one["connection"] == name and picture.now(one["golden_id"]) == golden_id]
            if not any(one["state"] in ("rejected", "dead", "cancelled", "conflict") for one in ended):
                yield f"lost going out: {entity} {golden_id}, made by {operation['id']}, is not in {name}: {operation['fields']}"


def order_is_kept(world: World, picture: Picture) -> Iterator[str]:
    """No CRM is sent an older edit of the app after a later one of the same field."""
    words = {one.value if one.field != "name" else one.value.split()[-1]: one for one in world.edits if _is_told(one)}
    for name, side in world.sides.items():
        last: dict[tuple[str, str], Edit] = {}
        for entry in side.writes():
            for found in re.findall(r"Q[bdfgklmprtaeiou]{8}", str(entry["params"])):
                edit = words.get(found)
                if edit is None:
                    continue
                before = last.get((edit.key, edit.field))
                if before and before.number > edit.number:
                    yield f"out of order: {name} was sent {edit.field} {edit.value!r} after {before.value!r} ({entry['call']})"
                last[edit.key, edit.field] = edit


def _is_told(edit: Edit) -> bool:
    return edit.by == "app" and edit.field in ("name", "title", "position")


def sides_agree(world: World, picture: Picture) -> Iterator[str]:
    """Two-way connections hold what golden holds, or an open conflict or a change says why not."""
    for entity in ENTITIES:
        for golden_id, members in picture.members(entity).items():
            golden = picture.golden[entity].get(golden_id)
            if golden is None:
                yield f"no golden record: {entity} {golden_id} of {members} is not alive in crm.{entity}"
                continue
            for name, key in members:
                held = picture.held[name, entity][key]
                for field in FIELDS[entity]:
                    yield from _agrees(world, picture, (entity, golden_id, field), (name, key), held[field], golden[field])


def _agrees(
    world: World, picture: Picture, where: tuple[str, str, str], member: tuple[str, str], held: Any, golden: Any
) -> Iterator[str]:
    entity, golden_id, field = where
    name, key = member
    if name not in world.two_way or field in LINKS or not differ(held, golden):
        return
    if picture.excuse(entity, golden_id, field, name) is None:
        yield f"sides disagree: {entity} {golden_id} {field}: {name}:{key} holds {held!r}, golden {golden!r}"


LINKS = ("company", "contacts")
"""Compared only coming in: golden ones are ids of golden records."""


def edits_arrive(world: World, picture: Picture) -> Iterator[str]:
    """What one person or app said of a field, once and nobody after, is what everybody holds."""
    said: dict[tuple[str, str, str], list[Edit]] = defaultdict(list)
    for edit in world.edits:
        golden_id = _golden_of(picture, edit)
        if golden_id:
            said[edit.entity, golden_id, edit.field].append(edit)
    touched = {(entity, picture.ids[entity].get((name, key))) for entity, name, key in world.touched}
    for (entity, golden_id, field), edits in said.items():
        is_alone = len(edits) == 1
        if is_alone and (entity, golden_id) not in touched and picture.excuse(entity, golden_id, field) is None:
            yield from _arrived(world, picture, golden_id, edits[0])


def _golden_of(picture: Picture, edit: Edit) -> str | None:
    return picture.now(edit.key) if edit.by == "app" else picture.ids[edit.entity].get((edit.by, edit.key))


def _arrived(world: World, picture: Picture, golden_id: str, edit: Edit) -> Iterator[str]:
    entity, members = edit.entity, picture.members(edit.entity).get(golden_id, [])
    places = [(f"{name}:{key}", picture.held[name, entity][key]) for name, key in members if name in world.two_way]
    golden = picture.golden[entity].get(golden_id)
    for place, values in [*places, *([("golden", golden)] if golden else [])]:
        if not _is_in(edit, values[edit.field]):
            yield (
                f"an edit was lost: {edit.by} said {entity} {edit.key} {edit.field} is {edit.value!r} (it was {edit.had!r}), "
                f"{place} holds {values[edit.field]!r}"
            )


def _is_in(edit: Edit, held: Any) -> bool:
    """Return whether a place holds what was said; of a list: what was added, and not what was taken off."""
    if isinstance(edit.value, list):
        added, gone = set(edit.value) - set(edit.had or ()), set(edit.had or ()) - set(edit.value)
        return added <= set(held) and not gone & set(held)
    return not differ(held, edit.value if edit.field != "name" else " ".join(sorted(str(edit.value).split())))


def logs_are_clean(world: World, picture: Picture) -> Iterator[str]:
    """No process broke down, and no secret is in the log."""
    yield from (f"broke down: {one}" for one in world.crew.broken)
    log = world.crew.log.read_text(encoding="utf-8", errors="replace")
    for name, side in world.sides.items():
        given = side.sandbox.credentials()
        for key in ("client_secret", "long_lived_token", "webhook_url"):
            if key in given and str(given[key]) in log:
                yield f"a secret is in the log: {key} of {name}"


JUDGES: tuple[Judge, ...] = (
    nothing_lost_coming_in, deletes_are_seen, every_operation_ends, creates_arrive_once, creates_arrive, order_is_kept,
    sides_agree, edits_arrive, logs_are_clean,
)  # fmt: skip


def judge(world: World, picture: Picture) -> list[str]:
    """Ask every judge; return what is broken as sentences."""
    return [sentence for one in JUDGES for sentence in one(world, picture)]


def differ(one: Any, other: Any) -> bool:
    """Return whether two values of a field differ: lists in any order, and empty is empty however it is written."""
    if isinstance(one, list) or isinstance(other, list):
        return sorted(map(str, one or ())) != sorted(map(str, other or ()))
    return (one or None) != (other or None)


def _told(change: dict[str, Any]) -> str:
    return f"{change['operation']} {change['entity']} {change['golden_id']} in {change['connection']}, {change['fields']}, " \
        f"{change['attempts']} attempts, {change['error_code']}: {change['error_detail']}"  # fmt: skip


def story_of(world: World, picture: Picture, sentence: str) -> list[str]:
    """Return what the queue did about the record a sentence is about."""
    ids = set(re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", sentence))
    named = re.search(r"(north|south|portal) (\w+) (\d+) ", sentence)
    if named and named[2] in picture.ids:
        ids.add(picture.ids[named[2]].get((named[1], named[3]), ""))
    return [
        f"change {one['id']} {one['state']} {one['origin']} -> {one['connection']}: {one['operation']} {one['fields']} "
        f"base {one['base']} written {one['written']} overwrote {one['overwrote']} "
        f"{one['error_code'] or ''} {one['error_detail'] or ''}"
        for one in picture.changes
        if picture.now(one["golden_id"]) in ids
    ]
