"""Who did what: one line per decision of a person or of the pipeline, in the transaction that carries it out."""

import getpass
from typing import Any

from sqlalchemy import Connection

from crm_pipeline.database.queries import queries
from crm_pipeline.database.rows import json_text


def note(db: Connection, action: str, subject: str, detail: dict[str, Any] | None = None, actor: str | None = None) -> None:
    """Write one line. `actor`: who, by default the account this process runs under. Never hand over a secret."""
    values = {"actor": actor or account(), "action": action, "subject": subject, "detail": json_text(detail or {})}
    db.exec_driver_sql(queries("audit")["note"], values)


def account() -> str:
    """Return the account this process runs under."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container user without a name
        return "pipeline"
