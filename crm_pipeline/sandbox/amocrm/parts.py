"""What `with` adds to leads, contacts and companies, spliced into stored JSON text: pages are not parsed without need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from .pages import Found
from .records import Row

if TYPE_CHECKING:
    from .account import Account

# Answers JSON texts: id -> what goes into _embedded.
Part = Callable[["Account", str, Found], dict[int, str]]


def _ids(found: Found) -> list[int]:
    return [id for id, _ in found]


def _lists(texts: dict[int, list[str]]) -> dict[int, str]:
    return {id: f"[{','.join(items)}]" for id, items in texts.items()}


def _contacts(account: Account, kind: str, found: Found) -> dict[int, str]:
    if kind == "leads":
        return _lists(account.links.contacts_of_leads(_ids(found)))
    return _lists(account.links.members_of_companies("contacts", _ids(found)))


def _leads(account: Account, kind: str, found: Found) -> dict[int, str]:
    if kind == "contacts":
        return _lists(account.links.leads_of_contacts(_ids(found)))
    return _lists(account.links.members_of_companies("leads", _ids(found)))


def _elements(account: Account, kind: str, found: Found) -> dict[int, str]:
    return _lists(account.links.elements_of_rows(kind, _ids(found)))


def _nothing(account: Account, kind: str, found: Found) -> dict[int, str]:
    return {}


def _loss_reason(account: Account, kind: str, found: Found) -> dict[int, str]:
    reasons = {row["id"]: f"[{orjson.dumps(row).decode()}]" for row in account.records.rows("loss_reasons")}
    return {id: reasons[reason] for id, body in found if (reason := orjson.loads(body)["loss_reason_id"]) in reasons}


def _source(account: Account, kind: str, found: Found) -> dict[int, str]:
    return {id: f'{{"id":{source},"name":"API"}}' for id, body in found if (source := orjson.loads(body)["source_id"])}


# name -> (how to collect it, what a row without any gets)
EMBEDDED: dict[str, dict[str, tuple[Part, str]]] = {
    "leads": {
        "contacts": (_contacts, "[]"),
        "catalog_elements": (_elements, "[]"),
        "loss_reason": (_loss_reason, "[]"),
        "source": (_source, "null"),
    },
    "contacts": {
        "leads": (_leads, "[]"),
        "customers": (_nothing, "[]"),
        "catalog_elements": (_elements, "[]"),
        "social_profiles": (_nothing, "[]"),
    },
    "companies": {
        "leads": (_leads, "[]"),
        "contacts": (_contacts, "[]"),
        "customers": (_nothing, "[]"),
        "catalog_elements": (_elements, "[]"),
    },
}


def asked(query: dict[str, Any]) -> list[str]:
    """Split `with=contacts,loss_reason`; the array form works, too."""
    node = query.get("with")
    texts = [node] if isinstance(node, str) else list(node.values()) if isinstance(node, dict) else []
    return [name.strip() for text in texts if isinstance(text, str) for name in text.split(",")]


def decorated(account: Account, kind: str, names: Sequence[str], found: Found) -> list[str]:
    """Add the asked parts to each body: `_embedded` is the last key of a stored row and is never empty."""
    bodies = [body for _, body in found]
    for name, (collect, empty) in EMBEDDED[kind].items():
        if name in names:
            texts = collect(account, kind, found)
            bodies = [f'{body[:-2]},"{name}":{texts.get(id, empty)}}}}}' for (id, _), body in zip(found, bodies, strict=True)]
    if kind == "leads":
        bodies = [_with_heads(account, names, body) for body in bodies] if _heads(account, names) else bodies
    return bodies


def _heads(account: Account, names: Sequence[str]) -> bool:
    return account.switches.minor_units or "is_price_modified_by_robot" in names


def _with_heads(account: Account, names: Sequence[str], body: str) -> str:
    head: Row = {}
    if account.switches.minor_units:
        row = orjson.loads(body)
        if "price_with_minor_units" not in row:
            head["price_with_minor_units"] = float(row["price"] or 0)
    if "is_price_modified_by_robot" in names:
        head["is_price_modified_by_robot"] = False
    return f"{orjson.dumps(head).decode()[:-1]},{body[1:]}" if head else body


def trashed(account: Account, found: Found) -> list[str]:
    """Show rows of the trash: little more than that they are gone (facts: amocrm 4.14)."""
    rows = (orjson.loads(body) for _, body in found)
    return [
        orjson.dumps(
            {
                "id": r["id"],
                "updated_at": r["updated_at"],
                "updated_by": r["updated_by"],
                "is_deleted": True,
                "account_id": account.id,
            }
        ).decode()
        for r in rows
    ]
