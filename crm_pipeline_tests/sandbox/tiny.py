"""The smallest stand-in there can be: one kind of thing, listed and made over HTTP. For testing what all stand-ins share."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any, Literal

import requests
from aiohttp import web

from crm_pipeline.sandbox.limits import TokenBucket
from crm_pipeline.sandbox.serving import Options, Sandbox
from crm_pipeline.sandbox.switches import Switches


@dataclass
class TinySwitches(Switches):
    missing: Literal["204", "404"] = "204"
    lag: int = 0
    strict: bool = True


class Tiny(Sandbox):
    name = "tiny"
    switches_type = TinySwitches

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.bucket = TokenBucket(self.clock, 7)

    def call_name(self, request: web.Request) -> str:
        return f"thing.{'add' if request.method == 'POST' else 'list'}"

    def shown_path(self, request: web.Request) -> str:
        return request.path.replace("s3cret", "***")

    def check_limits(self, request: web.Request) -> web.Response | None:
        return None if self.bucket.take() else web.json_response({"error": "slow down"}, status=429)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        return await (self._add(request) if request.method == "POST" else self._list(request))

    async def _list(self, request: web.Request) -> web.StreamResponse:
        page, size = int(request.query.get("page", 1)), int(request.query.get("limit", 3))
        found = self.store.select("thing", order="updated DESC, id DESC", limit=size, offset=(page - 1) * size)
        request["rows"] = len(found)
        return web.Response(text=f'{{"things":[{",".join(text for _, text in found)}]}}', content_type="application/json")

    async def _add(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"id": self.apply_edit({"kind": "thing", "create": await request.json()})}, status=201)

    def apply_edit(self, edit: dict[str, Any]) -> int | None:
        id = edit["id"] if "id" in edit else self.store.next_id(edit["kind"])
        row = (self.store.get(edit["kind"], id) or {"id": id}) | edit.get("set", {}) | edit.get("create", {})
        self.store.put(edit["kind"], row, id=id, created=0, updated=self.clock.seconds())
        return int(id)

    def random_edits(self, n: int, seed: int) -> list[dict[str, Any]]:
        chance = Random(seed)
        ids = [id for id, _ in self.store.select("thing")]
        return [{"kind": "thing", "id": chance.choice(ids), "set": {"x": chance.randrange(1000)}} for _ in range(n)]

    def credentials(self) -> dict[str, Any]:
        return {"token": "t0p"}


def admin(sandbox: Tiny, method: str, path: str, body: Any = None) -> Any:
    answer = requests.request(method, f"{sandbox.url}/_sandbox/{path}", json=body, timeout=10)
    assert answer.status_code == 200, answer.text
    return answer.json()


def add(sandbox: Tiny, **thing: Any) -> requests.Response:
    return requests.post(f"{sandbox.url}/things", json=thing, timeout=5)


def listed(sandbox: Tiny, page: int = 1, limit: int = 3) -> list[int]:
    answer = requests.get(f"{sandbox.url}/things", params={"page": page, "limit": limit}, timeout=5)
    return [thing["id"] for thing in answer.json()["things"]]
