"""A migrated database for the length of a command that writes documents, whatever state the user's own database is in."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection

from crm_pipeline.database.embedded import ensure_running, erase
from crm_pipeline.database.engine import engine_for
from crm_pipeline.database.migrate import migrate


@contextmanager
def scratch_database() -> Iterator[Connection]:
    """Yield a connection to a freshly migrated database on a server of its own, gone afterwards."""
    with TemporaryDirectory(prefix="crm-scratch-") as folder:
        Path(folder).chmod(0o755)  # ours, just made: the server's account has to pass
        engine = engine_for(ensure_running(Path(folder) / "home"))
        try:
            migrate(engine)
            with engine.connect() as connection:
                yield connection
        finally:
            engine.dispose()
            erase(Path(folder) / "home")
