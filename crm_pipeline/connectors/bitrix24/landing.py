"""Rows into raw records: which external id and which times a row has. What its fields mean belongs to `mapping`.

Addresses of files are signed: they hold the token of who asked and differ every time (facts: bitrix24 9). The signature is taken
out before a row is kept.
"""

import re
from collections.abc import Iterable
from typing import Any

from crm_pipeline.connectors.bitrix24.payloads import Listing, Params
from crm_pipeline.model.cleaning import moment
from crm_pipeline.model.records import RawRecord

COMMENT = "comment:"
"""Prefix of timeline comments' external ids: activities have the plain ones."""


_ADDRESSES = frozenset(
    ("url", "urlMachine", "showUrl", "downloadUrl", "detailUrl", "URL", "DOWNLOAD_URL", "SHOW_URL", "VIEW_URL")
)
_SIGNATURE = re.compile(r"(?i)([?&](?:auth|token|access_token|signature|sessid|_esd|hash)=)[^&#]*")


def unsigned(row: Params) -> Params:
    """Take the signatures out of the file addresses of a row, in place."""
    for value in row.values():
        if isinstance(value, (dict, list)) and value:
            _unsign(value)
    return row


def _unsign(value: Any) -> None:
    for holder in value if isinstance(value, list) else (value,):
        if isinstance(holder, dict):
            for name in _ADDRESSES.intersection(holder):
                if isinstance(holder[name], str):
                    holder[name] = _SIGNATURE.sub(r"\1", holder[name])


def raw_records(listing: Listing, rows: Iterable[Params], offset: str) -> list[RawRecord]:
    """Return the rows of a listing as raw records."""
    return [
        RawRecord(
            listing.kind,
            f"{listing.prefix}{row[listing.row_id]}",
            unsigned(row),
            moment(row.get(listing.row_created), offset) if listing.row_created else None,
            moment(row.get(listing.row_changed), offset),
        )
        for row in rows
    ]


def comment_record(row: Params, offset: str) -> RawRecord:
    """Return a timeline comment; it carries no modification time (facts: bitrix24 4.14)."""
    return RawRecord("communications", f"{COMMENT}{row['ID']}", unsigned(row), moment(row.get("CREATED"), offset))


def tombstone(kind: str, external_id: str) -> RawRecord:
    """Return the record of something that is gone."""
    return RawRecord(kind, external_id, None, deleted=True)
