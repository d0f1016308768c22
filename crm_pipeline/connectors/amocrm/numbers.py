"""Numbers of calls and messages: amoCRM wants one beside each (facts: amocrm 4.5), and source records keep none.

It is the first number of whom the note is about; of a deal, that of its main contact.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from crm_pipeline.connectors import Link, Write
from crm_pipeline.connectors.amocrm.byid import Wanted, reread
from crm_pipeline.connectors.amocrm.client import Client
from crm_pipeline.connectors.amocrm.payloads import embedded, named
from crm_pipeline.connectors.amocrm.routes import Route
from crm_pipeline.model.cleaning import reference, text
from crm_pipeline.model.records import Payload


def with_phones(client: Client, link: Link, route: Route, writes: Sequence[Write]) -> Sequence[Write]:
    """Return the writes, calls and messages with the number of whom they are about."""
    asking = [one for one in writes if route.entity == "communications" and one.values.get("kind") in ("call", "sms")]
    if not asking:
        return writes
    targets = [target for one in asking if (target := reference(one.values.get("target_external_id")))]
    rows = _rows(client, link, str(asking[0].values.get("target_entity")), targets)
    if route.plural == "leads":
        main = {key: _main_contact(row) for key, row in rows.items()}
        contacts = _rows(client, link, "contacts", [one for one in main.values() if one])
        rows = {key: contacts.get(contact or "", {}) for key, contact in main.items()}
    return [_with_phone(one, rows) if one in asking else one for one in writes]


def _rows(client: Client, link: Link, kind: str, ids: Sequence[str]) -> dict[str, Payload]:
    records = reread(client, Wanted(kind, tuple(dict.fromkeys(ids))), link) if ids else []
    return {record.external_id: record.payload for record in records if record.payload}


def _main_contact(row: Payload) -> str | None:
    contacts = embedded(row, "contacts") or []
    return next((named(one) for one in (*(c for c in contacts if c.get("is_main")), *contacts)), None)


def _with_phone(write: Write, rows: Mapping[str, Payload]) -> Write:
    row = rows.get(reference(write.values.get("target_external_id")) or "", {})
    return replace(write, values={**write.values, "phone": _first_phone(row)})


def _first_phone(row: Payload) -> str | None:
    fields: Any = row.get("custom_fields_values") or ()
    values = [value for one in fields if one.get("field_code") == "PHONE" for value in one.get("values") or ()]
    return next((found for value in values if (found := text(value.get("value") if isinstance(value, Mapping) else value))), None)
