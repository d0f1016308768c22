"""Modification times in filters: how they are written for a portal, whether it honours them, which rows are within.

Some portals ignore ISO times in filters and take only `YYYY-MM-DD HH:MM:SS` in their own time (facts: bitrix24 5, docs 211).
So every row is compared with what was asked; the first row from outside makes the whole walk write the other form, and
when that is ignored too, everything is read and sorted out here. Instants are compared, never texts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from crm_pipeline.connectors.bitrix24.payloads import Listing, Params
from crm_pipeline.model.cleaning import moment, timezone

FORMS = ("iso", "naive", "none")
"""How times are written in a filter, in the order they are tried; `none`: no filter by time."""

OVERLAP = timedelta(seconds=300)
"""Subtracted from an incremental walk's watermark: rows may become visible a little late."""

SUMMER_TIME = timedelta(hours=1)
"""How far a time without an offset may be off (facts: bitrix24 5: user zone against server zone)."""

_SLACK = {"naive": SUMMER_TIME}


@dataclass(slots=True)
class Span:
    """From `since` (inclusive) to `until` (exclusive); `form` changes when the portal turns out to ignore it."""

    since: datetime
    until: datetime | None = None
    offset: str = "+00:00"
    form: str = "iso"

    def filters(self, listing: Listing) -> Params:
        """Return the filter on the modification time."""
        if self.form == "none" or not listing.changed:
            return {}
        slack = _SLACK.get(self.form, timedelta())
        lower = {f">={listing.changed}": self.written(self.since - slack)}
        return lower | ({f"<{listing.changed}": self.written(self.until + slack)} if self.until else {})

    def written(self, at: datetime) -> str:
        """Return a time as this portal reads it: ISO 8601 with its own offset, or without one."""
        local = at.astimezone(timezone(self.offset))
        return f"{local:%Y-%m-%d %H:%M:%S}" if self.form == "naive" else local.isoformat(timespec="seconds")

    def honoured(self, rows: Sequence[Params], listing: Listing, form: str) -> bool:
        """Return whether the filter of `form` worked on these rows; if not, the next form is used from now on."""
        if form == "none" or not listing.changed:
            return True
        slack = _SLACK.get(form, timedelta()) + timedelta(seconds=1)
        if not any(self._outside(row, listing, slack) for row in rows):
            return True
        if self.form == form:
            self.form = FORMS[FORMS.index(form) + 1]
        return False

    def kept(self, rows: Sequence[Params], listing: Listing) -> list[Params]:
        """Return the rows within the span; a row whose time cannot be read is kept."""
        return [row for row in rows if not self._outside(row, listing, timedelta())]

    def _outside(self, row: Params, listing: Listing, slack: timedelta) -> bool:
        at = moment(row.get(listing.row_changed), self.offset)
        return at is not None and (at < self.since - slack or (self.until is not None and at >= self.until + slack))
