"""Complete scans: short lists without a time filter, read whole each time; what a finished scan has not seen is gone.

Because of that, a scan of several pages is believed only when the list's own total agrees or a second pass finds the same ids.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from crm_pipeline.connectors.amocrm.client import Client, Params
from crm_pipeline.connectors.amocrm.frame import Frame
from crm_pipeline.connectors.amocrm.payloads import CATALOG_ID, ENTITY_OF, ENTITY_TYPE, named, raw_record, rows_of, stage_id
from crm_pipeline.connectors.amocrm.streams import CUSTOM_FIELDS, PIPELINES, PRODUCTS, STAGES, USERS
from crm_pipeline.errors import AccessDenied, ImplausibleWalk, RequestRefused
from crm_pipeline.model.records import Page, Payload, RawRecord

MOST_PASSES = 6
PRODUCT_CATALOG = "products"
RESUME = {"phase": "scan"}
"""An interrupted scan begins again: half of an old one proves nothing."""


@dataclass(frozen=True, slots=True)
class _Pass:
    """One reading of a list: its ids, whether any came twice, its pages and the total it told."""

    ids: frozenset[str]
    doubled: bool
    pages: int
    total: int | None

    def is_proven(self, other: "_Pass | None") -> bool:
        if self.doubled:
            return False
        if self.total is not None:
            return len(self.ids) == self.total
        return self.pages <= 1 or (other is not None and other.ids == self.ids)


def scan(frame: Frame, name: str) -> Iterator[Page]:
    """Yield the pages of a complete list, the last one ending the walk."""
    for records in _SCANS[name](frame.client):
        frame.begin(None, frame.client.served_at)
        yield frame.page(records, RESUME)
    frame.begin(None, frame.client.served_at)
    yield frame.page([], None)


def product_catalogs(client: Client) -> list[str]:
    """Return the ids of catalogs of products. Raises AccessDenied or RequestRefused where the plan has no lists."""
    rows = [row for page in _whole_list(client, "/api/v4/catalogs", "catalogs") for row in page]
    return [named(row) for row in rows if row.get("type") == PRODUCT_CATALOG]


def product_catalogs_if_offered(client: Client) -> list[str] | None:
    """Return the same, None where the plan has no lists or the user no right to them (facts: amocrm 6)."""
    try:
        return product_catalogs(client)
    except (AccessDenied, RequestRefused):
        return None


def _whole_list(client: Client, path: str, key: str, params: Params = ()) -> Iterator[list[Payload]]:
    """Yield each row once, pass after pass until the list is proven to have been read whole. Raises ImplausibleWalk."""
    seen: set[str] = set()
    before: _Pass | None = None
    for _ in range(MOST_PASSES):
        ids: list[str] = []
        page, more, total = 0, True, None
        while more:
            page += 1
            found = client.sure_page(path, key, params, page=page)
            total, more = found.total if found.total is not None else total, found.more
            ids += [named(row) for row in found.rows]
            yield [row for row in found.rows if named(row) not in seen]
            seen.update(map(named, found.rows))
        this = _Pass(frozenset(ids), len(set(ids)) < len(ids), page, total)
        if this.is_proven(before):
            return
        before = this
    raise ImplausibleWalk(f"{key}: two readings in a row were never the same; nothing was deleted.")


def _plain(path: str, key: str, kind: str) -> Callable[[Client], Iterator[list[RawRecord]]]:
    def read(client: Client) -> Iterator[list[RawRecord]]:
        for rows in _whole_list(client, path, key):
            yield [raw_record(kind, row) for row in rows]

    return read


def _pipelines(client: Client) -> list[Payload]:
    return rows_of(client.sure_answer("/api/v4/leads/pipelines", "pipelines").json, "pipelines")


def _read_pipelines(client: Client) -> Iterator[list[RawRecord]]:
    yield [raw_record("pipelines", row) for row in _pipelines(client)]


def _read_stages(client: Client) -> Iterator[list[RawRecord]]:
    """Yield the statuses inside the pipelines, each with its pipeline's id: 142 and 143 exist in all of them."""
    for pipeline in _pipelines(client):
        statuses = [{"pipeline_id": pipeline.get("id"), **status} for status in rows_of(pipeline, "statuses")]
        keyed = [(stage_id(pipeline.get("id"), status.get("id")), status) for status in statuses]
        yield [raw_record("stages", status, key) for key, status in keyed if key]


def _read_fields(client: Client) -> Iterator[list[RawRecord]]:
    """Read the definitions of every kind of record, all kinds at once: each is a page, and waiting for five in a row is slow."""
    with ThreadPoolExecutor(len(ENTITY_OF) + 1, thread_name_prefix="fields") as workers:
        catalogs = workers.submit(product_catalogs_if_offered, client)
        lists = [workers.submit(_fields, client, plural, entity, {ENTITY_TYPE: plural}) for plural, entity in ENTITY_OF.items()]
        for catalog in catalogs.result() or ():
            tags = {ENTITY_TYPE: "catalogs", CATALOG_ID: int(catalog)}
            lists.append(workers.submit(_fields, client, f"catalogs/{catalog}", "products", tags))
        for fields in lists:
            yield fields.result()


def _fields(client: Client, owner: str, entity: str, tags: Payload) -> list[RawRecord]:
    pages = _whole_list(client, f"/api/v4/{owner}/custom_fields", "custom_fields", [("order[id]", "asc")])
    rows = [row for page in pages for row in page]
    return [raw_record("custom_fields", {**row, **tags}, f"{entity}:{named(row)}") for row in rows]


def _read_products(client: Client) -> Iterator[list[RawRecord]]:
    for catalog in product_catalogs(client):
        for rows in _whole_list(client, f"/api/v4/catalogs/{catalog}/elements", "elements"):
            yield [raw_record("products", {CATALOG_ID: int(catalog), **row}) for row in rows]


_SCANS: dict[str, Callable[[Client], Iterator[list[RawRecord]]]] = {
    USERS.name: _plain("/api/v4/users", "users", "users"),
    PIPELINES.name: _read_pipelines,
    STAGES.name: _read_stages,
    CUSTOM_FIELDS.name: _read_fields,
    PRODUCTS.name: _read_products,
}
SCANNED = frozenset(_SCANS)
