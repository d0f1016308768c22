"""Consents asked for: what is needed to finish one when the CRM sends the browser back, kept until then, used once.

What belongs here: rows of `sync.oauth_states`. What a consent needs and who may finish it belongs to the stage.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Engine

from crm_pipeline.database.encryption import bound, decrypt, encrypt
from crm_pipeline.database.queries import queries


def keep(
    db: Connection, keys: Sequence[bytes], state_hash: bytes, user_id: int, settings: dict[str, Any], expires_at: datetime
) -> None:
    """Keep what is needed to finish a consent, encrypted."""
    sealed = encrypt(keys, orjson.dumps(settings), _bound(state_hash))
    values = {"state_hash": state_hash, "user_id": user_id, "settings": sealed, "expires_at": expires_at}
    db.exec_driver_sql(queries("consent")["keep"], values)


def use(db: Connection, keys: Sequence[bytes], state_hash: bytes, now: datetime) -> tuple[int, dict[str, Any]] | None:
    """Use a consent up: return who asked for it and what was kept; None when it is unknown, over or used."""
    row = db.exec_driver_sql(queries("consent")["use"], {"state_hash": state_hash, "now": now}).first()
    if row is None:
        return None
    settings = orjson.loads(decrypt(keys, row[1], _bound(state_hash)))
    db.exec_driver_sql(queries("consent")["blank"], {"state_hash": state_hash})
    return int(row[0]), settings


def author(engine: Engine, user_id: int) -> tuple[str, str] | None:
    """Return name and role of who asked for a consent; None when they may not work here any more."""
    with engine.connect() as db:
        row = db.exec_driver_sql(queries("consent")["author"], {"user_id": user_id}).first()
    return (row[0], row[1]) if row else None


def forget(db: Connection, now: datetime) -> None:
    """Forget consents that are over."""
    db.exec_driver_sql(queries("consent")["forget"], {"now": now})


def _bound(state_hash: bytes) -> str:
    return bound("sync.oauth_states", state_hash.hex(), "settings")
