"""amocrm-api-wrapper 0.0.20 walking the same amoCRM lists, page after page as its users do; rows are only counted."""

from collections.abc import Callable
from functools import partial
from typing import Any

from amocrm_api import AmoOAuthClient

from crm_pipeline_tests.bench.lists import AMOCRM
from crm_pipeline_tests.bench.systems import Task, report

Page = Callable[..., dict[str, Any]]


def work(task: Task) -> dict[str, Any]:
    """Walk every list."""
    client = AmoOAuthClient(task["token"], "", task["url"], "", "", "")
    catalogs = client.get_catalogs().get("_embedded", {}).get("catalogs", [])
    pages = _pages(client) | {f"elements {c['id']}": partial(client.get_catalog_elements, c["id"]) for c in catalogs}
    read = {name: _walk(page) for name, page in pages.items()}
    return {"rows": sum(read.values()), "read": read}


def _pages(client: AmoOAuthClient) -> dict[str, Page]:
    leads = AMOCRM["leads"][1]["with"].split(",")
    return {
        "users": client.get_users,
        "companies": client.get_companies,
        "contacts": client.get_contacts,
        "leads": partial(client.get_leads, with_params=leads),
        "stage_changes": partial(client.get_events, limit=100, filter_by_type=AMOCRM["stage_changes"][1]["filter[type]"]),
        "tasks": client.get_tasks,
        **{f"{kind}_notes": partial(client.get_notes_by_entity_type, kind) for kind in ("leads", "contacts", "companies")},
    }


def _walk(page: Page) -> int:
    """Read until a page names no next one."""
    number, count, more = 1, 0, True
    while more:
        answer = page(page=number)
        count += sum(len(rows) for rows in answer.get("_embedded", {}).values())
        number, more = number + 1, "next" in answer.get("_links", {})
    return count


if __name__ == "__main__":
    report(work)
