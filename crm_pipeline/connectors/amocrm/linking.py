"""Links between records: which ones a write makes or undoes, and making them in bulk (facts: amocrm 4.9).

Linking what is linked already changes nothing, so links may be sent again where records may not.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crm_pipeline.connectors.amocrm.client import Client
from crm_pipeline.connectors.amocrm.complaints import Complaint, complaints_of, refusal_of
from crm_pipeline.connectors.amocrm.payloads import CATALOG_ID, PLURAL_OF, embedded, named
from crm_pipeline.errors import AnswerLost, RequestRefused
from crm_pipeline.model.cleaning import money, reference
from crm_pipeline.model.records import MappingContext, Payload
from crm_pipeline.model.writing import CREATE, LINK, UNLINK, LinkTo, Write

MOST_LINKS = 50
ELEMENTS = "catalog_elements"
LOST = "lost"


@dataclass(frozen=True, slots=True)
class Placed(LinkTo):
    """A link to a product whose catalog has been looked up."""

    catalog: str | None = None


@dataclass(slots=True)
class LinkItem:
    """One link of one write. `entity_id` of a record still to be made is filled in later."""

    key: str
    to_type: str
    to_id: int
    metadata: Payload
    entity_id: int = 0

    def spelled(self) -> Payload:
        """Return it as the mass form takes it."""
        body: Payload = {"entity_id": self.entity_id, "to_entity_id": self.to_id, "to_entity_type": self.to_type}
        return {**body, "metadata": self.metadata} if self.metadata else body

    def embedded(self) -> Payload:
        """Return it as a new deal takes it."""
        return {"id": self.to_id, **({"is_main": True} if self.metadata.get("is_main") else {})}


def company_links(write: Write) -> tuple[list[LinkItem], list[LinkItem]]:
    """Return what `company_external_id` undoes and makes: a deal or contact has one company at most."""
    if "company_external_id" not in write.values or write.entity not in ("deals", "contacts"):
        return [], []
    wanted = reference(write.values["company_external_id"])
    held = [named(one) for one in embedded(write.current.payload if write.current else None, "companies") or ()]
    gone = [_item(write, "companies", one) for one in held if one != wanted]
    return gone, [_item(write, "companies", wanted)] if wanted and wanted not in held else []


def link_items(write: Write, context: MappingContext) -> list[LinkItem]:
    """Return the links a write names."""
    named_links = write.links if write.operation in (CREATE, LINK, UNLINK) else ()
    return [_item(write, _plural(link), link.external_id, _metadata(link, write, context)) for link in named_links]


def _plural(link: LinkTo) -> str:
    return ELEMENTS if link.entity == "products" else PLURAL_OF.get(link.entity, link.entity)


def _item(write: Write, to_type: str, to_id: Any, metadata: Payload | None = None) -> LinkItem:
    own, other = reference(write.external_id) or "0", reference(to_id) or "0"
    return LinkItem(write.key, to_type, int(other) if other.isdigit() else 0, metadata or {}, int(own) if own.isdigit() else 0)


def _metadata(link: LinkTo, write: Write, context: MappingContext) -> Payload:
    """Return what goes beside a link: the write key is `is_main`, the read key `main_contact` (facts: amocrm 4.9)."""
    if link.entity != "products":
        return {"is_main": True} if link.is_main and link.entity == "contacts" and write.operation != UNLINK else {}
    catalogs = context.facts.get("product_catalogs") or ()
    catalog = reference(link.catalog if isinstance(link, Placed) else None) or next(iter(catalogs), None)
    metadata: Payload = {CATALOG_ID: int(catalog)} if catalog else {}
    quantity = money(link.quantity)
    if quantity is not None and write.operation != UNLINK:
        metadata["quantity"] = int(quantity) if quantity == quantity.to_integral_value() else float(quantity)
    return metadata


# Making them ----------------------------------------------------------------------------------------------------------

Troubles = dict[str, Complaint]
"""Key of a write → what was wrong with a link of it; LOST as code: nobody knows."""


def send_links(client: Client, plural: str, verb: str, links: Sequence[LinkItem], *, lane: str) -> Troubles:
    """Link or unlink, and return what went wrong. Raises TryLater, ConnectionStopped: nothing was done."""
    troubles: Troubles = {}
    for start in range(0, len(links), MOST_LINKS):
        troubles |= _send(client, plural, verb, links[start : start + MOST_LINKS], lane)
    return troubles


def _send(client: Client, plural: str, verb: str, links: Sequence[LinkItem], lane: str) -> Troubles:
    try:
        client.write("POST", f"/api/v4/{plural}/{verb}", [link.spelled() for link in links], lane=lane)
    except AnswerLost as error:
        return {link.key: Complaint(LOST, "", str(error)) for link in links}
    except RequestRefused as error:
        refused = error
    else:
        return {}
    if refused.status in (404, 405):
        return _one_by_one(client, plural, verb, links, lane)
    return _without_refused(client, plural, verb, links, lane, refused)


def _without_refused(
    client: Client, plural: str, verb: str, links: Sequence[LinkItem], lane: str, refused: RequestRefused
) -> Troubles:
    found = complaints_of(refused.detail, [str(n) for n in range(len(links))])
    if found:
        troubles = {links[int(place)].key: complaints[0] for place, complaints in found.items()}
        rest = [link for n, link in enumerate(links) if str(n) not in found]
        return troubles | (_send(client, plural, verb, rest, lane) if rest else {})
    if len(links) == 1:
        return {links[0].key: refusal_of(refused)}
    half = len(links) // 2
    return _send(client, plural, verb, links[:half], lane) | _send(client, plural, verb, links[half:], lane)


def _one_by_one(client: Client, plural: str, verb: str, links: Sequence[LinkItem], lane: str) -> Troubles:
    """Use the form for one record: the mass form is missing from Kommo's reference (facts: amocrm 4.9)."""
    troubles: Troubles = {}
    for own, several in _by_record(links).items():
        bodies = [{key: value for key, value in link.spelled().items() if key != "entity_id"} for link in several]
        try:
            client.write("POST", f"/api/v4/{plural}/{own}/{verb}", bodies, lane=lane)
        except AnswerLost as error:
            troubles |= {link.key: Complaint(LOST, "", str(error)) for link in several}
        except RequestRefused as error:
            troubles |= {link.key: refusal_of(error) for link in several}
    return troubles


def _by_record(links: Iterable[LinkItem]) -> Mapping[int, list[LinkItem]]:
    found: dict[int, list[LinkItem]] = {}
    for link in links:
        found.setdefault(link.entity_id, []).append(link)
    return found
