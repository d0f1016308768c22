"""Finding records we may have made: by our marker, else by what they would hold among the newest ones.

Newest first is one request for many; a marker not among them is asked for by itself. A list may ignore a filter without saying
so (facts: amocrm 0.2) and lags behind what was written: every row is checked, and waiting is the caller's business.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm_pipeline.connectors import Link, Write
from crm_pipeline.connectors.amocrm import mapping
from crm_pipeline.connectors.amocrm.client import Client, Params
from crm_pipeline.connectors.amocrm.expressing import express
from crm_pipeline.connectors.amocrm.holders import BY_CODE, MARKER, ask
from crm_pipeline.connectors.amocrm.payloads import CATALOG_ID, ENTITY_TYPE, named, seconds
from crm_pipeline.connectors.amocrm.routes import MOST_ITEMS, Route, by_route
from crm_pipeline.connectors.amocrm.streams import note_prefix
from crm_pipeline.model.cleaning import reference, text
from crm_pipeline.model.records import MappingContext, Payload, RawRecord
from crm_pipeline.model.writing import POINT_SETS

MARGIN = 120.0
"""Seconds by which clocks may differ beyond what the server's own `Date` tells."""
TIGHT = 2.0
MOST_PAGES = 20
DERIVED = frozenset(("stage_category", "body_text", "is_completed"))
"""Columns that follow from others, or change by themselves."""


def find(link: Link, creates: Sequence[Write], context: MappingContext) -> dict[str, str]:
    """Return key → external id of those creates that are there. Raises TryLater, ConnectionStopped."""
    client = Client(link)
    found: dict[str, str] = {}
    for route, writes in by_route(creates, context).items():
        search = Search(client, link, route, context, MARGIN)
        prefix = note_prefix(route.plural, link.facts) if route.entity == "communications" else ""
        most = MOST_ITEMS if route.key == "notes" else len(writes)  # whose notes are looked through is named in the address
        for part in (writes[start : start + most] for start in range(0, len(writes), most)):
            used = {one.removeprefix(prefix) for write in part for one in write.taken}
            found |= {key: prefix + number for key, number in search.find(part, used).items()}
    return found


def applied_after_all(
    client: Client, link: Link, route: Route, creates: Sequence[Write], context: MappingContext, *, known: Collection[str]
) -> dict[str, str]:
    """Return key → id of creates that are there although their request was refused a moment ago; `known` ids are others'."""
    return Search(client, link, route, context, TIGHT, only_newest=True).find(creates, set(known))


@dataclass(frozen=True, slots=True)
class Search:
    """A search in one list."""

    client: Client
    link: Link
    route: Route
    context: MappingContext
    margin: float
    only_newest: bool = False

    def find(self, writes: Sequence[Write], used: set[str]) -> dict[str, str]:
        """Return key → id; each row is used once."""
        found: dict[str, str] = {}
        unmarked: list[Payload] = []
        by_marker = {write.marker: write.key for write in writes if write.marker}
        since = self._since(writes)
        for row in self._newest(writes, since):
            key = by_marker.get(self._marker(row) or "")
            if key:
                found[key] = min(found.get(key, named(row)), named(row), key=int)
            elif not self._marker(row) and named(row) not in used:
                unmarked.append(row)
        missing = [write for write in writes if write.key not in found]
        if self._is_marked(writes):
            return found if self.only_newest else found | self._asked_for(missing)
        return found | self._alike(missing, unmarked, since)

    def _since(self, writes: Sequence[Write]) -> float:
        """Return from when on a record may be one of these, by the CRM's clock."""
        sent = [write.sent_at for write in writes if write.sent_at]
        first = min(sent) if len(sent) == len(writes) else datetime.fromtimestamp(0).astimezone()
        return first.timestamp() + self.client.ahead - self.margin

    def _is_marked(self, writes: Sequence[Write]) -> bool:
        if self.route.entity == "communications":
            return all(write.values.get("kind") == "call" for write in writes)
        if not self.route.owner:
            return False
        holders = ask(self.client, self.route.entity, self.route.owner, lane="bulk", again=not self.only_newest)
        return bool(holders.get(MARKER))

    # What is read -----------------------------------------------------------------------------------------------------

    def _newest(self, writes: Sequence[Write], since: float) -> Iterator[Payload]:
        """Yield rows, the newest first; notes are those of the records concerned, elements are not ordered: all of them."""
        params: list[tuple[str, str | int]] = [*self.route.params, ("order[id]", "desc")]
        is_notes, is_elements = self.route.key == "notes", self.route.key == "elements"
        if is_notes:
            params += [("filter[entity_id][]", one) for one in dict.fromkeys(map(_target, writes))]
        page, more = 0, True
        while more and (page < MOST_PAGES or is_elements):
            page += 1
            found = self.client.sure_page(self.route.path, self.route.key, params, page=page, tries=2)
            yield from found.rows
            oldest = min((seconds(row, "created_at") for row in found.rows), default=0)
            more = found.more and (is_notes or is_elements or oldest >= since)

    def _asked_for(self, writes: Sequence[Write]) -> dict[str, str]:
        """Ask for each marker by itself (facts: amocrm 3.4: `query` looks into fields); notes have no such question."""
        if self.route.key == "notes":
            return {}
        found: dict[str, str] = {}
        for write in writes:
            params: Params = [*self.route.params, ("query", write.marker)]
            rows = self.client.sure_page(self.route.path, self.route.key, params, tries=2).rows if write.marker else []
            numbers = [named(row) for row in rows if self._marker(row) == write.marker]
            if numbers:
                found[write.key] = min(numbers, key=int)
        return found

    # What is compared -------------------------------------------------------------------------------------------------

    def _marker(self, row: Payload) -> str | None:
        """Return our marker in a row: in its field, of calls in `uniq`."""
        params = row.get("params")
        if self.route.key == "notes":
            return text(params.get("uniq")) if isinstance(params, Mapping) else None
        known = self.link.facts.get("marker_fields")
        number = str(known.get(self.route.entity, "")) if isinstance(known, Mapping) else ""
        for one in row.get("custom_fields_values") or ():
            coded = MARKER in BY_CODE.get(self.route.entity, {}).get(one.get("field_code") or "", ())
            if coded or (number and reference(one.get("field_id")) == number):
                values = one.get("values") or [None]
                return text(values[0].get("value") if isinstance(values[0], Mapping) else values[0])
        return None

    def _alike(self, writes: Sequence[Write], rows: Sequence[Payload], since: float) -> dict[str, str]:
        """Return those that hold what the creates would: each row once, the newest one for the last create."""
        mine = reference(self.link.facts.get("user_id"))
        rows = [row for row in rows if not mine or reference(row.get("created_by")) in (None, mine)]
        left = {named(row): self._held(row) for row in sorted(rows, key=lambda row: -int(named(row) or 0))}
        fresh = {named(row) for row in rows if seconds(row, "created_at") >= since}
        found: dict[str, str] = {}
        for write in reversed(writes):
            wanted = express(self.route.entity, write.values, self.context)
            dated = wanted.get("happened_at") is not None
            key = next((key for key, held in left.items() if (dated or key in fresh) and _holds(held, wanted)), None)
            if key:
                found[write.key] = key
                del left[key]
        return found

    def _held(self, row: Payload) -> Mapping[str, Any]:
        kind = self.route.entity
        tags = {ENTITY_TYPE: self.route.plural} if self.route.key == "notes" else {}
        if self.route.key == "elements":
            tags = {CATALOG_ID: self.route.owner.partition("/")[2]}
        (source,) = mapping.normalize(RawRecord(kind, named(row), {**tags, **row, **tags}), self.context)
        points = source.children.get("contact_points", ())
        lists = {name: [one["value"] for one in points if one["kind"] == kind] for name, kind in POINT_SETS.items()}
        return {**source.values, **lists}


def _target(write: Write) -> str:
    return reference(write.values.get("target_external_id")) or "0"


def _holds(held: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    compared = {column: value for column, value in wanted.items() if column not in DERIVED}
    return bool(compared) and all(_same(held.get(column), value) for column, value in compared.items())


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, list | tuple) or isinstance(other, list | tuple):
        return sorted(map(str, one or ())) == sorted(map(str, other or ()))
    return bool(one == other)
