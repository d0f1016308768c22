"""One write → the item amoCRM takes: keys of the record, custom field values, tags, and the links to be made beside it.

Only what the write names is spelt (facts: amocrm 5.1: unknown keys are refused, and what a record held may be refused today).
A field's values are all replaced by what is sent, so what a person wrote stays in it, letter by letter, as long as it is wanted.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from crm_pipeline.connectors.amocrm.expressing import loss_reason_id, moment_of, note_type, task_type
from crm_pipeline.connectors.amocrm.holders import MARKER, Holders
from crm_pipeline.connectors.amocrm.linking import LinkItem, company_links, link_items
from crm_pipeline.connectors.amocrm.payloads import LOST, PLURAL_OF, embedded, named
from crm_pipeline.connectors.amocrm.replacing import CLEARED, FieldValues, field_values
from crm_pipeline.model.cleaning import money, reference, text
from crm_pipeline.model.records import MappingContext, Payload
from crm_pipeline.model.writing import COMPLETE, CREATE, REOPEN, Write

SOURCE = "crm-pipeline"
"""Who a call is from; amoCRM does not take one without (facts: amocrm 4.5)."""


class Unspellable(Exception):
    """A value cannot be sent at all: the code and words of the refusal amoCRM would give."""

    def __init__(self, code: str, path: str, words: str):
        super().__init__(f"{path}: {words}")
        self.code = code


@dataclass(slots=True)
class Item:
    """One write as it is sent. `fields`: which of our columns each entry of `custom_fields_values` holds."""

    write: Write
    body: Payload
    fields: list[tuple[str, ...]] = field(default_factory=list)
    left_out: tuple[str, ...] = ()
    unlinks: list[LinkItem] = field(default_factory=list)
    links: list[LinkItem] = field(default_factory=list)
    was_mended: bool = False
    """Sent again once already, without a field that had vanished."""

    @property
    def key(self) -> str:
        """Return what its outcome is told apart by."""
        return self.write.key

    def rounded(self) -> None:
        """Make the price whole: the account keeps no minor units."""
        self.body["price"] = round(self.body["price"])
        self.was_mended = True

    def without(self, places: Sequence[int]) -> None:
        """Leave out entries of `custom_fields_values`: the account has their fields no more."""
        gone = {column for place in places if place < len(self.fields) for column in self.fields[place]}
        kept = [n for n in range(len(self.fields)) if n not in places]
        self.body["custom_fields_values"] = [self.body["custom_fields_values"][n] for n in kept]
        self.fields = [self.fields[n] for n in kept]
        self.left_out = (*self.left_out, *sorted(gone))
        self.was_mended = True
        if not kept:
            del self.body["custom_fields_values"]


def spell(write: Write, holders: Holders, context: MappingContext) -> Item:
    """Return what is to be sent for a write. Raises Unspellable."""
    body: Payload = {} if write.operation == CREATE else {"id": number(write.external_id, "id")}
    item = Item(write, body)
    for column, value in write.values.items():
        plain = PLAIN.get(write.entity, {}).get(column)
        if plain is not None:
            plain(body, value, write, context)
    SHAPES.get(write.entity, _nothing_more)(body, write, context)
    _put_fields(item, field_values(write, holders, context))
    _put_tags(item)
    _put_links(item, context)
    return item


def number(value: Any, path: str) -> int:
    """Return an id as amoCRM takes it. Raises Unspellable."""
    found = reference(value) or ""
    if not (found.isdigit() and found.isascii()):
        raise Unspellable("NotSupportedChoice", path, "amoCRM has no record or user with such an id.")
    return int(found)


# Keys of the record itself --------------------------------------------------------------------------------------------

Put = Callable[[Payload, Any, Write, MappingContext], None]


def _name(key: str) -> Put:
    def put(body: Payload, value: Any, write: Write, context: MappingContext) -> None:
        body[key] = text(value) or ""

    return put


def _name_part(key: str) -> Put:
    """Put a part of a name; an empty one only where there is one to be emptied."""

    def put(body: Payload, value: Any, write: Write, context: MappingContext) -> None:
        if text(value) or (write.current and (write.current.payload or {}).get(key)):
            body[key] = text(value) or ""

    return put


def _owner(body: Payload, value: Any, write: Write, context: MappingContext) -> None:
    body["responsible_user_id"] = number(value, "responsible_user_id")


def _price(body: Payload, value: Any, write: Write, context: MappingContext) -> None:
    amount = money(value) or Decimal(0)
    body["price"] = int(amount) if amount == amount.to_integral_value() else float(amount)


def _stage(body: Payload, value: Any, write: Write, context: MappingContext) -> None:
    pipeline, _, status = (reference(value) or "").partition(":")
    body["pipeline_id"], body["status_id"] = number(pipeline, "pipeline_id"), number(status, "status_id")


def _pipeline(body: Payload, value: Any, write: Write, context: MappingContext) -> None:
    body.setdefault("pipeline_id", number(value, "pipeline_id"))


def _loss_reason(body: Payload, value: Any, write: Write, context: MappingContext) -> None:
    """Put a reason the account knows, of a deal that is or becomes lost (facts: amocrm 4.1)."""
    held = ((write.current.payload if write.current else None) or {}).get("status_id")
    status = str(write.values["stage_external_id"]).partition(":")[2] if "stage_external_id" in write.values else str(held)
    known = loss_reason_id(value, context.facts)
    if status == LOST and (known or value is None):
        body["loss_reason_id"] = known


def _due(body: Payload, value: Any, write: Write, context: MappingContext) -> None:
    body["complete_till"] = seconds_of(value)


def _task_kind(body: Payload, value: Any, write: Write, context: MappingContext) -> None:
    found = task_type(value, context.facts)
    if found:
        body["task_type_id"] = found


def _is_completed(body: Payload, value: Any, write: Write, context: MappingContext) -> None:
    body["is_completed"] = value is True


def _target(body: Payload, value: Any, write: Write, context: MappingContext) -> None:
    plural = PLURAL_OF.get(str(write.values.get("target_entity")))
    if plural is None and write.operation == CREATE:
        return
    body["entity_type"] = plural
    body["entity_id"] = number(write.values.get("target_external_id"), "entity_id") if plural else None


def seconds_of(value: Any) -> int:
    """Return unix seconds. Raises Unspellable."""
    if isinstance(value, date) and not isinstance(value, datetime):
        raise Unspellable("InvalidType", "complete_till", "A day is no instant.")
    found = moment_of(value)
    if found is None:
        raise Unspellable("InvalidType", "complete_till", "Not an instant.")
    return int(found.timestamp())


PLAIN: Mapping[str, Mapping[str, Put]] = {
    "contacts": {
        "name": _name("name"), "first_name": _name_part("first_name"), "last_name": _name_part("last_name"),
        "owner_external_id": _owner,
    },
    "companies": {"name": _name("name"), "owner_external_id": _owner},
    "deals": {
        "title": _name("name"), "amount": _price, "stage_external_id": _stage, "pipeline_external_id": _pipeline,
        "loss_reason": _loss_reason, "owner_external_id": _owner,
    },
    "tasks": {
        "title": _name("text"), "due_at": _due, "kind": _task_kind, "is_completed": _is_completed, "owner_external_id": _owner,
        "target_entity": _target,
    },
    "products": {"name": _name("name")},
}  # fmt: skip


# Shapes of their own --------------------------------------------------------------------------------------------------


def _nothing_more(body: Payload, write: Write, context: MappingContext) -> None:
    pass


def _task(body: Payload, write: Write, context: MappingContext) -> None:
    """Complete or reopen (facts: amocrm 4.4); a new one needs a text and a deadline."""
    if write.operation in (COMPLETE, REOPEN):
        body["is_completed"] = write.operation == COMPLETE
    said = text(write.values.get("result"))
    if said and write.operation == COMPLETE:
        body["result"] = {"text": said}
    missing = [key for key in ("text", "complete_till") if not body.get(key)] if write.operation == CREATE else ()
    if missing:
        raise Unspellable("FieldMissing", missing[0], "amoCRM takes no task without a text and a deadline.")


def _note(body: Payload, write: Write, context: MappingContext) -> None:
    """A note, call or message (facts: amocrm 4.5); `uniq` of a call is what it is found again by."""
    values = write.values
    kind = note_type(values.get("kind"), values.get("direction"))
    if kind is None:
        raise Unspellable("NotSupportedChoice", "note_type", "amoCRM takes notes, calls and text messages only.")
    body["entity_id"] = number(values.get("target_external_id"), "entity_id")
    body["note_type"] = kind
    body["params"] = PARAMS[str(values["kind"])](write)
    if values.get("happened_at") is not None:
        body["created_at"] = seconds_of(values["happened_at"])


def _call_params(write: Write) -> Payload:
    said, link = text(write.values.get("body")), text(write.values.get("recording_url"))
    params = {
        "uniq": write.marker or write.key, "source": SOURCE, "duration": int(write.values.get("duration_seconds") or 0),
        "phone": phone_of(write),
    }  # fmt: skip
    return {**params, **({"call_result": said} if said else {}), **({"link": link} if link else {})}


def _message_params(write: Write) -> Payload:
    return {"text": text(write.values.get("body")) or "", "phone": phone_of(write)}


def phone_of(write: Write) -> str:
    """Return the number of a call or message, which source records do not keep: what `writing` has looked up."""
    return text(write.values.get("phone")) or ""


PARAMS: Mapping[str, Callable[[Write], Payload]] = {
    "note": lambda write: {"text": text(write.values.get("body")) or ""},
    "call": _call_params,
    "sms": _message_params,
}
SHAPES: Mapping[str, Callable[[Payload, Write, MappingContext], None]] = {"tasks": _task, "communications": _note}


# Fields, tags, links --------------------------------------------------------------------------------------------------


def _put_fields(item: Item, found: FieldValues) -> None:
    entries = list(found.entries)
    if entries:
        item.body["custom_fields_values"] = [{"field_id": entry.field_id, "values": entry.values or CLEARED} for entry in entries]
        item.fields = [entry.columns for entry in entries]
    item.left_out = tuple(column for column in found.left_out if column != MARKER)


def _put_tags(item: Item) -> None:
    """Put the whole set into a new record; of one that is there, the difference (facts: amocrm 4.11)."""
    if "tags" not in item.write.values or item.write.entity not in PLURAL_OF:
        return
    wanted = [name for one in item.write.values["tags"] or () if (name := text(one))]
    if item.write.operation == CREATE:
        if wanted:
            item.body.setdefault("_embedded", {})["tags"] = [{"name": name} for name in wanted]
        return
    current = embedded(item.write.current.payload if item.write.current else None, "tags") or []
    held = {text(tag.get("name")): tag for tag in current}
    added = [{"name": name} for name in wanted if name not in held]
    gone = [_tag(tag) for name, tag in held.items() if name not in wanted]
    item.body |= {key: tags for key, tags in (("tags_to_add", added), ("tags_to_delete", gone)) if tags}


def _tag(tag: Payload) -> Payload:
    return {"id": int(named(tag))} if named(tag).isdigit() else {"name": tag.get("name")}


def _put_links(item: Item, context: MappingContext) -> None:
    """Put the links a new deal can have from the start into it; the others are made once it is there (facts: amocrm 4.1)."""
    write = item.write
    item.unlinks, item.links = company_links(write)
    item.links += link_items(write, context)
    if write.operation != CREATE or write.entity != "deals":
        return
    for plural, most in (("contacts", None), ("companies", 1)):
        inside = [link.embedded() for link in item.links if link.to_type == plural][:most]
        if inside:
            item.body.setdefault("_embedded", {})[plural] = inside
    item.links = [link for link in item.links if link.to_type == "catalog_elements"]
