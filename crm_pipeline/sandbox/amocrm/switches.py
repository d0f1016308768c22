"""The disputed facts about amoCRM, one switch each (facts: amocrm 11)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..switches import Switches


@dataclass
class AmoSwitches(Switches):
    """Choose between readings that both have evidence; defaults are the likelier or the harsher reading."""

    # authorisation
    redirect_uri: str = "https://example.com/amo/callback"  # of the integration, read at the start
    disconnect_uri: str = ""  # called when the integration is switched off
    refresh_reuse: Literal["strict-401", "strict-400", "grace-until-new-pair-used"] = "strict-401"
    unauthorized_body: Literal["httpstatus", "oauth"] = "httpstatus"
    consent: Literal["allow", "ask", "deny"] = "allow"  # what /oauth does: redirect at once, show a page, refuse at once
    referer: Literal["host", "url"] = "host"
    server_time: bool = True
    moved_to: str = ""  # host of a renamed account: this address then answers 401 and names the new one
    # lists
    api_filter: bool = True
    events_max: Literal[100, 250] = 100
    events_order: Literal["newest", "oldest", "shuffled"] = "newest"
    missing_entity: Literal["204", "404"] = "204"
    deleted_entity: Literal["204", "404", "body"] = "204"
    over_limit: Literal["fallback-50", "refuse-400"] = "fallback-50"
    empty_custom_fields: Literal["null", "list"] = "null"
    tie_order: Literal["id", "random"] = "id"
    range_ends: Literal["inclusive", "exclusive"] = "inclusive"  # of [from] and [to] in filters
    read_lag: float = 0.0  # seconds before a change shows in lists
    page_drift: int = 0  # rows of earlier pages a robot touches before each page after the first
    early_204: int = 0  # number of the page that answers 204 once for every walk; 0 never
    only_deleted_everywhere: bool = True  # False: contacts and companies do not know with=only_deleted
    # writes
    single_patch: Literal["root", "embedded"] = "root"
    # a bad item refuses the whole batch; the good ones are done and 200 says so; they are done although 400 is answered
    batch_error: Literal["whole", "partial", "partial-400"] = "whole"
    mass_links: bool = True  # /{type}/link for many rows; Kommo's reference does not have it
    link_bumps: bool = False  # linking moves updated_at of both sides
    note_bumps: bool = False
    task_bumps: bool = False
    tag_bumps: bool = True
    # events
    custom_field_event: Literal["plain", "by-id"] = "plain"
    unlink_key: Literal["link", "unlink"] = "link"
    # limits
    limit_body: Literal["html", "json"] = "html"
    retry_after: bool = False
    block_after: int = 30  # refusals within a minute that turn 429 into 403 for everything
    block_seconds: float = 0.0  # how long a block lasts; 0: until a person lifts it
    # money
    minor_units: bool = False  # leads also carry price_with_minor_units
    paid: bool = True  # False: 402 on every call
    # webhooks
    webhook_duplicate: bool = False
    webhook_reorder: bool = False
    webhook_delete_shape: Literal["object", "scalar"] = "object"
    webhook_task_dates: Literal["account", "utc"] = "account"
    webhook_task_nested: bool = False
    webhook_deadline: float = 2.0
    webhook_repost_enables: bool = True
    # deletes
    merge_names_pair: bool = False  # entity_merged names the loser (the documentation says it does not)
