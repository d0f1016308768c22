"""Links: contacts of a deal, companies of a contact, and a deal's product rows, which are always written as a whole.

Contacts and companies are linked one by one, so that what others link meanwhile stays. Product rows have no such call that could
be repeated without harm: they are read right before, merged and set (facts: bitrix24 4.7, 4.9, 6).
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from crm_pipeline.connectors.bitrix24.brackets import as_map
from crm_pipeline.connectors.bitrix24.details import lists
from crm_pipeline.connectors.bitrix24.payloads import CLASSIC_ROWS, ITEM_ROWS, PAGE, PRICES, Params
from crm_pipeline.connectors.bitrix24.reading import faces, key
from crm_pipeline.connectors.bitrix24.replies import Command
from crm_pipeline.connectors.bitrix24.spelling import Desk, companies_of
from crm_pipeline.errors import RequestRefused
from crm_pipeline.model.cleaning import money
from crm_pipeline.model.writing import LINK, UNLINK, UPDATE, LinkTo, Write

_ROW = faces("product productId PRODUCT_ID", "name productName PRODUCT_NAME", "quantity quantity QUANTITY", "price price PRICE")
_NOT_SENT = frozenset({
    "ownerId", "ownerType", "priceAccount", "OWNER_ID", "OWNER_TYPE", "PRICE_ACCOUNT", "ORIGINAL_PRODUCT_NAME",
    "PRODUCT_DESCRIPTION",
})  # fmt: skip
"""What a product row tells beside what it is made of."""
_RECKONED = frozenset({
    "priceExclusive", "priceNetto", "priceBrutto", "discountTypeId", "discountRate", "discountSum", "PRICE_EXCLUSIVE",
    "PRICE_NETTO", "PRICE_BRUTTO", "DISCOUNT_TYPE_ID", "DISCOUNT_RATE", "DISCOUNT_SUM",
})  # fmt: skip
"""What belongs to the price a row had."""
_LIST_OF_NEW = {
    "contacts": ("companies", ("companyIds", "COMPANY_IDS"), ("companyId", "COMPANY_ID")),
    "deals": ("contacts", ("contactIds", "CONTACT_IDS"), ("contactId", "CONTACT_ID")),
}
"""Entity → what it has several of, and the fields of a create that take all of them, or the only one."""
_WORDS = {("deals", "contacts"): ("deal", "contact"), ("contacts", "companies"): ("contact", "company")}


def linked_at_birth(desk: Desk, write: Write) -> Params:
    """Return the fields by which a new record is linked in its create, the main one first."""
    fields: Params = {}
    several = _LIST_OF_NEW.get(write.entity)
    if several:
        told = write.values.get("company_external_id") if write.entity == "contacts" else None
        ids = _main_first(write.links, several[0], told)
        fields |= {several[1][desk.face]: ids} if len(ids) > 1 else {several[2][desk.face]: ids[0]} if ids else {}
    companies = _main_first(write.links, "companies", None)
    if write.entity == "deals" and companies and not write.values.get("company_external_id"):
        fields |= {("companyId", "COMPANY_ID")[desk.face]: companies[0]}
    return fields


def _main_first(links: Iterable[LinkTo], entity: str, told: str | None) -> list[str]:
    found = sorted((link for link in links if link.entity == entity), key=lambda link: not link.is_main)
    return list(dict.fromkeys([*([told] if told else []), *(link.external_id for link in found)]))


def link_commands(desk: Desk, write: Write) -> list[Command]:
    """Return the commands that link or unlink. Raises RequestRefused when the rows of a deal cannot be read."""
    links = [link for link in write.links if link.entity != "products"]
    found = [command for link in links if (command := _link(desk, write, link))]
    goods = [link for link in write.links if link.entity == "products"]
    if not goods:
        return found
    number = str(write.external_id)
    if number not in desk.rows:
        raise RequestRefused("The deal's product rows cannot be read, so none is written.", code="gone")
    held = desk.rows[number]
    merged = _with(desk, held, goods) if write.operation == LINK else _without(held, goods)
    return found + ([] if merged == [_sent(row) for row in held] else [_set_rows(desk, number, merged)])


def _link(desk: Desk, write: Write, link: LinkTo) -> Command | None:
    words = _WORDS.get((write.entity, link.entity))
    if words is None:
        return _company_of_deal(desk, write, link)
    owner, other = words
    fields: Params = {f"{other.upper()}_ID": link.external_id}
    if write.operation == LINK:
        fields |= {"IS_PRIMARY": "Y"} if link.is_main else {}
        return f"crm.{owner}.{other}.add", {"id": write.external_id, "fields": fields}
    return f"crm.{owner}.{other}.delete", {"id": write.external_id, "fields": fields}


def _company_of_deal(desk: Desk, write: Write, link: LinkTo) -> Command | None:
    """A deal has one company; unlinking another than that is done already."""
    name = ("companyId", "COMPANY_ID")[desk.face]
    held = key((write.current.payload or {}).get(name)) if write.current else None
    if write.operation != LINK and held not in (None, link.external_id):
        return None
    fields = {name: link.external_id if write.operation == LINK else ""}
    if desk.face == 0:
        return "crm.item.update", {"entityTypeId": 2, "id": write.external_id, "fields": fields}
    return "crm.deal.update", {"id": write.external_id, "fields": fields}


def companies_let_go(write: Write) -> list[Command]:
    """Return the commands that part a contact from all its companies: without them the next one would become the main one."""
    if write.operation != UPDATE or write.entity != "contacts" or write.values.get("company_external_id", "") is not None:
        return []
    held = companies_of(write.current.payload) if write.current else []
    if len(held) < 2:
        return []
    return [("crm.contact.company.delete", {"id": write.external_id, "fields": {"COMPANY_ID": one}}) for one in held]


# Product rows ---------------------------------------------------------------------------------------------------------


def read_rows(desk: Desk, writes: Sequence[Write]) -> None:
    """Read the product rows of every deal they are merged into, and the prices of products linked without one."""
    goods = [(write, link) for write in writes for link in write.links if link.entity == "products"]
    deals = list(dict.fromkeys(str(write.external_id) for write, _ in goods if write.external_id))
    extra = CLASSIC_ROWS if desk.face else ITEM_ROWS
    found = lists(desk.client, [(extra, int(deal)) for deal in deals]) if deals else []
    desk.rows = {deal: rows for deal, rows in zip(deals, found, strict=True) if rows is not None}
    priceless = dict.fromkeys(link.external_id for write, link in goods if link.price is None and write.operation != UNLINK)
    desk.prices = _prices(desk, list(priceless))


def _prices(desk: Desk, products: Sequence[str]) -> dict[str, Any]:
    """Return the products' own prices; a product without one is not in it."""
    if not desk.faces.catalog:
        return _classic_prices(desk, products)
    found = lists(desk.client, [(PRICES, int(product)) for product in products]) if products else []
    return {product: rows[0].get("price") for product, rows in zip(products, found, strict=True) if rows}


def _classic_prices(desk: Desk, products: Sequence[str]) -> dict[str, Any]:
    prices: dict[str, Any] = {}
    for start in range(0, len(products), PAGE):
        asked: dict[str, Command] = {one: ("crm.product.get", {"id": one}) for one in products[start : start + PAGE]}
        prices |= {one: as_map(reply.result).get("PRICE") for one, reply in desk.client.batch(asked).items()}
    return prices


def rows_of_new(desk: Desk, write: Write, deal: str) -> list[Command]:
    """Return the command that gives a new deal its product rows."""
    goods = [link for link in write.links if link.entity == "products"]
    return [_set_rows(desk, deal, [_made(desk, link) for link in goods])]


def _set_rows(desk: Desk, deal: str, rows: Sequence[Params]) -> Command:
    if desk.face == 0:
        return "crm.item.productrow.set", {"ownerType": "D", "ownerId": deal, "productRows": list(rows)}
    return "crm.deal.productrows.set", {"id": deal, "rows": list(rows)}


def _with(desk: Desk, held: Sequence[Params], goods: Sequence[LinkTo]) -> list[Params]:
    """Return all rows, those of the linked products changed, or added behind the others."""
    rows = [_sent(row) for row in held]
    places = {_product(row): place for place, row in reversed(list(enumerate(rows)))}
    for link in goods:
        place = places.get(link.external_id)
        if place is None:
            rows.append(_made(desk, link))
        else:
            rows[place] = _changed(rows[place], link)
    return rows


def _without(held: Sequence[Params], goods: Sequence[LinkTo]) -> list[Params]:
    gone = {link.external_id for link in goods}
    return [_sent(row) for row in held if _product(row) not in gone]


def _sent(row: Params) -> Params:
    """Return a row as it is sent back: with its id, without what is empty or only told."""
    return {name: value for name, value in row.items() if name not in _NOT_SENT and value not in (None, "", [])}


def _product(row: Params) -> str | None:
    return key(row.get("productId", row.get("PRODUCT_ID")))


def _changed(row: Params, link: LinkTo) -> Params:
    """Return a row with the quantity and price of a link; another price takes what was reckoned from the old one with it."""
    names = _ROW[0] if "productId" in row else _ROW[1]
    told = {"quantity": link.quantity, "price": link.price}
    said = {names[word]: value for word, value in told.items() if value is not None and money(row.get(names[word])) != value}
    kept = {name: value for name, value in row.items() if names["price"] not in said or name not in _RECKONED}
    return kept | {name: _number(value) for name, value in said.items()}


def _made(desk: Desk, link: LinkTo) -> Params:
    told: dict[str, Any] = {"product": link.external_id, "name": link.name, "quantity": link.quantity or Decimal(1)}
    told["price"] = desk.prices.get(link.external_id) if link.price is None else link.price
    return {_ROW[desk.face][word]: _number(value) for word, value in told.items() if value is not None}


def _number(value: Any) -> Any:
    return format(value, "f") if isinstance(value, Decimal) else value
