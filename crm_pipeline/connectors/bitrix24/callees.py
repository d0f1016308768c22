"""Whom a call or an e-mail was with: the vendor wants a person or company and their number in an activity (facts: bitrix24 4.13).

The target of a deal is its main contact, else its company. Who cannot be read stays the target itself, without a number.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from crm_pipeline.connectors.bitrix24.brackets import as_list, as_map
from crm_pipeline.connectors.bitrix24.payloads import NAME_OF_ENTITY, PAGE, TYPE_OF_ENTITY, Params
from crm_pipeline.connectors.bitrix24.reading import key
from crm_pipeline.connectors.bitrix24.replies import Command, Reply
from crm_pipeline.model.writing import Write

MEANS = {"call": "PHONE", "email": "EMAIL"}
"""Kind of talk → the number it needs."""

Target = tuple[str, str]
Batch = Callable[[Mapping[str, Command]], Mapping[str, Reply]]


def read_callees(batch: Batch, writes: Sequence[Write]) -> dict[Target, Params]:
    """Return target → whom it was with: `ENTITY_TYPE_ID`, `ENTITY_ID`, `PHONE`, `EMAIL`. Fifty targets a request."""
    asked = [one.values for one in writes if one.entity == "communications" and one.values.get("kind") in MEANS]
    targets = {(str(said.get("target_entity")), str(said.get("target_external_id"))) for said in asked}
    known = sorted(target for target in targets if target[0] in TYPE_OF_ENTITY)
    deals = _read(batch, [target for target in known if target[0] == "deals"])
    whom = {target: _of_deal(deals.get(target, {})) or target for target in known}
    rows = _read(batch, sorted({one for one in whom.values() if one[0] != "deals"}))
    return {target: _told(one, rows.get(one, {})) for target, one in whom.items()}


def _read(batch: Batch, targets: Sequence[Target]) -> dict[Target, Params]:
    found: dict[Target, Params] = {}
    for start in range(0, len(targets), PAGE):
        some = dict(enumerate(targets[start : start + PAGE]))
        replies = batch({f"t{n}": (f"crm.{NAME_OF_ENTITY[entity]}.get", {"id": number}) for n, (entity, number) in some.items()})
        found |= {target: as_map(replies[f"t{n}"].result) for n, target in some.items()}
    return found


def _of_deal(row: Params) -> Target | None:
    ways = (("contacts", row.get("CONTACT_ID")), ("companies", row.get("COMPANY_ID")))
    return next(((entity, number) for entity, value in ways if (number := key(value))), None)


def _told(whom: Target, row: Params) -> Params:
    numbers = {kind: _first(as_list(row.get(kind))) for kind in MEANS.values()}
    return {"ENTITY_TYPE_ID": TYPE_OF_ENTITY[whom[0]], "ENTITY_ID": whom[1], **numbers}


def _first(values: Iterable[Any]) -> str:
    return next((str(found) for value in values if (found := as_map(value).get("VALUE"))), "")
