"""The small lists, read whole every time: users, pipelines, stages, custom fields.

What a finished walk of them has not seen is gone, so a list that does not add up is read again and, if it never does, raised.
"""

import re
from collections.abc import Callable, Iterator

from crm_pipeline.connectors import Link
from crm_pipeline.connectors.bitrix24.brackets import as_list, as_map
from crm_pipeline.connectors.bitrix24.client import Client
from crm_pipeline.connectors.bitrix24.payloads import NAME_OF_ENTITY, PAGE, TYPE_OF_ENTITY, Params
from crm_pipeline.connectors.bitrix24.refusals import code_of
from crm_pipeline.connectors.bitrix24.replies import Command, Reply
from crm_pipeline.errors import ImplausibleWalk
from crm_pipeline.model.cleaning import moment
from crm_pipeline.model.records import Page, RawRecord, WalkRequest

REREADS = 3
_STAGE_SET = re.compile(r"DEAL_STAGE_(\d+)")
CLASSIC_DEFAULT_PIPELINE = {"id": 0, "name": "", "sort": 0, "entityTypeId": 2, "isDefault": "Y"}


def walk_reference(link: Link, client: Client, name: str, request: WalkRequest) -> Iterator[Page]:
    """Yield one page with the whole list (`record` mode: with the records asked for)."""
    spent = link.http.requests_made
    records = _READERS[name](client)
    if request.mode == "record":
        records = [record for record in records if record.external_id in request.ids]
    yield Page(tuple(records), None, client.clock(), link.http.requests_made - spent)


def read_users(client: Client) -> list[RawRecord]:
    """Read all users by offset; users have no reliable id filter (facts: bitrix24 4.16, 5).

    Some methods repeat their first page inside a batch (facts: bitrix24 9), so what does not add up is read page by page.
    """
    for attempt in range(REREADS):
        rows, total = _user_pages(client, batched=attempt == 0)
        users = {str(row["ID"]): row for row in rows if row.get("ID")}
        if total is None or len(users) >= total:
            return [RawRecord("users", key, row, moment(row.get("DATE_REGISTER"), client.offset)) for key, row in users.items()]
    raise ImplausibleWalk("user.get gives fewer users than it counts; nothing was deleted, walk again.")


def _user_pages(client: Client, *, batched: bool) -> tuple[list[Params], int | None]:
    reply = client.call("user.get", _users_from(0))
    rows, total = _maps(reply.result), reply.total
    while reply.next:
        replies = _next_users(client, reply.next, (total or 0) if batched else 0)
        rows += [row for page in replies for row in _maps(page.or_raise("user.get"))]
        reply = replies[-1]
        total = reply.total if reply.total is not None else total
    return rows, total


def _next_users(client: Client, start: int, total: int) -> list[Reply]:
    """Return the pages from `start` up to `total`, in one batch; one page by itself when there is no total to go by."""
    starts = range(start, total, PAGE)[:PAGE]
    if not starts:
        return [client.call("user.get", _users_from(start))]
    return list(client.batch({f"u{at}": ("user.get", _users_from(at)) for at in starts}).values())


def _users_from(start: int) -> Params:
    return {"SORT": "ID", "ORDER": "ASC", "start": start}


def pipelines(client: Client) -> list[Params]:
    """Read the deal pipelines: a portal without `crm.category.list` has the classic list, which leaves out the default one; one
    with neither tells by its stages which pipelines it has.
    """
    asked = {
        "new": ("crm.category.list", {"entityTypeId": 2}),
        "old": ("crm.dealcategory.list", {}),
        "stages": ("crm.status.list", {}),
    }
    replies = client.batch(asked)
    new, old, stages = replies["new"], replies["old"], replies["stages"]
    if new.ruled is None:
        return _maps(as_map(new.result).get("categories"))
    if old.ruled is None:
        return [CLASSIC_DEFAULT_PIPELINE, *({"id": row.get("ID"), **row} for row in _maps(old.result))]
    if stages.ruled is not None or code_of(new.body) != "error_method_not_found":
        new.or_raise("crm.category.list")
    return _pipelines_of(_maps(stages.result))


def _pipelines_of(stages: list[Params]) -> list[Params]:
    """Return the pipelines the stages belong to; their names stay unknown."""
    found = {match[1]: None for row in stages if (match := _STAGE_SET.fullmatch(str(row.get("ENTITY_ID"))))}
    return [CLASSIC_DEFAULT_PIPELINE, *({"id": int(number), "entityTypeId": 2, "isDefault": "N"} for number in found)]


def read_pipelines(client: Client) -> list[RawRecord]:
    """Return the pipelines as raw records; the default one has the id 0."""
    return [RawRecord("pipelines", str(row.get("id")), row) for row in pipelines(client) if row.get("id") is not None]


def read_stages(client: Client) -> list[RawRecord]:
    """Read the stages of every pipeline, one command each; there is no paging (facts: bitrix24 4.10)."""
    sets = [_stage_set(row.get("id")) for row in pipelines(client)]
    found: dict[str, RawRecord] = {}
    for start in range(0, len(sets), PAGE):
        asked = {name: _stages_of(name) for name in sets[start : start + PAGE]}
        for name, reply in client.batch(asked).items():
            rows = _maps(reply.or_raise("crm.status.list"))
            found |= {
                str(row["STATUS_ID"]): RawRecord("stages", str(row["STATUS_ID"]), row)
                for row in rows
                if row.get("ENTITY_ID") == name
            }
    return list(found.values())


def _stage_set(pipeline: object) -> str:
    return "DEAL_STAGE" if str(pipeline) in ("0", "") else f"DEAL_STAGE_{pipeline}"


def _stages_of(name: str) -> Command:
    return "crm.status.list", {"order": {"SORT": "ASC"}, "filter": {"ENTITY_ID": name}}


def read_custom_fields(client: Client) -> list[RawRecord]:
    """Read the user fields of contacts, companies and deals with their labels (facts: bitrix24 4.3)."""
    asked: dict[str, Command] = {}
    for entity, word in NAME_OF_ENTITY.items():
        asked[f"{entity}_rows"] = (f"crm.{word}.userfield.list", {"order": {"SORT": "ASC"}})
        asked[f"{entity}_fields"] = (f"crm.{word}.fields", {})
        asked[f"{entity}_items"] = ("crm.item.fields", {"entityTypeId": TYPE_OF_ENTITY[entity]})
    replies = client.batch(asked)
    return [record for entity in NAME_OF_ENTITY for record in _custom_fields(client, entity, replies)]


def _custom_fields(client: Client, entity: str, replies: dict[str, Reply]) -> list[RawRecord]:
    described = as_map(replies[f"{entity}_fields"].result)
    if not described:
        replies[f"{entity}_rows"].or_raise(f"crm.{NAME_OF_ENTITY[entity]}.userfield.list")
    names = item_names(replies[f"{entity}_items"].result)
    rows = _userfields(client, entity, replies[f"{entity}_rows"]) or _from_descriptions(described)
    return [
        RawRecord("custom_fields", f"{entity}:{row['FIELD_NAME']}", _labelled(row, entity, described, names))
        for row in rows
        if row.get("FIELD_NAME")
    ]


def _userfields(client: Client, entity: str, reply: Reply) -> list[Params]:
    """Return all rows; the list may have pages, and may be refused to those who are no administrators."""
    if reply.ruled is not None:
        return []
    rows, call = _maps(reply.result), f"crm.{NAME_OF_ENTITY[entity]}.userfield.list"
    while reply.next:
        reply = client.call(call, {"order": {"SORT": "ASC"}, "start": reply.next})
        rows += _maps(reply.result)
    return rows


def _from_descriptions(described: Params) -> list[Params]:
    """Make rows from `crm.<entity>.fields`, which anybody may read."""
    return [
        {
            "FIELD_NAME": name,
            "USER_TYPE_ID": found.get("type"),
            "MULTIPLE": "Y" if found.get("isMultiple") else "N",
            "LIST": found.get("items") or [],
        }
        for name, found in described.items()
        if name.startswith("UF_") and isinstance(found, dict)
    ]


def _labelled(row: Params, entity: str, described: Params, names: dict[str, str]) -> Params:
    """Add what the list does not say: the human label, the entity, the name in `crm.item.*`."""
    said = as_map(described.get(row["FIELD_NAME"]))
    label = next((said[key] for key in ("formLabel", "listLabel", "filterLabel", "title") if said.get(key)), None)
    item_name = next((item for item, upper in names.items() if upper == row["FIELD_NAME"]), None)
    return {**row, "entity": entity, "label": label, "itemName": item_name}


def item_names(result: object) -> dict[str, str]:
    """Return `crm.item` name → UF name from `crm.item.fields`: never by a home-made rule (facts: bitrix24 4.3)."""
    fields = as_map(as_map(result).get("fields"))
    named = {name: as_map(found).get("upperName") for name, found in fields.items()}
    return {name: upper for name, upper in named.items() if isinstance(upper, str) and upper.startswith("UF_")}


def _maps(value: object) -> list[Params]:
    return [row for row in as_list(value) if isinstance(row, dict)]


_READERS: dict[str, Callable[[Client], list[RawRecord]]] = {
    "users": read_users,
    "pipelines": read_pipelines,
    "stages": read_stages,
    "custom_fields": read_custom_fields,
}
