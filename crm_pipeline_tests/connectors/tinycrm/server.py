"""A CRM so small that it fits a page, as a real HTTP server: what the third connector of the tests talks to.

GET  /account                                          who this is
GET  /<kind>?after=&limit=&from=&until=&ids=           records in order of their ids; deleted ones as {"id", "deleted_at"}
POST /token {"refresh_token"}                          a new pair; a token used twice kills the whole family
"""

import json
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


class TinyServer:
    """Holds records and serves them. Edit it as a person would: `put`, `drop`; every edit is a second later."""

    def __init__(self, account: str = "tiny-1"):
        self.account = account
        self.now = datetime(2026, 3, 1, tzinfo=UTC)
        self.records: dict[str, dict[str, dict[str, Any]]] = {}
        self.access, self.refresh, self.dead = "access-0", "refresh-0", False
        self.generation = 0
        self.requests: Counter[str] = Counter()
        self.fail: dict[str, int] = {}
        """kind → status to answer with."""
        self.hold: dict[str, threading.Event] = {}
        """kind → set it to let its pages go on."""
        self.lock = threading.RLock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"tiny": self}))
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self._http.shutdown()
        self._http.server_close()

    def put(self, kind: str, record_id: object, /, **values: Any) -> None:
        """Create or change a record."""
        with self.lock:
            self.now += timedelta(seconds=1)
            of_kind = self.records.setdefault(kind, {})
            old = of_kind.get(str(record_id), {"created_at": self.now.isoformat()})
            old.pop("deleted_at", None)
            of_kind[str(record_id)] = {**old, **values, "id": str(record_id), "updated_at": self.now.isoformat()}

    def drop(self, kind: str, record_id: object) -> None:
        """Delete a record; incremental reading shows that it is gone."""
        with self.lock:
            self.now += timedelta(seconds=1)
            moment = self.now.isoformat()
            born = self.records[kind][str(record_id)]["created_at"]
            gone = {"id": str(record_id), "created_at": born, "deleted_at": moment, "updated_at": moment}
            self.records[kind][str(record_id)] = gone

    def page(self, kind: str, query: dict[str, str]) -> list[dict[str, Any]]:
        """Return what a list answers."""
        with self.lock:
            found = sorted(self.records.get(kind, {}).values(), key=lambda record: int(record["id"]))
        if query.get("ids"):
            return [record for record in found if record["id"] in query["ids"].split(",")]
        found = [r for r in found if int(r["id"]) > int(query.get("after", 0)) and r["updated_at"] >= query.get("from", "")]
        found = [r for r in found if "until" not in query or r["updated_at"] < query["until"]]
        found = [r for r in found if "from" in query or "deleted_at" not in r]
        return found[: int(query.get("limit", 100))]

    def renew(self, refresh: str) -> dict[str, Any] | None:
        """Give a new pair for the current refresh token; anything else is theft and ends it all."""
        with self.lock:
            if self.dead or refresh != self.refresh:
                self.dead = True
                return None
            self.generation += 1
            self.access, self.refresh = f"access-{self.generation}", f"refresh-{self.generation}"
            return {"access_token": self.access, "refresh_token": self.refresh}


class _Handler(BaseHTTPRequestHandler):
    tiny: TinyServer
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        kind, query = parts.path.strip("/"), {key: values[0] for key, values in parse_qs(parts.query).items()}
        self.tiny.requests[kind] += 1
        if self.headers.get("Authorization") != f"Bearer {self.tiny.access}":
            return self._answer(401, {})
        if kind in self.tiny.hold:
            self.tiny.hold[kind].wait(30)
        if kind in self.tiny.fail:
            return self._answer(self.tiny.fail[kind], {})
        now = self.tiny.now.isoformat()
        if kind == "account":
            return self._answer(200, {"id": self.tiny.account, "name": "Tiny", "now": now})
        return self._answer(200, {"items": self.tiny.page(kind, query), "now": now})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.tiny.requests["token"] += 1
        pair = self.tiny.renew(asked["refresh_token"])
        self._answer(200 if pair else 400, pair or {"error": "invalid_grant"})

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        sent = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *_args: object) -> None:
        """Keep the tests' output quiet."""
