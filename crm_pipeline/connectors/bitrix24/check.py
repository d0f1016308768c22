"""The account check: who we are at this portal, what it offers, and what will be missing.

Two requests: everything about the account in one batch, then the self-test of filters by time. What belongs here: asking
and judging. What a walk does with the facts is in `faces` and `walks`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from crm_pipeline.connectors import Link
from crm_pipeline.connectors.bitrix24.auth import host_of
from crm_pipeline.connectors.bitrix24.brackets import as_list, as_map
from crm_pipeline.connectors.bitrix24.client import Client
from crm_pipeline.connectors.bitrix24.faces import PROBES, Faces, probe_times
from crm_pipeline.connectors.bitrix24.payloads import NAME_OF_ENTITY, SCOPES, STREAM_SCOPES, TYPE_OF_ENTITY
from crm_pipeline.connectors.bitrix24.reference import item_names
from crm_pipeline.connectors.bitrix24.replies import Command, Reply
from crm_pipeline.errors import AccessDenied
from crm_pipeline.model.cleaning import flag, moment, text, timezone
from crm_pipeline.model.records import Account

_QUESTIONS: dict[str, Command] = {
    "profile": ("profile", {}),
    "user": ("user.current", {}),
    "scope": ("scope", {}),
    "app": ("app.info", {}),
    "clock": ("server.time", {}),
    "currencies": ("crm.currency.list", {}),
    **{f"{entity}_names": ("crm.item.fields", {"entityTypeId": number}) for entity, number in TYPE_OF_ENTITY.items()},
    **PROBES,
}

Replies = Mapping[str, Reply]


def check(link: Link) -> Account:
    """Ask the portal who and what this is. Raises ConsentNeeded, AccessDenied and other ConnectionStopped kinds."""
    client = Client(link)
    replies = client.batch(_QUESTIONS)
    scopes = _scopes(replies, client)
    if "crm" not in scopes:
        raise AccessDenied(
            "The webhook or application may not read the CRM.", what_to_do="Give it the scope crm and connect again."
        )
    faces = Faces.from_replies(replies)
    faces = Faces(faces.items, faces.iblocks, faces.catalog, probe_times(client, faces))
    host = host_of(client.base_url, {})
    return Account(
        stable_id=_stable_id(link, client, host),
        name=host,
        base_url=client.base_url,
        timezone=_timezone(replies, client),
        currency=_currency(replies),
        facts=_facts(client, replies, faces, scopes) | {"host": host},
        warnings=tuple(_warnings(replies, faces, scopes)),
    )


def _stable_id(link: Link, client: Client, host: str) -> str:
    """Return the member id; a webhook does not tell it, so there it is the first host the portal had, also after a renaming."""
    return str(client.secrets.get("member_id") or link.facts.get("stable_id") or host)


def _facts(client: Client, replies: Replies, faces: Faces, scopes: list[str]) -> dict[str, Any]:
    profile, app = as_map(replies["profile"].result), as_map(replies["app"].result)
    return {
        "auth": "webhook" if client.by_webhook else "oauth",
        "user_id": text(profile.get("ID")) or text(as_map(replies["user"].result).get("ID")),
        "is_admin": flag(profile.get("ADMIN")),
        "scopes": scopes,
        "portal_offset": _offset(replies, client),
        "license": text(app.get("LICENSE")),
        "uf_names": {entity: item_names(replies[f"{entity}_names"].result) for entity in NAME_OF_ENTITY},
        **faces.as_facts(),
    }


def _scopes(replies: Replies, client: Client) -> list[str]:
    """Return the granted scopes; a portal that does not tell is taken to grant what the credential came with."""
    told = [str(scope).lower() for scope in as_list(replies["scope"].result)]
    kept = str(client.secrets.get("scope") or "").replace(" ", ",").lower().split(",")
    return sorted(set(told or [scope for scope in kept if scope] or ["crm", *SCOPES]))


def _offset(replies: Replies, client: Client) -> str:
    written = text(replies["clock"].result) or ""
    return written[-6:] if written[-6:-5] in ("+", "-") else client.offset


def _timezone(replies: Replies, client: Client) -> str:
    """Return the user's time zone when it agrees with the portal's clock now, else the zone that always has its offset."""
    named, offset = text(as_map(replies["profile"].result).get("TIME_ZONE")), _offset(replies, client)
    now: datetime = moment(replies["clock"].result) or client.clock()
    same = named and now.astimezone(timezone(named)).utcoffset() == now.astimezone(timezone(offset)).utcoffset()
    return named if named and same else _fixed_zone(offset)


def _fixed_zone(offset: str) -> str:
    """Return the IANA name of a fixed offset (its sign is the other way round); half hours have none."""
    hours = int(offset[:3])
    return (f"Etc/GMT{-hours:+d}" if hours else "UTC") if offset.endswith(":00") else offset


def _currency(replies: Replies) -> str | None:
    """Return the base currency of the CRM."""
    rows = [as_map(row) for row in as_list(replies["currencies"].result)]
    base = next((row for row in rows if flag(row.get("BASE"))), rows[0] if len(rows) == 1 else {})
    return text(base.get("CURRENCY"))


def _warnings(replies: Replies, faces: Faces, scopes: list[str]) -> list[str]:
    missing = [
        f"{what} will be missing: the scope {scope!r} is not granted" for scope, what in SCOPES.items() if lacks(scope, scopes)
    ]
    said = {
        "The user is no administrator: records without a read right are missing, and the portal does not say which; "
        "use an administrator's webhook": flag(as_map(replies["profile"].result).get("ADMIN")) is not True,
        "This portal has no crm.item.*: the older lists are used, which takes more requests": not faces.items,
        "The portal ignores modification times in filters: every sync reads everything": "none" in faces.times.values(),
        "The application is not completely installed: the portal sends no events": as_map(replies["app"].result).get("INSTALLED")
        is False,
    }
    return [
        f"{sentence[0].upper()}{sentence[1:]}." for sentence in [*missing, *(text for text, applies in said.items() if applies)]
    ]


def lacks(scope: str, scopes: list[str]) -> bool:
    """Return whether a scope is granted in none of its spellings."""
    spellings = next((names for names in STREAM_SCOPES.values() if scope in names), (scope,))
    return not set(spellings) & set(scopes)
