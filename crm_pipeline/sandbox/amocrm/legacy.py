"""Rows under the old names that webhooks carry (facts: amocrm 8.2). Everything becomes text when the form is encoded."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson

from .custom_values import ACCOUNT_ZONE, DAYS, MOMENTS
from .records import Row

ELEMENT_TYPES = {"contacts": 1, "leads": 2, "companies": 3, "customers": 12}
NOTE_TYPES = {"common": 4, "attachment": 5, "call_in": 10, "call_out": 11, "sms_in": 102, "sms_out": 103}
TOP = {"leads": "leads", "contacts": "contacts", "companies": "contacts", "tasks": "task"}


def lead(row: Row) -> Row:
    """Name a lead as webhooks do."""
    head = {
        "id": row["id"],
        "name": row["name"],
        "status_id": row["status_id"],
        "pipeline_id": row["pipeline_id"],
        "price": row["price"],
    }
    return head | _times(row) | _details(row)


def person(row: Row, kind: str) -> Row:
    """Name a contact or a company as webhooks do; both come under `contacts`, told apart by `type`."""
    companies = row["_embedded"].get("companies") or []
    head: Row = {"id": row["id"], "name": row["name"], "type": "contact" if kind == "contacts" else "company"}
    if companies:
        head["linked_company_id"] = companies[0]["id"]
    return head | _times(row) | _details(row)


def task(row: Row, zone: str) -> Row:
    """Name a task as webhooks do: dates are texts in the account's zone or in UTC (facts do not say which)."""
    body = {
        "id": row["id"],
        "element_id": row["entity_id"],
        "element_type": ELEMENT_TYPES.get(row["entity_type"] or "", 0),
        "task_type": row["task_type_id"],
        "text": row["text"],
        "status": int(row["is_completed"]),
        "responsible_user_id": row["responsible_user_id"],
        "created_user_id": row["created_by"],
        "account_id": row["account_id"],
        "date_create": _local(row["created_at"], zone),
        "last_modified": _local(row["updated_at"], zone),
        "complete_till": _local(row["complete_till"], zone),
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "complete_before": row["complete_till"],
    }
    return body | ({"result": {"id": row["id"], "text": row["result"]["text"]}} if row["result"] else {})


def note(row: Row, kind: str) -> Row:
    """Name a note as webhooks do."""
    body = {
        "id": row["id"],
        "text": row["params"].get("text", ""),
        "note_type": NOTE_TYPES.get(row["note_type"], 25),
        "element_type": ELEMENT_TYPES[kind],
        "element_id": row["entity_id"],
        "created_by": row["created_by"],
        "account_id": row["account_id"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "metadata": orjson.dumps(row["params"]).decode(),
    }
    return {"note": body}


def of(kind: str, row: Row, zone: str) -> Row:
    """Name any row as webhooks do."""
    if kind == "tasks":
        return task(row, zone)
    return lead(row) if kind == "leads" else person(row, kind)


def removed(kind: str, row: Row) -> Row:
    """Build what a delete hook says of a row."""
    if kind == "leads":
        return {"id": row["id"], "status_id": row["status_id"], "pipeline_id": row["pipeline_id"]}
    return {"id": row["id"]} if kind == "tasks" else {"id": row["id"], "type": "contact" if kind == "contacts" else "company"}


def _times(row: Row) -> Row:
    return {
        "responsible_user_id": row["responsible_user_id"],
        "last_modified": row["updated_at"],
        "modified_user_id": row["updated_by"],
        "created_user_id": row["created_by"],
        "date_create": row["created_at"],
        "account_id": row["account_id"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }


def _details(row: Row) -> Row:
    tags = [{"id": tag["id"], "name": tag["name"]} for tag in row["_embedded"]["tags"]]
    fields = [_field(entry) for entry in row["custom_fields_values"] or []]
    return ({"tags": tags} if tags else {}) | ({"custom_fields": fields} if fields else {})


def _field(entry: Row) -> Row:
    head = {"id": entry["field_id"], "name": entry["field_name"]}
    if entry["field_code"]:
        head["code"] = entry["field_code"]
    return head | {"values": [_value(entry["field_type"], value) for value in entry["values"]]}


def _value(type: str, value: Row) -> Any:
    if type in DAYS:
        day = datetime.fromtimestamp(value["value"], ACCOUNT_ZONE)
        return day.strftime("%d.%m.%Y" if type == "birthday" else "%Y-%m-%d")
    if type in MOMENTS or type == "checkbox":
        return value["value"]
    return {"value": value.get("value")} | ({"enum": value["enum_id"]} if value.get("enum_id") else {})


def _local(at: int, zone: str) -> str:
    return datetime.fromtimestamp(at, UTC if zone == "utc" else ACCOUNT_ZONE).strftime("%Y-%m-%d %H:%M:%S")
