"""A third CRM that only exists here: a real HTTP server with lists of dicts, and the connector for it.

It shows what orchestration does without waiting for vendors' ways: entities that fail, an account that is blocked, a server
that does not answer while a run is being killed.

    GET /<entity>?since=<unix>&until=<unix>    {"rows": [{"id": 1, "at": <unix>, "name": "…"}], "now": <unix>}
    PUT /<entity>/<id>   {"name": "…"}         {"now": <unix>}
"""

import json
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs, urlsplit

from crm_pipeline.connectors import Account, Link, Meter, Secrets, Stream, Writable
from crm_pipeline.errors import AccessBlocked, AccessDenied, RequestRefused, Unreadable
from crm_pipeline.http import Answer, Session, Verdict
from crm_pipeline.model.entities import COLUMNS
from crm_pipeline.model.records import MappingContext, Page, RawRecord, SourceRecord, WalkRequest
from crm_pipeline.model.writing import APPLIED, REFUSED, UPDATE, Outcome, Write

ENTITIES = ("users", "companies", "contacts", "deals")
NAMED = {"deals": "title"}
ALIKE = {"owner_external_id": "1", "stage_external_id": "new", "stage_category": "open", "amount": 1, "currency": "EUR"}
"""Column → value of every record that has the column."""
PAGE = 2


class PaperCrm:
    """The server. `rows[entity]` is what it holds; `answers[entity]` a status it answers with; `held[entity]` blocks it."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.answers: dict[str, int] = {}
        self.held: dict[str, threading.Event] = {}
        self.asked: list[str] = []
        self.arrived: dict[str, threading.Event] = defaultdict(threading.Event)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Return the address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def add(self, entity: str, *names: str, at: float | None = None) -> None:
        """Put records into a list."""
        for name in names:
            self.rows[entity].append({"id": len(self.rows[entity]) + 1, "at": at or time.time(), "name": name})

    def change(self, entity: str, number: int, **values: Any) -> None:
        """Change a record: its name, or any column it is to have."""
        self.rows[entity][number - 1] |= {"at": time.time(), **values}

    def close(self) -> None:
        """Stop serving."""
        for event in self.held.values():
            event.set()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, entity: str, since: float, until: float) -> tuple[int, dict[str, Any]]:
        """Return status and body of one list."""
        self.asked.append(entity)
        self.arrived[entity].set()
        if entity in self.held:
            self.held[entity].wait()
        if entity in self.answers:
            return self.answers[entity], {"error": "no"}
        rows = [row for row in self.rows[entity] if since <= row["at"] < until]
        return 200, {"rows": rows, "now": time.time()}

    def put(self, entity: str, number: int, values: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Change a record for a client; return status and body."""
        self.asked.append(f"put {entity}")
        status = self.answers.get(f"put {entity}", 200)
        if status == 200:
            self.change(entity, number, **values)
        return status, {"now": time.time()}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        crm = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                asked = {name: float(values[0]) for name, values in parse_qs(parts.query).items()}
                status, body = crm.answer(parts.path.strip("/"), asked.get("since", 0), asked.get("until", 4e9))
                self._say(status, body)

            def do_PUT(self) -> None:
                entity, number = self.path.strip("/").split("/")
                values = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self._say(*crm.put(entity, int(number), values))

            def _say(self, status: int, body: dict[str, Any]) -> None:
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, *_: object) -> None:
                return

        return Handler


class PaperConnector:
    """The connector."""

    crm = "paper"
    title = "Paper"
    vendor_hosts = (".paper.test",)
    streams = tuple(Stream(entity, entity, (entity,), windowed=entity != "users") for entity in ENTITIES)

    writable = MappingProxyType({"contacts": Writable(frozenset({UPDATE}), frozenset({"name"}))})
    settle_seconds = 5.0

    def meter(self, base_url: str, secrets: Secrets) -> Meter:
        return Meter(f"paper:{base_url}", 0.01, 100)

    def check(self, link: Link) -> Account:
        return Account(link.base_url, "Paper", link.base_url, "UTC", "EUR")

    def walk(self, link: Link, stream: Stream, request: WalkRequest) -> Iterator[Page]:
        params = {
            "since": request.since.timestamp() if request.since else 0,
            "until": request.until.timestamp() if request.until else 4e9,
        }
        found = link.http.send(
            "GET", f"{link.base_url}/{stream.name}", params=params, headers=_key(link), classify=_classify
        ).json
        records = [_record(stream.entity, row) for row in found["rows"] if not request.ids or str(row["id"]) in request.ids]
        started_at = datetime.fromtimestamp(found["now"], UTC)
        for first in range(0, max(len(records), 1), PAGE):
            rest = first + PAGE < len(records)
            yield Page(
                tuple(records[first : first + PAGE]), {"at": first + PAGE} if rest else None, started_at, requests=not first
            )

    def normalize(self, raw: RawRecord, context: MappingContext) -> list[SourceRecord]:
        payload = raw.payload or {}
        if payload["name"] == "unreadable":
            raise Unreadable("name: no")
        values = {column: payload.get(column, ALIKE.get(column)) for column in COLUMNS[raw.kind]}
        values[NAMED.get(raw.kind, "name")] = payload["name"]
        return [SourceRecord(raw.kind, raw.external_id, values, raw.remote_created_at, raw.remote_updated_at)]

    def express(self, entity: str, values: Mapping[str, Any], context: MappingContext) -> dict[str, Any]:
        return {column: value for column, value in values.items() if column in self.writable[entity].columns}

    def prepare(self, link: Link) -> dict[str, Any]:
        return {}

    def find(self, link: Link, creates: Sequence[Write], context: MappingContext) -> dict[str, str]:
        return {}

    def write(self, link: Link, writes: Sequence[Write], context: MappingContext, lane: str) -> Iterator[Outcome]:
        for one in writes:
            url = f"{link.base_url}/{one.entity}/{one.external_id}"
            try:
                answer = link.http.send("PUT", url, json=dict(one.values), headers=_key(link), classify=_classify, lane=lane)
            except RequestRefused as refusal:
                yield Outcome(one.key, REFUSED, code="refused", detail=str(refusal))
            else:
                yield Outcome(one.key, APPLIED, one.external_id, datetime.fromtimestamp(answer.json["now"], UTC))

    def authorization_url(self, settings: Mapping[str, str], state: str) -> str:
        raise NotImplementedError

    def exchange_code(self, http: Session, base_url: str, secrets: Secrets, code: str, now: datetime) -> Secrets:
        raise NotImplementedError


def _key(link: Link) -> dict[str, str]:
    return {"Authorization": f"Bearer {link.vault.read()['access_token']}"}


def _record(entity: str, row: dict[str, Any]) -> RawRecord:
    at = datetime.fromtimestamp(row["at"], UTC)
    return RawRecord(entity, str(row["id"]), row, at, at)


VERDICTS = {
    200: Verdict("ok"),
    402: Verdict("raise", error=AccessBlocked("Paper has blocked this account.", what_to_do="Ask Paper's support.")),
    403: Verdict(
        "raise", error=AccessDenied("The user may not read this list.", what_to_do="Give the user the right to read it.")
    ),
    422: Verdict("raise", error=RequestRefused("Paper does not take this value.")),
}


def _classify(answer: Answer) -> Verdict:
    return VERDICTS[answer.status]


CONNECTOR = PaperConnector()
