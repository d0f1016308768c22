"""The account check: whose account this is, what the token may read, and what a person should know (facts: amocrm 3.2, 4.7)."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from crm_pipeline.connectors import Link
from crm_pipeline.connectors.amocrm.client import Client
from crm_pipeline.connectors.amocrm.payloads import embedded, named
from crm_pipeline.connectors.amocrm.scans import product_catalogs_if_offered
from crm_pipeline.connectors.amocrm.streams import NOTE_LISTINGS
from crm_pipeline.errors import AccessDenied, ConnectionStopped, RequestRefused
from crm_pipeline.model.cleaning import flag, reference, text
from crm_pipeline.model.records import Account, Payload

DEFAULT_ZONE = "Europe/Moscow"
NO_FILTER = (
    "The account's list filter is switched off: changes are found by reading newest first, and the first load reads all pages. "
    "amoCRM's paid API filter makes both cheaper."
)
NO_USERS = (
    "The token's user is not an administrator: the names of users stay unknown. Authorise as an administrator to read them."
)
NO_ZONE = f"amoCRM did not tell the account's time zone: {DEFAULT_ZONE} is assumed for dates."
NO_CURRENCY = "amoCRM did not tell the account's currency: amounts have none."
NO_CATALOGS = "The account has no catalog of products (or its plan does not include lists): no products are read."


def check(link: Link) -> Account:
    """Ask the account who and what it is. Raises ConnectionStopped when the address belongs to another account by now."""
    client = Client(link)
    row, _ = client.account("is_api_filter_enabled", "datetime_settings", "task_types", "users_groups", "version", "drive_url")
    stable_id = named(row)
    _must_be_the_same(link, stable_id)
    zone, currency = _zone(row), text(row.get("currency"))
    user = _user(client, row)
    filter_enabled = flag(row.get("is_api_filter_enabled"))
    catalogs = product_catalogs_if_offered(client)
    facts = {
        "filter_enabled": filter_enabled,
        "user_id": reference(row.get("current_user_id")),
        "is_admin": flag(_rights(user).get("is_admin")) or False,
        "users_readable": user is not None,
        "notes_numbered_apart": bool(link.facts.get("notes_numbered_apart")) or _notes_share_ids(client),
        "task_types": _task_types(row),
        "product_catalogs": catalogs,
        "subdomain": text(row.get("subdomain")) or _subdomain(client.base_url),
        "country": text(row.get("country")),
        "drive_url": text(row.get("drive_url")),
    }
    doubts = {
        NO_FILTER: filter_enabled is False,
        NO_USERS: user is None,
        NO_ZONE: not zone,
        NO_CURRENCY: not currency,
        NO_CATALOGS: not catalogs,
    }
    warnings = tuple(sentence for sentence, applies in doubts.items() if applies)
    name = text(row.get("name")) or facts["subdomain"]
    return Account(stable_id, str(name), client.base_url, zone or DEFAULT_ZONE, currency, facts, warnings)


def _must_be_the_same(link: Link, stable_id: str) -> None:
    known = link.facts.get("stable_id")
    if not stable_id:
        raise ConnectionStopped("The address does not answer as an amoCRM account.", what_to_do="Check the account's address.")
    if known and str(known) != stable_id:
        raise ConnectionStopped(
            f"{link.base_url} belongs to another amoCRM account by now ({stable_id} instead of {known}).",
            what_to_do="Connect the account again under its present address.",
        )


def _user(client: Client, row: Mapping[str, Any]) -> Payload | None:
    """Return the token's user from the list of users, None when the token may not read it (facts: amocrm 4.7)."""
    try:
        users = client.sure_page("/api/v4/users", "users").rows
    except (AccessDenied, RequestRefused):
        return None
    mine = reference(row.get("current_user_id"))
    return next((user for user in users if named(user) == mine), {})


def _notes_share_ids(client: Client) -> bool:
    """Return whether notes of leads, contacts and companies are numbered each by themselves: it is not documented."""
    seen: set[str] = set()
    for listing in NOTE_LISTINGS:
        try:
            ids = set(map(named, client.page(listing.path, listing.key, [("order[id]", "asc")]).rows))
        except (AccessDenied, RequestRefused):
            continue
        if ids & seen:
            return True
        seen |= ids
    return False


def _rights(user: Payload | None) -> Mapping[str, Any]:
    rights = (user or {}).get("rights")
    return rights if isinstance(rights, Mapping) else {}


def _zone(row: Payload) -> str | None:
    settings = embedded(row, "datetime_settings")
    return (text(settings[0].get("timezone")) or text(settings[0].get("timezone_offset"))) if settings else None


def _task_types(row: Payload) -> dict[str, str]:
    return {named(kind): name for kind in embedded(row, "task_types") or () if (name := text(kind.get("name")))}


def _subdomain(base_url: str) -> str | None:
    return (urlsplit(base_url).hostname or "").partition(".")[0] or None
