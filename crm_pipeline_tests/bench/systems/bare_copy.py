"""The bound: the rows our load has left in `source` (and `raw`), from memory into empty tables of the same make, by COPY into
a temporary table and one INSERT … ON CONFLICT per table. No reading, no mapping, no hashing, no cursors, no queue.
"""

import time
from io import BytesIO
from typing import Any

import psycopg2
from psycopg2 import sql

from crm_pipeline_tests.bench.ground import STATEMENTS
from crm_pipeline_tests.bench.systems import Task, report

Cursor = Any


def work(task: Task) -> dict[str, Any]:
    """Take the rows of one database into memory, and time bringing them into another."""
    with psycopg2.connect(task["from"]) as db, db.cursor() as cursor:
        tables = [t for t in _column(cursor, "filled_tables") if task["raw"] or not t.startswith("raw.")]
        held = {table: _copied_out(cursor, table) for table in tables}
    db.close()
    with psycopg2.connect(task["database"]) as db, db.cursor() as cursor:
        for table in tables:
            cursor.execute(_worded("empty", table=_name(table)))
        db.commit()
        began = time.monotonic()
        for table, block in held.items():
            _merge(cursor, table, block)
            db.commit()
        seconds = time.monotonic() - began
    db.close()
    return {"seconds": seconds, "rows": task["rows"]}


def _column(cursor: Cursor, statement: str, *values: str) -> list[str]:
    cursor.execute(STATEMENTS[statement], values or None)
    return [row[0] for row in cursor]


def _name(table: str) -> sql.Identifier:
    return sql.Identifier(*table.split("."))


def _names(names: list[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))


def _worded(statement: str, **parts: sql.Composable) -> sql.Composed:
    return sql.SQL(STATEMENTS[statement]).format(**parts)


def _copied_out(cursor: Cursor, table: str) -> bytes:
    block = BytesIO()
    cursor.copy_expert(_worded("copy_out", columns=_names(_column(cursor, "columns", table)), table=_name(table)), block)
    return block.getvalue()


def _merge(cursor: Cursor, table: str, block: bytes) -> None:
    columns, key = _column(cursor, "columns", table), _column(cursor, "key_columns", table)
    parts = {"table": _name(table), "incoming": sql.Identifier("incoming"), "columns": _names(columns), "key": _names(key)}
    changes = [sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(name)) for name in columns if name not in key]
    cursor.execute(_worded("make_incoming", **parts))
    cursor.copy_expert(_worded("copy_in", **parts), BytesIO(block))
    changed = sql.SQL(", ").join(changes or [sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(key[0]))])
    cursor.execute(_worded("merge", changes=changed, **parts))


if __name__ == "__main__":
    report(work)
