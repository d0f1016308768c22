"""What is linked with what. A company link lives in the row itself, other links in rows of their own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from .answers import BASE, self_link
from .records import Records, Row

ALLOWED = {
    "leads": ("contacts", "companies", "catalog_elements"),
    "contacts": ("leads", "companies", "customers", "catalog_elements"),
    "companies": ("contacts", "leads", "customers", "catalog_elements"),
    "customers": ("contacts", "companies", "catalog_elements"),
}
_COMPANY = '"companies":[{"id":'
LEADS_PER_PAIR = 1_000  # contacts a lead may have: keeps ids of pair rows arithmetic


def element_link(id: int, catalog_id: int, quantity: float = 1, price_id: int | None = None) -> dict[str, Any]:
    """Build an embedded catalog element (facts: amocrm 4.1)."""
    return {"id": id, "metadata": {"quantity": quantity, "catalog_id": catalog_id, "price_id": price_id}}


class LinkBook:
    """Read and change the links of leads, contacts and companies."""

    def __init__(self, records: Records) -> None:
        self._records = records

    # reading, for many rows at once: id -> embedded parts as JSON texts

    def contacts_of_leads(self, ids: Sequence[int]) -> dict[int, list[str]]:
        """Answer {id, is_main, _links} of the contacts of each lead."""
        found: dict[int, list[str]] = {id: [] for id in ids}
        for pair in self._pairs_of("lead_contacts", ids):
            main = "true" if pair["is_main"] else "false"
            found[pair["lead"]].append(_reference_text("contacts", pair["contact"], f'"is_main":{main},'))
        return found

    def leads_of_contacts(self, ids: Sequence[int]) -> dict[int, list[str]]:
        """Answer {id, _links} of the leads of each contact."""
        found: dict[int, list[str]] = {id: [] for id in ids}
        for pair in self._pairs_of("contact_leads", ids):
            found[pair["contact"]].append(_reference_text("leads", pair["lead"]))
        return found

    def members_of_companies(self, kind: str, ids: Sequence[int]) -> dict[int, list[str]]:
        """Answer {id, _links} of the leads or contacts of each company."""
        found: dict[int, list[str]] = {id: [] for id in ids}
        for id, body in self._by_parent(kind, ids):
            # Cut out, not parsed: a company can have thousands of rows.
            company = body[body.rindex(_COMPANY) + len(_COMPANY) :].partition(",")[0]
            found[int(company)].append(_reference_text(kind, id))
        return found

    def elements_of_rows(self, kind: str, ids: Sequence[int]) -> dict[int, list[str]]:
        """Answer {id, metadata} of the catalog elements of each row."""
        texts = self._records.store.texts(f"{kind}_elements", ids)
        # Stored as {"id":…,"elements":[…]}: the list is cut out, not parsed.
        return {id: [body[body.index("[") + 1 : -2]] for id, body in texts.items()}

    # reading, for one row

    def pairs(self, lead: int) -> list[Row]:
        """List the pair rows {id, lead, contact, is_main} of a lead."""
        return self._pairs_of("lead_contacts", [lead])

    def pairs_of_contact(self, contact: int) -> list[Row]:
        """List the pair rows of a contact."""
        return self._pairs_of("contact_leads", [contact])

    def members(self, kind: str, company: int) -> list[int]:
        """List the ids of a company's leads or contacts."""
        return [id for id, _ in self._records.store.select(kind, "parent = ?", (str(company),))]

    def elements(self, kind: str, id: int) -> list[Row]:
        """List the {id, metadata} of a row's catalog elements."""
        store = self._records.store
        return (
            (store.get(f"{kind}_elements", id) or {"elements": []})["elements"]
            if store.state(f"{kind}_elements", id) == 0
            else []
        )

    def _pairs_of(self, kind: str, ids: Sequence[int]) -> list[Row]:
        bodies = [body for _, body in self._by_parent(kind, ids)]
        return orjson.loads(f"[{','.join(bodies)}]")

    def _by_parent(self, kind: str, ids: Sequence[int]) -> Iterable[tuple[int, str]]:
        for start in range(0, len(ids), 900):
            part = [str(id) for id in ids[start : start + 900]]
            yield from self._records.store.select(kind, f"parent IN ({','.join('?' * len(part))})", part)

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


def _reference_text(kind: str, id: int, more: str = "") -> str:
    return f'{{"id":{id},{more}"_links":{{"self":{{"href":"{BASE}/api/v4/{kind}/{id}"}}}}}}'
