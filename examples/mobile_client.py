"""A reference client: what a mobile app does with the API, offline first, with a local copy in SQLite.

    client = MobileClient("http://127.0.0.1:8000", "copy.sqlite")
    client.login("olga", "…")
    client.pull()                                            # everything at first, then what changed since
    client.edit("contacts", golden_id, position="CTO")       # works offline: seen at once here, sent by the next push
    deal = client.create("deals", title="Кофемашина")        # a temporary id until the server gave its own
    client.converge()                                        # push, pull, until nothing is left to send or to read
    client.prove()                                           # the copy is what the server holds

What belongs here: one way to do it right, short enough to read. Only the standard library and requests.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import requests

TABLES = """
CREATE TABLE IF NOT EXISTS records (entity TEXT, id TEXT, version TEXT, record TEXT, PRIMARY KEY (entity, id));
CREATE TABLE IF NOT EXISTS queue (n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE, operation TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS receipts (id TEXT PRIMARY KEY, status TEXT NOT NULL, receipt TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS known (name TEXT PRIMARY KEY, value TEXT);
"""
BATCH = 200
"""Operations of one upload; the server takes 500."""
RECEIPTS = "operations"
"""What receipts are called in the delta."""
TEMPORARY = "tmp:"

Values = dict[str, Any]


class Diverged(Exception):
    """The copy is not what the server holds: forget it and read everything anew."""


class LoggedOut(Exception):
    """The server knows this device no more: log in again. The copy and the queue stay."""


class MobileClient:
    """One device of one user."""

    def __init__(self, url: str, path: str = ":memory:", timeout: float = 30):
        self.url, self.timeout, self.http = url.rstrip("/"), timeout, requests.Session()
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.executescript(TABLES)

    # Logging in ------------------------------------------------------------------------------------------------------

    def login(self, username: str, password: str, device: str = "reference client") -> None:
        """Log in; the tokens are kept beside the copy."""
        body = {"username": username, "password": password, "device_name": device}
        answer = self.http.post(f"{self.url}/api/auth/login", json=body, timeout=self.timeout)
        answer.raise_for_status()
        self._keep_tokens(answer.json())

    def _keep_tokens(self, tokens: Values) -> None:
        self._know(access=tokens["access_token"], refresh=tokens["refresh_token"])

    def _refresh(self) -> None:
        """Exchange the refresh token: it is good once, so the new one is kept before anything else."""
        body = {"refresh_token": self._known("refresh")}
        answer = self.http.post(f"{self.url}/api/auth/refresh", json=body, timeout=self.timeout)
        if answer.status_code == 401:
            raise LoggedOut
        answer.raise_for_status()
        self._keep_tokens(answer.json())

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:
        """Send one request with the access token, and once more with a new one when that is over."""
        for is_last in (False, True):
            headers = {"Authorization": f"Bearer {self._known('access')}"}
            answer = self.http.request(method, self.url + path, headers=headers, timeout=self.timeout, **more)
            if answer.status_code != 401 or is_last:
                return answer
            self._refresh()
        raise AssertionError("unreachable")

    # Reading ---------------------------------------------------------------------------------------------------------

    def pull(self) -> int:
        """Read everything, or what changed since the last time; return how many changes came."""
        if self._known("cursor") is None:
            return self._read_all()
        answer = self.ask("GET", "/api/sync/incremental", params={"since": self._known("cursor")})
        if answer.status_code == 410:  # away for too long, or the server was restored: read everything anew
            return self._read_all()
        return self._take_pages(answer, "/api/sync/incremental", "since")

    def _read_all(self) -> int:
        """Read the snapshot, resumed after a break; what is not in it is gone."""
        if self._known("walk") is None:
            self.db.execute("DELETE FROM records")
        walk = self._known("walk")
        answer = self.ask("GET", "/api/sync/initial", params={"cursor": walk} if walk else {})
        if answer.status_code == 410 and walk:  # the break was too long: begin anew
            self._know(walk=None)
            return self._read_all()
        return self._take_pages(answer, "/api/sync/initial", "cursor")

    def _take_pages(self, answer: requests.Response, path: str, parameter: str) -> int:
        """Take pages until there are no more; each with its cursor in one transaction, so a break loses and doubles nothing."""
        taken = 0
        while True:
            answer.raise_for_status()
            page = answer.json()
            is_snapshot, has_more = path.endswith("initial"), page["has_more"]
            self.db.execute("BEGIN")
            for change in page["changes"]:
                self._apply(change)
            self._know(
                **{"walk": page["next_cursor"]} if is_snapshot and has_more else {"cursor": page["next_cursor"], "walk": None}
            )
            self.db.execute("COMMIT")
            taken += len(page["changes"])
            if not has_more:
                return taken
            answer = self.ask("GET", path, params={parameter: page["next_cursor"]})

    def prove(self, attempts: int = 10) -> dict[str, int]:
        """Prove that the copy is what the server holds now; return entity → records. Raises Diverged and TimeoutError."""
        for _ in range(attempts):
            self.pull()
            page = self.ask("GET", "/api/sync/incremental", params={"since": self._known("cursor"), "checksums": "true"})
            self._take_pages(page, "/api/sync/incremental", "since")
            sums = page.json().get("checksums")
            if sums and not page.json()["has_more"]:  # else too much was being written
                if wrong := [entity for entity, told in sums.items() if self._sum(entity, told["unsettled"]) != told]:
                    raise Diverged(", ".join(wrong))
                return {entity: told["count"] for entity, told in sums.items()}
        raise TimeoutError(f"Too much was being written {attempts} times.")

    def _sum(self, entity: str, unsettled: list[str]) -> Values:
        """Return how many records the copy holds and their sum, without those that changed since the cursor."""
        left_out = set(unsettled)
        held = [f"{id_} {version}" for id_, version in self.versions(entity).items() if id_ not in left_out]
        total = sum(int(hashlib.md5(one.encode(), usedforsecurity=False).hexdigest()[:15], 16) for one in held) % 2**60
        return {"count": len(held), "hash": str(total), "unsettled": unsettled}

    def _apply(self, change: Values) -> None:
        entity, id_ = change["entity"], change["id"]
        if entity == RECEIPTS:
            if change["op"] == "upsert":
                self._note(change["record"])
        elif change["op"] == "delete":
            self.db.execute("DELETE FROM records WHERE entity = ? AND id = ?", (entity, id_))
        else:
            row = (entity, id_, str(change["version"]), json.dumps(change["record"]))
            self.db.execute("INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?)", row)

    # What the app shows ----------------------------------------------------------------------------------------------

    def record(self, entity: str, id_: str) -> Values | None:
        """Return a record as the user sees it: the copy, with the edits that wait on top."""
        found = self.db.execute("SELECT record FROM records WHERE entity = ? AND id = ?", (entity, id_)).fetchone()
        shown: Values | None = json.loads(found[0]) if found else None
        for operation in self.waiting():
            if (operation["entity"], operation["record"]) == (entity, id_):
                shown = {**(shown or {"id": id_}), **operation.get("fields", {})}
        return shown

    def ids(self, entity: str) -> list[str]:
        """Return the ids of an entity's records in the copy."""
        return [row[0] for row in self.db.execute("SELECT id FROM records WHERE entity = ? ORDER BY id", (entity,))]

    def versions(self, entity: str) -> dict[str, str]:
        """Return id → version of an entity's records in the copy, to be compared with the server's."""
        return dict(self.db.execute("SELECT id, version FROM records WHERE entity = ?", (entity,)).fetchall())

    def conflicts(self) -> list[Values]:
        """Return the receipts a person should look at, each with what stands (`current`) where the server told."""
        found = self.db.execute("SELECT receipt FROM receipts WHERE status IN ('conflict', 'rejected', 'dead') ORDER BY id")
        return [json.loads(row[0]) for row in found]

    # Editing ---------------------------------------------------------------------------------------------------------

    def edit(self, entity: str, id_: str, **fields: Any) -> str:
        """Change fields of a record; return the operation. Nothing is sent yet."""
        return self._queue({"entity": entity, "action": "update", "record": id_, "fields": fields})

    def create(self, entity: str, connections: list[str] | None = None, **fields: Any) -> str:
        """Make a record; return its temporary id, which later operations may name."""
        temporary = f"{TEMPORARY}{uuid4()}"
        where = {"connections": connections} if connections else {}
        self._queue({"entity": entity, "action": "create", "record": temporary, "fields": fields, **where})
        return temporary

    def complete(self, task: str, **fields: Any) -> str:
        """Complete a task; return the operation."""
        return self._queue({"entity": "tasks", "action": "complete", "record": task, "fields": fields})

    def _queue(self, operation: Values) -> str:
        """Keep an operation under an id of its own, given once: however often it is sent, it is done once."""
        id_ = str(uuid4())
        self.db.execute("INSERT INTO queue (id, operation) VALUES (?, ?)", (id_, json.dumps({"id": id_, **operation})))
        return id_

    def waiting(self) -> list[Values]:
        """Return the operations that were not sent, in their order."""
        return [json.loads(row[0]) for row in self.db.execute("SELECT operation FROM queue ORDER BY n")]

    # Sending ---------------------------------------------------------------------------------------------------------

    def push(self) -> int:
        """Send what waits, in its order; return how much. What breaks off stays queued and is sent again under the same ids."""
        sent = 0
        while operations := self.waiting()[:BATCH]:
            answer = self.ask("POST", "/api/sync/outgoing", json={"operations": operations})
            answer.raise_for_status()
            self.db.execute("BEGIN")
            for operation, result in zip(operations, answer.json()["results"], strict=True):
                self._answered(operation, result)
            self.db.execute("COMMIT")
            sent += len(operations)
        return sent

    def _answered(self, operation: Values, result: Values) -> None:
        status = "queued" if result["status"] == "accepted" or result["changes"] else result["status"]
        if operation["action"] == "create" and result["record"] and result["status"] != "rejected":
            self._know(**{operation["record"]: result["record"]})
        self._note({**result, "id": operation["id"], "status": status, "changes": []})
        self.db.execute("DELETE FROM queue WHERE id = ?", (operation["id"],))

    def golden_id(self, temporary: str) -> str | None:
        """Return the id the server gave a record that was made here."""
        return self._known(temporary)

    def receipt(self, operation: str) -> Values:
        """Ask how far an operation has come, and keep it."""
        answer = self.ask("GET", f"/api/sync/outgoing/{operation}")
        answer.raise_for_status()
        self._note(answer.json())
        return answer.json()

    def follow(self) -> dict[str, str]:
        """Read what changed, receipts among it; return operation → status."""
        self.pull()
        return dict(self.db.execute("SELECT id, status FROM receipts ORDER BY id").fetchall())

    def _note(self, receipt: Values) -> None:
        """Keep a receipt; what only the answer to the upload said (`current`) stays."""
        known = self.db.execute("SELECT receipt FROM receipts WHERE id = ?", (receipt["id"],)).fetchone()
        row = (receipt["id"], receipt["status"], json.dumps({**(json.loads(known[0]) if known else {}), **receipt}))
        self.db.execute("INSERT OR REPLACE INTO receipts VALUES (?, ?, ?)", row)

    def converge(self, rounds: int = 10) -> None:
        """Send and read until nothing is left of either. Raises TimeoutError when others keep changing things."""
        for _ in range(rounds):
            if not self.push() + self.pull():
                return
        raise TimeoutError(f"Something changed in each of {rounds} rounds.")

    # Small things kept -----------------------------------------------------------------------------------------------

    def _known(self, name: str) -> str | None:
        found = self.db.execute("SELECT value FROM known WHERE name = ?", (name,)).fetchone()
        return found[0] if found else None

    def _know(self, **facts: str | None) -> None:
        self.db.executemany("INSERT OR REPLACE INTO known VALUES (?, ?)", facts.items())

    def everything(self) -> Iterator[tuple[str, str, Values]]:
        """Yield entity, id and record of the whole copy."""
        for entity, id_, record in self.db.execute("SELECT entity, id, record FROM records ORDER BY entity, id"):
            yield entity, id_, json.loads(record)
