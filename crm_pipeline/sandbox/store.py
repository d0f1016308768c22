"""What a stand-in holds: rows as JSON text in a private SQLite database. Knows no vendor's field; the only SQL of the sandbox."""

from __future__ import annotations

import os
import re
import sqlite3
import tempfile
import threading
from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

LIVE, TRASHED, PURGED = 0, 1, 2
CHUNK = 5_000
PROBE = 1_000
_KIND = re.compile(r"^[A-Za-z][A-Za-z0-9_]*$")
_ORDER = re.compile(r"^(id|updated|created)( ASC| DESC)?(?:, ?(id)( ASC| DESC)?)?$", re.IGNORECASE)
_COMPARISON = re.compile(r"^updated *(>=|<=|>|<|=) *\?$")
_INDEXED_COLUMNS = re.compile(r"parent|json_extract")
_PRAGMAS = ("journal_mode=OFF", "synchronous=OFF", "temp_store=MEMORY", "cache_size=-131072", "mmap_size=2147483648")
_TABLE = """
CREATE TABLE IF NOT EXISTS rows_{kind}
    (id INTEGER PRIMARY KEY, updated INTEGER, created INTEGER, deleted INTEGER, parent TEXT, body TEXT)
"""
_INDEXES = """
CREATE INDEX IF NOT EXISTS rows_{kind}_updated ON rows_{kind} (updated, id) WHERE deleted = 0;
CREATE INDEX IF NOT EXISTS rows_{kind}_trash ON rows_{kind} (updated, id) WHERE deleted = 1;
CREATE INDEX IF NOT EXISTS rows_{kind}_parent ON rows_{kind} (parent, id);
"""
_INSERT = "INSERT OR REPLACE INTO rows_{kind} (id, created, updated, parent, body, deleted) VALUES (?, ?, ?, ?, ?, {deleted})"


class Store:
    """Keep rows by kind and id, each with created, updated (unix seconds), deleted (0, 1, 2), parent and body. Thread safe.

    One table `rows_<kind>` per kind; `where` and `order` may use its columns `id, updated, created, deleted, parent, body`.
    """

    def __init__(self, *, big: bool = False) -> None:
        """Hold everything in memory, or in a temporary file when big."""
        self._lock = threading.RLock()
        self._db = _open_unnamed() if big else _connect(":memory:")
        self._kinds: set[str] = set()
        self._indexed: set[str] = set()
        self._last: dict[str, int] = {}
        self._counts: dict[str, dict[tuple[Any, ...], int]] = defaultdict(dict)
        self._marks: dict[str, dict[tuple[Any, ...], list[tuple[int, tuple[int, ...]]]]] = defaultdict(dict)

    def close(self) -> None:
        """Forget everything."""
        with self._lock:
            self._db.close()

    # writing

    def put(
        self, kind: str, row: dict[str, Any], *, id: int, created: int, updated: int, deleted: int = LIVE, parent: str = ""
    ) -> None:
        """Insert or replace one row."""
        self.put_text(kind, orjson.dumps(row).decode(), id=id, created=created, updated=updated, deleted=deleted, parent=parent)

    def put_text(
        self, kind: str, body: str, *, id: int, created: int, updated: int, deleted: int = LIVE, parent: str = ""
    ) -> None:
        """Insert or replace one row whose body is JSON text already."""
        with self._lock:
            self._changing(kind)
            self._db.execute(_INSERT.format(kind=kind, deleted=int(deleted)), (id, created, updated, parent, body))
            self._last[kind] = max(self._last[kind], id)

    def put_many(self, kind: str, rows: Iterable[tuple[int, int, int, str, str]]) -> int:
        """Insert or replace live rows (id, created, updated, parent, body JSON) without holding them; answer how many."""
        done, source = 0, iter(rows)
        with self._lock:
            self._changing(kind)
            self._db.execute("BEGIN")
            try:
                while chunk := list(islice(source, CHUNK)):
                    self._db.executemany(_INSERT.format(kind=kind, deleted=LIVE), chunk)
                    self._last[kind] = max(self._last[kind], max(row[0] for row in chunk))
                    done += len(chunk)
            finally:
                # Also when the source fails: there is no journal to roll back with, and an open transaction would stay.
                self._db.execute("COMMIT")
        return done

    def mark(self, kind: str, id: int, deleted: int, *, updated: int | None = None) -> bool:
        """Move a row to 0 live, 1 trash or 2 purged (its body stays for /_sandbox); False when it never existed."""
        with self._lock:
            self._changing(kind)
            sql = f"UPDATE rows_{kind} SET deleted = ?, updated = coalesce(?, updated) WHERE id = ?"
            return self._db.execute(sql, (deleted, updated, id)).rowcount > 0

    def next_id(self, kind: str, floor: int = 1) -> int:
        """Reserve an id above all ever used or reserved of this kind, and at least `floor`."""
        with self._lock:
            self._last[kind] = max(self._last.get(kind, 0) + 1, floor)
            return self._last[kind]

    def index(self, kind: str, json_path: str) -> None:
        """Make filters and orders by json_extract(body, json_path) fast; the path is a constant of the caller ('$.companyId')."""
        with self._lock:
            self._known(kind)
            name = f"rows_{kind}_{re.sub('[^A-Za-z0-9]', '_', json_path)}"
            self._db.execute(f"CREATE INDEX IF NOT EXISTS {name} ON rows_{kind} (json_extract(body, '{json_path}'), id)")

    # reading

    def get(self, kind: str, id: int) -> dict[str, Any] | None:
        """Answer the parsed body, also of a deleted row (ask `state`); None when absent."""
        text = self.text(kind, id)
        return None if text is None else orjson.loads(text)

    def text(self, kind: str, id: int) -> str | None:
        """Answer the body as JSON text; None when absent."""
        found = self._one(kind, "body", id)
        return None if found is None else found[0]

    def state(self, kind: str, id: int) -> int | None:
        """Answer 0 live, 1 in the trash, 2 purged, None never existed."""
        found = self._one(kind, "deleted", id)
        return None if found is None else found[0]

    def times(self, kind: str, id: int) -> tuple[int, int] | None:
        """Answer (created, updated) in unix seconds."""
        return self._one(kind, "created, updated", id)

    def texts(self, kind: str, ids: Sequence[int]) -> dict[int, str]:
        """Answer id -> body JSON of the live ones among ids."""
        found: dict[int, str] = {}
        for start in range(0, len(ids), 900):
            part = ids[start : start + 900]
            found.update(self.select(kind, f"id IN ({','.join('?' * len(part))})", part))
        return found

    def select(
        self,
        kind: str,
        where: str = "",
        args: Sequence[Any] = (),
        order: str = "id",
        limit: int | None = None,
        offset: int = 0,
        deleted: int | None = LIVE,
    ) -> list[tuple[int, str]]:
        """Answer (id, body) of live rows, or of those in state `deleted` (None: all).

        `where` and `order` are SQL over the columns and json_extract(body, '$.X'); callers build them from white lists only.
        """
        with self._lock:
            self._searched(kind)
            key, keyset = (where, tuple(args), order, deleted), _keyset(order)
            walk = self._resume(kind, key, keyset, offset) if keyset and offset else ("", (), offset)
            source = f"rows_{kind}{self._scan(kind, where, args, order, limit, deleted)}{_where(where, deleted, walk[0])}"
            sql = f"SELECT id, body{keyset[0] if keyset else ''} FROM {source} ORDER BY {order}"
            bound = (*args, *walk[1], -1 if limit is None else limit, walk[2])
            found = self._db.execute(f"{sql} LIMIT ? OFFSET ?", bound).fetchall()
            if keyset and limit and len(found) == limit:
                insort(self._marks[kind].setdefault(key, []), (offset + limit, tuple(found[-1][2:])))
        return [(row[0], row[1]) for row in found] if keyset else found

    def count(self, kind: str, where: str = "", args: Sequence[Any] = (), deleted: int | None = LIVE) -> int:
        """Count rows; repeated counts between writes cost nothing."""
        with self._lock:
            self._searched(kind)
            key = (where, tuple(args), deleted)
            if key not in self._counts[kind]:
                sql = f"SELECT count(*) FROM rows_{kind}{_where(where, deleted)}"
                self._counts[kind][key] = self._db.execute(sql, tuple(args)).fetchone()[0]
            return self._counts[kind][key]

    def walk(self, kind: str, deleted: int | None = LIVE) -> Iterator[tuple[int, str]]:
        """Yield (id, body) of a whole kind in id order without holding it; rows may change meanwhile."""
        after: tuple[str, tuple[int, ...]] = ("", ())
        while page := self.select(kind, *after, limit=1000, deleted=deleted):
            yield from page
            after = "id > ?", (page[-1][0],)

    def kinds(self) -> dict[str, int]:
        """Answer live rows per kind."""
        with self._lock:
            return {kind: self.count(kind) for kind in sorted(self._kinds)}

    # inside

    def _one(self, kind: str, columns: str, id: int) -> Any:
        with self._lock:
            self._known(kind)
            return self._db.execute(f"SELECT {columns} FROM rows_{kind} WHERE id = ?", (id,)).fetchone()

    def _known(self, kind: str) -> None:
        if kind in self._kinds:
            return
        if not _KIND.match(kind):
            raise ValueError(f"not a kind: {kind!r}")
        self._db.execute(_TABLE.format(kind=kind))
        self._kinds.add(kind)
        self._last.setdefault(kind, 0)

    def _searched(self, kind: str) -> None:
        """Make the indexes when a kind is first searched: filling it before that costs half as much."""
        self._known(kind)
        if kind not in self._indexed:
            self._db.executescript(_INDEXES.format(kind=kind))
            self._indexed.add(kind)

    def _changing(self, kind: str) -> None:
        self._known(kind)
        self._counts[kind].clear()
        self._marks[kind].clear()

    def _scan(self, kind: str, where: str, args: Sequence[Any], order: str, limit: int | None, deleted: int | None) -> str:
        """Choose id order or the index on `updated` for a page in id order: the planner cannot know how wide a window is."""
        if limit is None or not order.lower().startswith("id") or _INDEXED_COLUMNS.search(where):
            return ""
        window = _window(where, args) if deleted in (LIVE, TRASHED) else None
        if window is None:
            return " NOT INDEXED"
        index = f" INDEXED BY rows_{kind}_{'trash' if deleted else 'updated'}"
        return index if self._narrow(kind, index, window, deleted) else " NOT INDEXED"

    def _narrow(self, kind: str, index: str, window: tuple[str, tuple[Any, ...]], deleted: int | None) -> bool:
        key = ("narrow", *window, deleted)
        if key not in self._counts[kind]:
            sql = f"SELECT count(*) FROM (SELECT 1 FROM rows_{kind}{index}{_where(window[0], deleted)} LIMIT {PROBE})"
            self._counts[kind][key] = self._db.execute(sql, window[1]).fetchone()[0]
        return self._counts[kind][key] < PROBE

    def _resume(self, kind: str, key: tuple[Any, ...], keyset: tuple[str, str], offset: int) -> tuple[str, tuple[int, ...], int]:
        """Turn a deep OFFSET into 'after the row where an earlier page ended': same rows, as nothing was written since."""
        marks = self._marks[kind].get(key, [])
        place = bisect_right(marks, offset, key=lambda mark: mark[0])
        if place == 0:
            return "", (), offset
        at, values = marks[place - 1]
        return keyset[1], values, offset - at


def _connect(path: str) -> sqlite3.Connection:
    database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    for pragma in _PRAGMAS:
        database.execute(f"PRAGMA {pragma}")
    return database


def _open_unnamed() -> sqlite3.Connection:
    """Open a temporary file and remove its name at once: whatever ends the process, nothing is left behind."""
    handle, name = tempfile.mkstemp(prefix="crm-sandbox-", suffix=".db")
    os.close(handle)
    database = _connect(name)
    database.execute("CREATE TABLE opened (at INTEGER)")
    Path(name).unlink()
    return database


def _where(where: str, deleted: int | None, more: str = "") -> str:
    parts = [f"({where})"] if where else []
    parts += [] if deleted is None else [f"deleted = {int(deleted)}"]
    parts += [more] if more else []
    return f" WHERE {' AND '.join(parts)}" if parts else ""


def _window(where: str, args: Sequence[Any]) -> tuple[str, tuple[Any, ...]] | None:
    """Answer the plain comparisons of `updated` that a condition joins by AND, with their arguments; None when there are none."""
    if re.search(r"\bOR\b", where, re.IGNORECASE):
        return None
    kept, bound, rest = [], [], list(args)
    for term in re.split(r"\bAND\b", where, flags=re.IGNORECASE):
        own, rest = rest[: term.count("?")], rest[term.count("?") :]
        if _COMPARISON.match(plain := term.strip(" ()")):
            kept.append(plain)
            bound += own
    return (" AND ".join(kept), tuple(bound)) if kept else None


def _keyset(order: str) -> tuple[str, str] | None:
    """Answer (extra columns, condition) by which a page follows an earlier one; None unless the order is of plain columns."""
    found = _ORDER.match(order.strip())
    if found is None:
        return None
    first, way, second, way2 = (part.strip().lower() if part else "" for part in found.groups())
    down = way == "desc"
    if first == "id":
        return None if second else (", id", f"id {'<' if down else '>'} ?")
    if second != "id" or (way2 == "desc") != down:
        return None
    return f", {first}, id", f"({first}, id) {'<' if down else '>'} (?, ?)"
