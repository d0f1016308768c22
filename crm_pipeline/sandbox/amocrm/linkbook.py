"""What is linked with what. A company link lives in the row itself, other links in rows of their own; nothing is answered here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from .answers import self_link
from .records import Records, Row

ALLOWED = {
    "leads": ("contacts", "companies", "catalog_elements"),
    "contacts": ("leads", "companies", "customers", "catalog_elements"),
    "companies": ("contacts", "leads", "customers", "catalog_elements"),
    "customers": ("contacts", "companies", "catalog_elements"),
}
LEADS_PER_PAIR = 1_000  # contacts a lead may have: keeps ids of pair rows arithmetic


def element_link(id: int, catalog_id: int, quantity: float = 1, price_id: int | None = None) -> dict[str, Any]:
    """Build an embedded catalog element (facts: amocrm 4.1)."""
    return {"id": id, "metadata": {"quantity": quantity, "catalog_id": catalog_id, "price_id": price_id}}


class LinkBook:
    """Read and change the links of leads, contacts and companies."""

    def __init__(self, records: Records) -> None:
        self._records = records

    # reading, for many rows at once: id -> embedded parts

    def contacts_of_leads(self, ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
        """Answer [{id, is_main, _links}] per lead."""
        found: dict[int, list[dict[str, Any]]] = {id: [] for id in ids}
        for body in self._by_parent("lead_contacts", ids):
            pair = orjson.loads(body)
            found[pair["lead"]].append(
                {"id": pair["contact"], "is_main": pair["is_main"], "_links": self_link(f"contacts/{pair['contact']}")}
            )
        return found

    def leads_of_contacts(self, ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
        """Answer [{id, _links}] per contact."""
        found: dict[int, list[dict[str, Any]]] = {id: [] for id in ids}
        for body in self._by_parent("contact_leads", ids):
            pair = orjson.loads(body)
            found[pair["contact"]].append(reference("leads", pair["lead"]))
        return found

    def of_companies(self, kind: str, ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
        """Answer [{id, _links}] of the leads or contacts of each company."""
        found: dict[int, list[dict[str, Any]]] = {id: [] for id in ids}
        for body in self._by_parent(kind, ids):
            row = orjson.loads(body)
            found[row["_embedded"]["companies"][0]["id"]].append(reference(kind, row["id"]))
        return found

    def elements_of(self, kind: str, ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
        """Answer [{id, metadata}] per row."""
        found: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for id, body in self._records.store.texts(f"{kind}_elements", ids).items():
            found[id] = orjson.loads(body)["elements"]
        return found

    def _by_parent(self, kind: str, ids: Sequence[int]) -> Iterable[str]:
        for start in range(0, len(ids), 900):
            part = [str(id) for id in ids[start : start + 900]]
            for _, body in self._records.store.select(kind, f"parent IN ({','.join('?' * len(part))})", part):
                yield body

    # changing

    def link_contact(self, lead: int, contact: int, is_main: bool | None, at: int) -> bool:
        """Join a lead and a contact; the first one becomes the main one. False when nothing changed."""
        pairs = self.pairs(lead)
        mine = next((pair for pair in pairs if pair["contact"] == contact), None)
        main = is_main if is_main is not None else (mine["is_main"] if mine else not pairs)
        if mine is not None and mine["is_main"] == main:
            return False
        if main:
            for pair in pairs:
                self._save_pair(pair | {"is_main": False}, at)
        number = mine["id"] if mine else self._free(lead, pairs)
        self._save_pair({"id": number, "lead": lead, "contact": contact, "is_main": main}, at)
        return mine is None

    def unlink_contact(self, lead: int, contact: int, at: int) -> bool:
        """Part a lead and a contact; another contact becomes the main one."""
        pairs = self.pairs(lead)
        gone = [pair for pair in pairs if pair["contact"] == contact]
        rest = [pair for pair in pairs if pair["contact"] != contact]
        for pair in gone:
            self._save_pair(pair, at, deleted=2)
        if gone and rest and not any(pair["is_main"] for pair in rest):
            self._save_pair(rest[0] | {"is_main": True}, at)
        return bool(gone)

    def pairs(self, lead: int) -> list[Row]:
        """List the pair rows of a lead."""
        return [orjson.loads(body) for body in self._by_parent("lead_contacts", [lead])]

    def set_elements(self, kind: str, id: int, elements: list[dict[str, Any]], at: int) -> None:
        """Replace the catalog elements of a row."""
        row = {"id": id, "elements": elements}
        self._records.store.put(f"{kind}_elements", row, id=id, created=at, updated=at, deleted=0 if elements else 2)

    def _free(self, lead: int, pairs: list[Row]) -> int:
        return max([pair["id"] for pair in pairs], default=lead * LEADS_PER_PAIR - 1) + 1

    def _save_pair(self, pair: Row, at: int, deleted: int = 0) -> None:
        store = self._records.store
        store.put("lead_contacts", pair, id=pair["id"], created=at, updated=at, deleted=deleted, parent=str(pair["lead"]))
        store.put("contact_leads", pair, id=pair["id"], created=at, updated=at, deleted=deleted, parent=str(pair["contact"]))


def reference(kind: str, id: int) -> dict[str, Any]:
    """Build an embedded {id, _links}."""
    return {"id": id, "_links": self_link(f"{kind}/{id}")}
