"""Writes into commands: one where possible, and what can only follow once a new record has its id.

One function per operation and entity. What belongs here: which call, which parameters. How values are spelled belongs to
`spelling`, links to `linking`, sending to `writing`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from crm_pipeline.connectors.bitrix24.brackets import as_list, as_map
from crm_pipeline.connectors.bitrix24.callees import MEANS
from crm_pipeline.connectors.bitrix24.expressing import SUBJECTS
from crm_pipeline.connectors.bitrix24.landing import COMMENT
from crm_pipeline.connectors.bitrix24.linking import companies_let_go, link_commands, linked_at_birth, rows_of_new
from crm_pipeline.connectors.bitrix24.payloads import NAME_OF_ENTITY, OWN_KEY, TYPE_OF_ENTITY, Params
from crm_pipeline.connectors.bitrix24.replies import Command
from crm_pipeline.connectors.bitrix24.spelling import Desk, bindings, fields_of, is_done, named, written
from crm_pipeline.errors import RequestRefused
from crm_pipeline.model.writing import COMPLETE, CREATE, LINK, ORIGINATOR, REOPEN, UNLINK, UPDATE, Write

Follow = Callable[[str], list[Command]]

_SUBJECT = 200
_ACTIVITY_TYPE = {"meeting": "1", "call": "2", "email": "4"}
_WAY = {"in": "1", "out": "2"}
_BASE_PRICE = 1
"""The price type there always is (facts: bitrix24 4.15)."""
_NO_ECHO = {"params": {"REGISTER_SONET_EVENT": "N"}}


def _nothing(external_id: str) -> list[Command]:
    return []


@dataclass(frozen=True, slots=True)
class Order:
    """What is sent for one write."""

    write: Write
    commands: Sequence[Command]
    then: Follow = _nothing
    """What follows once the commands are done, by the record's id: what a create could not carry."""
    prefix: str = ""
    """Put before the vendor's id to make the external id."""


def order(desk: Desk, write: Write) -> Order:
    """Return what is to be sent. Raises RequestRefused, with a sentence, what this portal cannot do."""
    if write.operation in (LINK, UNLINK):
        return Order(write, link_commands(desk, write))
    return _ORDERS[_ENTITIES.get(write.entity, "record"), write.operation](desk, write)


_ENTITIES = {"tasks": "task", "products": "product", "communications": "talk"}


# Contacts, companies, deals -------------------------------------------------------------------------------------------


def _create(desk: Desk, write: Write) -> Order:
    fields = fields_of(desk, write) | linked_at_birth(desk, write) | _marker(desk, write)
    then = (lambda new: rows_of_new(desk, write, new)) if any(link.entity == "products" for link in write.links) else _nothing
    return Order(write, [_record_call(desk, write, "add", {}, fields)], then)


def _update(desk: Desk, write: Write) -> Order:
    fields = fields_of(desk, write)
    let_go = companies_let_go(write)
    if let_go:
        fields = {name: value for name, value in fields.items() if name not in ("companyId", "COMPANY_ID")}
    own = [_record_call(desk, write, "update", {"id": write.external_id}, fields)] if fields else []
    return Order(write, own + let_go)


def _record_call(desk: Desk, write: Write, verb: str, which: Params, fields: Params) -> Command:
    if desk.face == 0:
        return f"crm.item.{verb}", {"entityTypeId": TYPE_OF_ENTITY[write.entity], **which, "fields": fields}
    return f"crm.{NAME_OF_ENTITY[write.entity]}.{verb}", {**which, "fields": fields, **_NO_ECHO}


def _marker(desk: Desk, write: Write) -> Params:
    names = ("originatorId", "originId") if desk.face == 0 else ("ORIGINATOR_ID", "ORIGIN_ID")
    return dict(zip(names, (ORIGINATOR, write.marker), strict=True)) if write.marker else {}


# Tasks ----------------------------------------------------------------------------------------------------------------


def _task_fields(desk: Desk, write: Write) -> Params:
    fields = named(desk, "tasks", write.values, 1)
    about = {"UF_CRM_TASK": bindings(write) or ""} if "target_entity" in write.values else {}
    return fields | about


def _create_task(desk: Desk, write: Write) -> Order:
    fields = {"RESPONSIBLE_ID": desk.user_id or ""} | _task_fields(desk, write)
    own = {"XML_ID": f"{OWN_KEY}{write.marker}"} if write.marker else {}
    then = (lambda new: [_act("complete", new)]) if write.values.get("is_completed") else _nothing
    return Order(write, [("tasks.task.add", {"fields": fields | own})], then)


def _update_task(desk: Desk, write: Write) -> Order:
    """Change a task; a completed one is opened first, one to be completed is completed last."""
    fields, wanted = _task_fields(desk, write), _wanted_state(write)
    own: list[Command] = [("tasks.task.update", {"taskId": write.external_id, "fields": fields})] if fields else []
    if wanted is None or wanted == is_done(write):
        return Order(write, own)
    act = [_act("complete" if wanted else "renew", str(write.external_id))]
    return Order(write, own + act if wanted else act + own, lambda number: _result(write))


def _wanted_state(write: Write) -> bool | None:
    asked = {COMPLETE: True, REOPEN: False}.get(write.operation)
    return write.values.get("is_completed") if asked is None else asked


def _act(verb: str, number: str) -> Command:
    return f"tasks.task.{verb}", {"taskId": number}


def _result(write: Write) -> list[Command]:
    """Keep what a person wrote on completing as a comment; this old method goes by the order of its parameters (facts: 2.1)."""
    said = write.values.get("result")
    return [("task.commentitem.add", {"TASKID": write.external_id, "FIELDS": {"POST_MESSAGE": said}})] if said else []


# Products -------------------------------------------------------------------------------------------------------------


def _create_product(desk: Desk, write: Write) -> Order:
    own = {"xmlId" if desk.faces.catalog else "XML_ID": f"{OWN_KEY}{write.marker}"} if write.marker else {}
    if not desk.faces.catalog:
        return Order(write, [("crm.product.add", {"fields": _classic_product(desk, write) | own})])
    fields = {"iblockId": desk.faces.iblocks[0]} | named(desk, "products", write.values, 0) | own
    then = (lambda new: [_price(desk, write, new, None)]) if write.values.get("price") is not None else _nothing
    return Order(write, [("catalog.product.add", {"fields": fields})], then)


def _update_product(desk: Desk, write: Write) -> Order:
    number = str(write.external_id)
    if not desk.faces.catalog:
        classic = _classic_product(desk, write)
        return Order(write, [("crm.product.update", {"id": number, "fields": classic})] if classic else [])
    fields = named(desk, "products", write.values, 0)
    own: list[Command] = [("catalog.product.update", {"id": number, "fields": fields})] if fields else []
    if write.values.get("price") is None:
        return Order(write, own)
    return Order(write, [*own, _price(desk, write, number, _base_price(write))])


def _classic_product(desk: Desk, write: Write) -> Params:
    """Return the fields of `crm.product.*`; the price carries its currency, for without one it would be in the portal's."""
    plain = named(desk, "products", write.values, 1)
    if "price" not in write.values:
        return plain
    held = (write.current.payload if write.current else None) or {}
    currency = _currency(desk, write, {"currency": held.get("CURRENCY_ID")})
    return plain | {"PRICE": written(write.values["price"], desk.client.offset), "CURRENCY_ID": currency}


def _base_price(write: Write) -> Params | None:
    """Return the price the mapping reads: of the first price type, the oldest."""
    rows = [as_map(row) for row in as_list((write.current.payload or {}).get("prices"))] if write.current else []
    return min(rows, key=lambda row: (int(row.get("catalogGroupId") or 0), int(row.get("id") or 0)), default=None)


def _price(desk: Desk, write: Write, product: str, known: Params | None) -> Command:
    fields = {"price": written(write.values["price"], desk.client.offset), "currency": _currency(desk, write, known)}
    if known:
        return "catalog.price.update", {"id": known["id"], "fields": fields}
    return "catalog.price.add", {"fields": {"productId": product, "catalogGroupId": _BASE_PRICE, **fields}}


def _currency(desk: Desk, write: Write, known: Params | None) -> str:
    return str(write.values.get("currency") or (known or {}).get("currency") or desk.context.currency or "")


# Communications -------------------------------------------------------------------------------------------------------


def _create_talk(desk: Desk, write: Write) -> Order:
    kind, entity, target = (write.values.get(name) for name in ("kind", "target_entity", "target_external_id"))
    if entity not in TYPE_OF_ENTITY or not target:
        raise RequestRefused("A note or talk belongs to a deal, a contact or a company; none is named.", code="target")
    if kind == "note":
        fields = {"ENTITY_ID": target, "ENTITY_TYPE": NAME_OF_ENTITY[entity], "COMMENT": write.values.get("body") or ""}
        return Order(write, [("crm.timeline.comment.add", {"fields": fields})], prefix=COMMENT)
    if kind not in SUBJECTS:
        raise RequestRefused(f"Bitrix24 takes notes, calls, meetings and e-mails; {kind} is none of these.", code="kind")
    return Order(write, [("crm.activity.add", {"fields": _activity(desk, write, str(kind), str(entity), str(target))})])


def _activity(desk: Desk, write: Write, kind: str, entity: str, target: str) -> Params:
    body = str(write.values.get("body") or SUBJECTS[kind])
    owner = {"OWNER_TYPE_ID": TYPE_OF_ENTITY[entity], "OWNER_ID": target}
    whom = desk.callees.get((entity, target), {"ENTITY_TYPE_ID": TYPE_OF_ENTITY[entity], "ENTITY_ID": target})
    means = MEANS.get(kind, "")
    with_whom = {"TYPE": means, "VALUE": whom.get(means, "")} | {name: whom[name] for name in ("ENTITY_TYPE_ID", "ENTITY_ID")}
    fields: Params = {**owner, "TYPE_ID": _ACTIVITY_TYPE[kind], "COMMUNICATIONS": [with_whom], "COMPLETED": "Y"}
    fields |= {"SUBJECT": body.strip().splitlines()[0][:_SUBJECT], "DESCRIPTION": body, "DESCRIPTION_TYPE": 1}
    fields |= {"RESPONSIBLE_ID": write.values.get("author_external_id") or desk.user_id or ""}
    fields |= {"DIRECTION": way} if (way := _WAY.get(str(write.values.get("direction")))) else {}
    fields |= _lasting(desk, write)
    return fields | ({"ORIGINATOR_ID": ORIGINATOR, "ORIGIN_ID": write.marker} if write.marker else {})


def _lasting(desk: Desk, write: Write) -> Params:
    began = write.values.get("happened_at")
    if began is None:
        return {}
    ended = began + timedelta(seconds=int(write.values.get("duration_seconds") or 0))
    offset = desk.client.offset
    return {"START_TIME": written(began, offset), "END_TIME": written(ended, offset)}


_ORDERS: dict[tuple[str, str], Callable[[Desk, Write], Order]] = {
    ("record", CREATE): _create, ("record", UPDATE): _update, ("task", CREATE): _create_task, ("task", UPDATE): _update_task,
    ("task", COMPLETE): _update_task, ("task", REOPEN): _update_task, ("product", CREATE): _create_product,
    ("product", UPDATE): _update_product, ("talk", CREATE): _create_talk,
}  # fmt: skip
