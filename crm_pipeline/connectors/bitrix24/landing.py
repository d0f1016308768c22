"""Rows into raw records: which external id and which times a row has. What its fields mean belongs to `mapping`."""

from collections.abc import Iterable

from crm_pipeline.connectors.bitrix24.payloads import Listing, Params
from crm_pipeline.model.cleaning import moment
from crm_pipeline.model.records import RawRecord

COMMENT = "comment:"
"""Prefix of timeline comments' external ids: activities have the plain ones."""


def raw_records(listing: Listing, rows: Iterable[Params], offset: str) -> list[RawRecord]:
    """Return the rows of a listing as raw records."""
    return [
        RawRecord(
            listing.kind,
            f"{listing.prefix}{row[listing.row_id]}",
            row,
            moment(row.get(listing.row_created), offset) if listing.row_created else None,
            moment(row.get(listing.row_changed), offset),
        )
        for row in rows
    ]


def comment_record(row: Params, offset: str) -> RawRecord:
    """Return a timeline comment; it carries no modification time (facts: bitrix24 4.14)."""
    return RawRecord("communications", f"{COMMENT}{row['ID']}", row, moment(row.get("CREATED"), offset))


def tombstone(kind: str, external_id: str) -> RawRecord:
    """Return the record of something that is gone."""
    return RawRecord(kind, external_id, None, deleted=True)
