"""Statuses, stages, pipelines and currencies of a portal, and the methods that list them (facts: bitrix24 4.10).

Here: small lists kept whole. What moving a deal between stages does is in changes.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .calls import Answer, Call, method
from .refusals import TYPE_UNSUPPORTED

if TYPE_CHECKING:
    from .portal import Portal

PROCESS, SUCCESS, FAILURE = "P", "S", "F"
_STAGES = (
    ("NEW", "Prospecting", PROCESS, "#39A8EF"),
    ("PREPARATION", "Engaging", PROCESS, "#2FC6F6"),
    ("PREPAYMENT_INVOICE", "Prepayment invoice", PROCESS, "#55D0E0"),
    ("EXECUTING", "In progress", PROCESS, "#47E4C2"),
    ("FINAL_INVOICE", "Final invoice", PROCESS, "#FFA900"),
    ("WON", "Won", SUCCESS, "#7BD500"),
    ("LOSE", "Lost", FAILURE, "#FF5752"),
    ("APOLOGY", "Analyse failure", FAILURE, "#FF5752"),
)
_PLAIN = {
    "SOURCE": ("CALL:Call", "EMAIL:E-mail", "WEB:Website", "ADVERTISING:Advertising", "PARTNER:Existing client", "OTHER:Other"),
    "CONTACT_TYPE": ("CLIENT:Clients", "SUPPLIER:Suppliers", "PARTNER:Partners", "OTHER:Other"),
    "COMPANY_TYPE": ("CUSTOMER:Client", "SUPPLIER:Supplier", "COMPETITOR:Competitor", "PARTNER:Partner", "OTHER:Other"),
    "INDUSTRY": ("IT:Information technology", "MANUFACTURING:Manufacturing", "FINANCE:Finance", "OTHER:Other"),
    "EMPLOYEES": ("EMPLOYEES_1:less than 50", "EMPLOYEES_2:50-250", "EMPLOYEES_3:250-500", "EMPLOYEES_4:more than 500"),
    "DEAL_TYPE": ("SALE:Sales", "COMPLEX:Integrated sale", "GOODS:Goods", "SERVICES:Services"),
    "HONORIFIC": ("HNR_EN_1:Mr.", "HNR_EN_2:Mrs."),
    "STATUS": ("NEW:Unprocessed", "IN_PROCESS:In work", "CONVERTED:Good lead", "JUNK:Junk lead"),
}
_WORDS = {PROCESS: "process", SUCCESS: "success", FAILURE: "failure"}


@dataclass
class Dictionaries:
    """The lists of one portal, plain rows as the methods show them."""

    statuses: list[dict[str, Any]] = field(default_factory=list)
    categories: list[dict[str, Any]] = field(default_factory=list)
    currency: str = "USD"

    def __post_init__(self) -> None:
        for entity, lines in _PLAIN.items():
            for sort, line in enumerate(lines, start=1):
                status, _, name = line.partition(":")
                self._add(entity, status, name, sort * 10)
        self.add_category("General")
        self.add_category("Partners")

    def add_category(self, name: str) -> int:
        """Add a pipeline with the usual eight stages and return its id; the first one is the default (0)."""
        number = len(self.categories)
        shown = {"id": number, "name": name, "sort": 100 * (number + 1), "entityTypeId": 2, "isDefault": "N" if number else "Y"}
        self.categories.append({**shown, "originId": "", "originatorId": ""})
        for sort, (stage, label, semantics, color) in enumerate(_STAGES, start=1):
            self.add_stage(number, stage, label, semantics, color, sort * 10)
        return number

    def add_stage(self, category: int, stage: str, name: str, semantics: str, color: str, sort: int) -> None:
        """Add one stage to a pipeline."""
        entity = f"DEAL_STAGE_{category}" if category else "DEAL_STAGE"
        row = self._add(entity, stage_id(category, stage), name, sort)
        row |= {"CATEGORY_ID": str(category) if category else None, "COLOR": color}
        row["SEMANTICS"] = None if semantics == PROCESS else semantics
        apology = stage == "APOLOGY"
        row["EXTRA"] = {"SEMANTICS": "apology" if apology else _WORDS[semantics], "COLOR": color}

    def semantics(self, stage: str) -> str | None:
        """Return P, S or F of a stage, None when there is no such stage."""
        return next((row["SEMANTICS"] or PROCESS for row in self.stages() if row["STATUS_ID"] == stage), None)

    def stages(self, category: int | None = None) -> list[dict[str, Any]]:
        """List the stages of one pipeline, or of all."""
        wanted = None if category is None else f"DEAL_STAGE_{category}" if category else "DEAL_STAGE"
        return [r for r in self.statuses if r["ENTITY_ID"].startswith("DEAL_STAGE") and wanted in (None, r["ENTITY_ID"])]

    def _add(self, entity: str, status: str, name: str, sort: int) -> dict[str, Any]:
        row: dict[str, Any] = {"ID": str(101 + 2 * len(self.statuses)), "ENTITY_ID": entity, "STATUS_ID": status, "NAME": name}
        row |= {
            "NAME_INIT": name,
            "SORT": str(sort),
            "SYSTEM": "Y",
            "CATEGORY_ID": None,
            "COLOR": None,
            "SEMANTICS": None,
            "EXTRA": [],
        }
        self.statuses.append(row)
        return row


def stage_id(category: int, stage: str) -> str:
    """Spell a stage of a pipeline: `NEW`, `C9:NEW`."""
    return f"C{category}:{stage}" if category else stage


def category_of(stage: str) -> int:
    """Read the pipeline out of a stage id."""
    head, colon, _ = stage.partition(":")
    return int(head[1:]) if colon and head[1:].isdigit() else 0


@method("crm.status.list")
def list_statuses(portal: Portal, call: Call) -> Answer:
    """List statuses, unpaged; filter by any column, order by SORT unless told."""
    rows = [row for row in portal.dictionaries.statuses if _matches(row, call.get("filter"))]
    key, way = next(iter((call.get("order") or {"SORT": "ASC"}).items()))
    rows.sort(key=lambda row: _sortable(row.get(str(key).upper())), reverse=str(way).upper() == "DESC")
    return Answer(rows, len(rows))


@method("crm.category.list")
def list_categories(portal: Portal, call: Call) -> Answer:
    """List the pipelines of deals, unpaged."""
    if call.need_whole("entityTypeId") != 2:
        raise TYPE_UNSUPPORTED
    rows = portal.dictionaries.categories
    return Answer({"categories": rows}, len(rows))


@method("crm.currency.list")
def list_currencies(portal: Portal, call: Call) -> Answer:
    """List currencies; the first is the base."""
    names = dict.fromkeys((portal.dictionaries.currency, "RUB", "USD", "EUR"))
    rows = [_currency(name, sort, portal.iso(0)) for sort, name in enumerate(names, start=1)]
    return Answer(rows, len(rows))


@method("crm.type.list")
def list_types(portal: Portal, call: Call) -> Answer:
    """List smart processes: this portal has none."""
    return Answer({"types": []}, 0)


def _currency(name: str, sort: int, updated: str) -> dict[str, Any]:
    row = {"CURRENCY": name, "AMOUNT_CNT": "1", "AMOUNT": "1.0000", "SORT": str(sort * 100), "BASE": "Y" if sort == 1 else "N"}
    more = {
        "FULL_NAME": name,
        "LID": "en",
        "FORMAT_STRING": "# " + name,
        "DEC_POINT": ".",
        "THOUSANDS_SEP": None,
        "DECIMALS": "2",
    }
    return row | more | {"DATE_UPDATE": updated}


def _matches(row: dict[str, Any], filters: Any) -> bool:
    if not isinstance(filters, dict):
        return True
    return all(_holds(row, str(key), value) for key, value in filters.items())


def _holds(row: dict[str, Any], key: str, value: Any) -> bool:
    negated, name = key.startswith("!"), key.lstrip("=!@")
    if name not in row:
        return True
    wanted = [str(item) for item in value] if isinstance(value, list) else [str(value)]
    return (str(row[name]) in wanted) != negated


def _sortable(value: Any) -> tuple[int, int, str]:
    text = str(value or "")
    return (0, int(text), "") if text.isdigit() else (1, 0, text)
