"""The work: which lists of a CRM are read, and how few requests that needs. The same for every system."""

from math import ceil
from typing import Any

AMOCRM: dict[str, tuple[str, dict[str, Any]]] = {
    "users": ("users", {}),
    "pipelines": ("leads/pipelines", {}),
    "catalogs": ("catalogs", {}),
    "companies": ("companies", {}),
    "contacts": ("contacts", {}),
    "leads": ("leads", {"with": "contacts,catalog_elements,loss_reason,source"}),
    "stage_changes": ("events", {"filter[type]": "lead_status_changed", "limit": 100}),
    "tasks": ("tasks", {}),
    "leads_notes": ("leads/notes", {}),
    "contacts_notes": ("contacts/notes", {}),
    "companies_notes": ("companies/notes", {}),
}
"""Name → path below /api/v4 and parameters; pages of 250 where nothing else is said."""

BITRIX24: dict[str, dict[str, Any]] = {
    "user.get": {},
    "crm.company.list": {"select": ["*", "UF_*", "PHONE", "EMAIL", "WEB", "IM"]},
    "crm.contact.list": {"select": ["*", "UF_*", "PHONE", "EMAIL", "WEB", "IM"]},
    "crm.deal.list": {"select": ["*", "UF_*"]},
    "tasks.task.list": {"select": ["*"]},
    "crm.activity.list": {"select": ["*", "COMMUNICATIONS"]},
    "crm.stagehistory.list": {"entityTypeId": 2},
    "crm.product.list": {"select": ["*"]},
}
OWNERS = {"crm.company.list": "company", "crm.contact.list": "contact", "crm.deal.list": "deal"}
"""Lists whose rows own timeline comments."""

SMALL = {"ours, amocrm": 10, "wrapper": 4, "ours, bitrix24": 8, "fast_bitrix24_copy": 2}
"""Who → requests for what has few rows. Ours: users, pipelines, stages, definitions of custom fields, catalogs and their
elements (prices). The others: users, catalogs and elements; users and products."""
_AMOCRM_BIG = ("companies", "contacts", "leads", "tasks", "leads_notes", "contacts_notes", "companies_notes")
_BITRIX24_BIG = ("company", "contact", "deal", "task", "activity", "stagehistory")


def fewest_amocrm(counts: dict[str, int], stage_changes: int, small: int) -> int:
    """Return the requests a full load needs: pages of 250, events by 100."""
    return sum(ceil(counts[name] / 250) for name in _AMOCRM_BIG) + ceil(stage_changes / 100) + small


def fewest_bitrix24(counts: dict[str, int], small: int) -> int:
    """Return the requests a full load needs: a batch holds 50 pages of 50 rows, or the product rows or comments of 50 owners."""
    lists = sum(ceil(counts[name] / 2500) for name in _BITRIX24_BIG)
    owners = sum(ceil(counts[name] / 50) for name in ("company", "contact", "deal"))
    return lists + owners + ceil(counts["deal"] / 50) + small
