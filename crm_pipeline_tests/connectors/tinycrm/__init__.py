"""The third connector: nothing of the pipeline knows it, yet it is found, loaded and synced like the others."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from crm_pipeline.connectors import Link, Meter, Secrets, Stream
from crm_pipeline.http import Session
from crm_pipeline.model.records import Account, MappingContext, Page, Payload, RawRecord, SourceRecord, WalkRequest
from crm_pipeline.model.writing import Outcome, Writable, Write
from crm_pipeline_tests.connectors.tinycrm import mapping, writing
from crm_pipeline_tests.connectors.tinycrm.client import get, renewed

OVERLAP = timedelta(seconds=5)
LIMIT = 100


@dataclass(frozen=True)
class TinyCrm:
    """Implements `connectors.Connector`."""

    crm: str = "tinycrm"
    title: str = "Tiny CRM"
    vendor_hosts: tuple[str, ...] = (".tiny.example",)
    writable: Mapping[str, Writable] = field(default_factory=lambda: writing.WRITABLE)
    settle_seconds: float = 0.0
    streams: tuple[Stream, ...] = (
        *(
            Stream(kind, kind, (kind,), complete=True, windowed=False)
            for kind in ("users", "pipelines", "stages", "custom_fields")
        ),
        *(Stream(kind, kind, (kind,)) for kind in ("companies", "contacts")),
        Stream("products", "products", ("products",), complete=True, windowed=False),
        Stream("deals", "deals", ("deals",)),
        Stream("stage_changes", "deals", ("stage_changes",), auxiliary=True),
        *(Stream(kind, kind, (kind,)) for kind in ("tasks", "communications")),
    )

    def meter(self, base_url: str, secrets: Secrets) -> Meter:
        """Return a limit nobody meets."""
        return Meter(f"tinycrm:{base_url}", 0.0001, 1000)

    def check(self, link: Link) -> Account:
        """Ask who this is."""
        found = get(link, "account", {})
        return Account(found["id"], found["name"], link.base_url, "Europe/Moscow", "RUB")

    def walk(self, link: Link, stream: Stream, request: WalkRequest) -> Iterator[Page]:
        """Read by id, page after page."""
        query = _query(stream, request)
        after = (request.resume or {}).get("after", "0")
        began = None
        while True:
            found = get(link, stream.name, {**query, "after": after})
            records = [_raw(stream.name, item) for item in found["items"]]
            after = records[-1].external_id if len(records) == LIMIT else None
            gone = [
                RawRecord(stream.name, i, None, deleted=True) for i in request.ids if i not in {r.external_id for r in records}
            ]
            resume = {"after": after} if after and not request.ids else None
            began = began or datetime.fromisoformat(found["now"])
            yield Page((*records, *gone), resume, began, 1)
            if resume is None:
                return

    def normalize(self, raw: RawRecord, context: MappingContext) -> list[SourceRecord]:
        """Map one payload."""
        return mapping.normalize(raw, context)

    def authorization_url(self, settings: Mapping[str, str], state: str) -> str:
        """Return where consent is given."""
        return f"{settings['base_url']}/consent?state={state}"

    def exchange_code(self, http: Session, base_url: str, secrets: Secrets, code: str, now: datetime) -> Secrets:
        """Take the code for a refresh token: that is all the tiny CRM asks."""
        return {**secrets, **renewed(http, base_url, code)}

    def express(self, entity: str, values: Mapping[str, Any], context: MappingContext) -> dict[str, Any]:
        """Return what would be held."""
        return writing.express(entity, values)

    def prepare(self, link: Link) -> Payload:
        """There is a place for markers already."""
        return {}

    def find(self, link: Link, creates: Sequence[Write], context: MappingContext) -> dict[str, str]:
        """Look for records by marker."""
        return writing.find(link, creates)

    def write(self, link: Link, writes: Sequence[Write], context: MappingContext, lane: str) -> Iterator[Outcome]:
        """Do one after the other."""
        return writing.write(link, writes, lane)


CONNECTOR = TinyCrm()


def register(folder: Path) -> Path:
    """Write what an installed package would have, so that `discover()` finds this connector when `folder` is on the path."""
    about = folder / "tinycrm-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: tinycrm\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[crm_pipeline.connectors]\ntinycrm = crm_pipeline_tests.connectors.tinycrm\n")
    return folder


def _query(stream: Stream, request: WalkRequest) -> dict[str, str]:
    query = {"limit": str(LIMIT)}
    if request.ids:
        query["ids"] = ",".join(request.ids)
    if request.since and not stream.complete:
        query["from"] = (request.since - (OVERLAP if request.mode == "incremental" else timedelta())).isoformat()
    if request.until:
        query["until"] = request.until.isoformat()
    return query


def _raw(kind: str, item: dict[str, Any]) -> RawRecord:
    updated = datetime.fromisoformat(item["updated_at"])
    if "deleted_at" in item:
        return RawRecord(kind, item["id"], None, None, updated, deleted=True)
    return RawRecord(kind, item["id"], item, datetime.fromisoformat(item["created_at"]), updated)
