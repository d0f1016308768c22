"""A CRM so small that it fits a page, as a real HTTP server: what the third connector of the tests talks to.

GET  /account                                          who this is
GET  /<kind>?after=&limit=&from=&until=&ids=           records in order of their ids; with `from` also deleted ones
GET  /<kind>?marker=                                   records made with this marker (origin_id)
POST /<kind> {field: value}                            a new record
PATCH /<kind>/<id> {field: value}                      other values; lists are replaced as a whole
POST /token {"refresh_token"}                          a new pair; a token used twice kills the whole family
"""

import threading
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from crm_pipeline.sandbox.serving import Options, Sandbox

BORN = datetime(2026, 3, 1, tzinfo=UTC)


class TinyServer(Sandbox):
    """Holds records and serves them. Edit it as a person would: `put`, `drop`; the clock stands, every edit is a second later."""

    name = "tinycrm"

    def __init__(self, account: str = "tiny-1"):
        super().__init__(Options())
        self.account = account
        self.records: dict[str, dict[str, dict[str, Any]]] = {}
        self.access, self.refresh, self.dead, self.generation = "access-0", "refresh-0", False, 0
        self.requests: Counter[str] = Counter()
        self.fail: dict[str, int] = {}
        """kind → status to answer with."""
        self.hidden: set[str] = set()
        """Ids no list shows, though each is found when asked for: as rows that move while a list is read."""
        self.vanished: set[str] = set()
        """Fields there are no more: writing one is refused."""
        self.refused: set[object] = set()
        """Values of fields that are refused."""
        self.writes: Counter[str] = Counter()
        """Method and kind → how many writes were applied."""
        self.lock = threading.RLock()
        self.now = BORN
        self._running = ExitStack()
        self._running.enter_context(self.running())

    def close(self) -> None:
        """Stop serving."""
        self._running.close()

    @property
    def now(self) -> datetime:
        """The CRM's clock."""
        return datetime.fromtimestamp(self.clock.now(), UTC)

    @now.setter
    def now(self, moment: datetime) -> None:
        self.clock.freeze(moment.timestamp())

    def put(self, kind: str, record_id: object, /, **values: Any) -> None:
        """Create or change a record."""
        with self.lock:
            self.clock.advance(1)
            of_kind = self.records.setdefault(kind, {})
            old = of_kind.get(str(record_id), {"created_at": self.now.isoformat()})
            old.pop("deleted_at", None)
            of_kind[str(record_id)] = {**old, **values, "id": str(record_id), "updated_at": self.now.isoformat()}

    def drop(self, kind: str, record_id: object) -> None:
        """Delete a record; incremental reading shows that it is gone."""
        with self.lock:
            self.clock.advance(1)
            moment, born = self.now.isoformat(), self.records[kind][str(record_id)]["created_at"]
            gone = {"id": str(record_id), "created_at": born, "deleted_at": moment, "updated_at": moment}
            self.records[kind][str(record_id)] = gone

    def apply_edit(self, edit: dict[str, Any]) -> int | None:
        """Do what a fault rule asks a person to do."""
        if edit.get("delete"):
            self.drop(edit["kind"], edit["id"])
        else:
            self.put(edit["kind"], edit["id"], **edit["set"])
        return int(edit["id"])

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        kind = request.path.strip("/")
        self.requests[kind.partition("/")[0]] += 1
        if kind == "token":
            pair = self._renew((await request.json())["refresh_token"])
            return web.json_response(pair or {"error": "invalid_grant"}, status=200 if pair else 400)
        if request.headers.get("Authorization") != f"Bearer {self.access}":
            return web.json_response({}, status=401)
        if kind in self.fail:
            return web.json_response({}, status=self.fail[kind])
        if request.method in ("POST", "PATCH"):
            return self._write(request.method, *kind.split("/"), fields=await request.json())
        now = self.now.isoformat()
        if kind == "account":
            return web.json_response({"id": self.account, "name": "Tiny", "now": now})
        return web.json_response({"items": self._page(kind, dict(request.query)), "now": now})

    def _write(self, method: str, kind: str, record_id: str = "", *, fields: dict[str, Any]) -> web.Response:
        with self.lock:
            held = self.records.setdefault(kind, {})
            if record_id and "deleted_at" in held.get(record_id, {"deleted_at": "never made"}):
                return web.json_response({"error": "gone"}, status=404)
            if complaint := self._complaint(fields):
                return web.json_response(complaint, status=400)
            record_id = record_id or str(max(map(int, held), default=0) + 1)
            self.put(kind, record_id, **fields)
            self.writes[f"{method} {kind}"] += 1
            return web.json_response({"id": record_id, "updated_at": held[record_id]["updated_at"]})

    def _complaint(self, fields: dict[str, Any]) -> dict[str, str] | None:
        for name, value in fields.items():
            if name in self.vanished:
                return {"error": "unknown_field", "field": name, "detail": f"There is no field {name}."}
            if isinstance(value, str) and value in self.refused:
                return {
                    "error": "NotSupportedChoice",
                    "field": name,
                    "detail": f"{name}: no valid choice.",
                }
        return None

    def _page(self, kind: str, query: dict[str, str]) -> list[dict[str, Any]]:
        with self.lock:
            found = sorted(self.records.get(kind, {}).values(), key=lambda record: int(record["id"]))
        if query.get("marker"):
            return [record for record in found if record.get("origin_id") == query["marker"]]
        if query.get("ids"):
            return [record for record in found if record["id"] in query["ids"].split(",") and "deleted_at" not in record]
        found = [r for r in found if int(r["id"]) > int(query.get("after", 0)) and r["updated_at"] >= query.get("from", "")]
        found = [r for r in found if r["id"] not in self.hidden]
        found = [r for r in found if "until" not in query or r["updated_at"] < query["until"]]
        found = [r for r in found if "from" in query or "deleted_at" not in r]
        return found[: int(query.get("limit", 100))]

    def _renew(self, refresh: str) -> dict[str, Any] | None:
        """Give a new pair for the current refresh token; anything else is theft and ends it all."""
        with self.lock:
            if self.dead or refresh != self.refresh:
                self.dead = True
                return None
            self.generation += 1
            self.access, self.refresh = f"access-{self.generation}", f"refresh-{self.generation}"
            return {"access_token": self.access, "refresh_token": self.refresh}
