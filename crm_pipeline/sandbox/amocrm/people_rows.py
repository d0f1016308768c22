"""People, companies and products of a world as amoCRM rows."""

from __future__ import annotations

import zlib
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..world import Company, Person, Product
from .catalogs import element_row
from .custom_values import ACCOUNT_ZONE, local_midnight
from .entity_writes import tail
from .furniture import EQUIPMENT, FIELDS, PRODUCTS
from .ids import ADMIN, id_of
from .linkbook import reference
from .records import Row

if TYPE_CHECKING:
    from .account import Account

TAG_BASE = 3_000
TAG_COLORS = ("DDEBB5", "FFC8C8", "CCC8F9", "87F2C0")
DAY = 86_400


class Values:
    """Build custom_fields_values entries of one owner by field id."""

    def __init__(self, owner: str) -> None:
        self._specs = {spec[0]: spec for spec in FIELDS[owner]}

    def entry(self, id: int, *values: dict[str, Any]) -> Row:
        """Build an entry."""
        _, name, type, code, _, _ = self._specs[id]
        return {"field_id": id, "field_name": name, "field_code": code, "field_type": type, "values": list(values)}

    def text(self, id: int, *values: Any) -> Row:
        """Build an entry of plain values."""
        return self.entry(id, *({"value": value} for value in values))

    def choice(self, id: int, *places: int) -> Row:
        """Build an entry of choices by their place."""
        texts = self._specs[id][4]
        return self.entry(id, *({"value": texts[n], "enum_id": id * 100 + n, "enum_code": None} for n in places))

    def labelled(self, id: int, pairs: list[tuple[str, str]]) -> Row:
        """Build a multitext entry of (value, code)."""
        codes = self._specs[id][4]
        return self.entry(
            id, *({"value": value, "enum_id": id * 100 + codes.index(code), "enum_code": code} for value, code in pairs)
        )


class Maker:
    """Make rows of one account; remembers the tags it met."""

    def __init__(self, account: Account, closest: dict[tuple[str, int], int]) -> None:
        self.account = account
        self.tags: dict[str, dict[str, Row]] = {"contacts": {}, "companies": {}, "leads": {}}
        self.values = {owner: Values(owner) for owner in FIELDS}
        self._closest = closest

    def tagged(self, kind: str, names: tuple[str, ...]) -> list[Row]:
        """Answer embedded tags, each name with the id it got first."""
        known = self.tags[kind]
        for name in names:
            if name not in known:
                color = TAG_COLORS[len(known) % 4] if kind == "leads" else None
                known[name] = {"id": TAG_BASE + len(known) + 1, "color": color}
        return [{"id": known[name]["id"], "name": name, "color": known[name]["color"]} for name in names]

    def base(self, kind: str, id: int, record: Any, target: str) -> Row:
        """Build the keys leads, contacts and companies share, from responsible_user_id to closest_task_at."""
        owner = id_of("users", record.agent)
        return {
            "responsible_user_id": owner,
            "group_id": 0,
            "created_by": owner,
            "updated_by": owner if id % 5 else ADMIN,
            "created_at": record.created,
            "updated_at": record.updated,
            "closest_task_at": self._closest.get((target, record.key)),
            "is_deleted": False,
        }

    def company(self, one: Company) -> Row:
        """Make a company."""
        id, values = id_of("companies", one.key), self.values["companies"]
        plain = {205: one.tax_id, 203: one.web, 204: one.address, 206: one.sector, 207: one.revenue, 208: one.employees}
        entries = [values.text(field, str(value)) for field, value in plain.items() if value is not None]
        if one.phone:
            entries.append(values.labelled(201, [(one.phone, "WORK")]))
        if one.email:
            entries.append(values.labelled(202, [(one.email, "WORK")]))
        if one.tax_id and one.key % 4 == 0:
            entries.append(values.text(209, {"name": one.name, "entity_type": 1, "vat_id": one.tax_id}))
        row: Row = {"id": id, "name": one.name} | self.base("companies", id, one, "company")
        row |= {"custom_fields_values": entries or None} | tail(self.account, "companies", id)
        row["_embedded"]["tags"] = self.tagged("companies", one.tags)
        return row

    def person(self, one: Person) -> Row:
        """Make a contact."""
        id = id_of("contacts", one.key)
        row: Row = {"id": id, "name": f"{one.first} {one.last}".strip(), "first_name": one.first, "last_name": one.last}
        row |= self.base("contacts", id, one, "person") | {"is_unsorted": False}
        row |= {"custom_fields_values": self._person_values(one) or None} | tail(self.account, "contacts", id)
        row["_embedded"]["tags"] = self.tagged("contacts", one.tags)
        if one.company is not None:
            row["_embedded"]["companies"] = [reference("companies", id_of("companies", one.company))]
        return row

    def _person_values(self, one: Person) -> list[Row]:
        values, chance = self.values["contacts"], zlib.crc32(str(one.key).encode())
        entries = [
            values.text(field, value) for field, value in {101: one.position, 109: one.middle, 110: one.web}.items() if value
        ]
        if one.phones:
            entries.append(values.labelled(102, [(phone, "MOB" if n == 0 else "WORK") for n, phone in enumerate(one.phones)]))
        if one.emails:
            entries.append(values.labelled(103, [(mail, "WORK" if n == 0 else "PRIV") for n, mail in enumerate(one.emails)]))
        if one.birthday:
            entries.append(values.text(104, birthday(one.birthday)))
        return entries + self._extras(values, chance, one.created)

    @staticmethod
    def _extras(values: Values, chance: int, created: int) -> list[Row]:
        """Fill the account's own fields for some people, always the same ones."""
        made = []
        if chance % 3 == 0:
            made.append(values.choice(105, chance // 3 % 4))
        if chance % 5 == 0:
            made.append(values.choice(106, *sorted({chance // 5 % 4, chance // 20 % 4})))
        if chance % 7 == 0:
            made.append(values.text(107, local_midnight(created + 30 * DAY)))
        if chance % 4 == 0:
            made.append(values.text(108, chance % 8 == 0))
        if chance % 11 == 0:
            made += [values.text(111, created + 3_600), values.choice(112, chance // 11 % 3)]
        return made


def birthday(iso: str) -> int:
    """Answer midnight of a day in the account's zone, as birthdays are kept."""
    return int(datetime.fromisoformat(iso).replace(tzinfo=ACCOUNT_ZONE).timestamp())


def product(account: Account, one: Product) -> Row:
    """Make an element of the products catalog."""
    values = Values(f"catalog_{PRODUCTS}")
    row = element_row(account, PRODUCTS, id_of("products", one.key), one.name, ADMIN, account.now() - DAY * 300 + one.key)
    group = values.choice(404, one.key % 2)
    return row | {"custom_fields_values": [values.text(401, one.sku), values.text(403, f"{one.price:f}"), group]}


def machine(account: Account, one: Product) -> Row:
    """Make an element of the second catalog: a machine some customer has."""
    values = Values(f"catalog_{EQUIPMENT}")
    row = element_row(
        account, EQUIPMENT, id_of("machines", one.key), f"{one.name} № {one.key}", ADMIN, account.now() - DAY * 200 + one.key
    )
    return row | {"custom_fields_values": [values.text(451, f"SN-{one.key:05d}"), values.choice(452, one.key % 2)]}
