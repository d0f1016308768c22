"""amochka's own ETL into its own tables: contacts, leads with their contacts, tasks and notes of leads. It loads no companies,
no products and no links to them, and events only lead by lead, which is left out here.

Two things are mended so that it runs: its migrations lack two unique indexes its own statements need, and contacts go
first, because its default order (leads first) asks for all their contacts in one address, longer than servers accept.
"""

import json
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import etl
from etl import run_etl
from etl.config import AmoCRMAccount, DatabaseConfig
from etl.extractors import AmoCRMExtractor
from etl.loaders import PostgresLoader
from sqlalchemy.engine import make_url

from crm_pipeline_tests.bench.ground import STATEMENTS
from crm_pipeline_tests.bench.systems import Task, report

ACCOUNT = 1
SCHEMA = "public"


def work(task: Task) -> dict[str, Any]:
    """Load what it loads."""
    logging.disable(logging.WARNING)
    loader = PostgresLoader(_database(task["database"]))
    run_etl.run_migrations(loader, Path(etl.__file__).parent / "migrations")
    with loader.connection() as db, db.cursor() as cursor:
        cursor.execute(STATEMENTS["mend_amochka"])
        db.commit()
    extractor = _extractor(task)
    began = datetime.now(UTC)
    run_etl.sync_pipelines_and_users(extractor, loader, ACCOUNT)
    contacts = run_etl.sync_contacts(extractor, loader, ACCOUNT, contacts_parallel_enabled=False)
    leads = run_etl.sync_leads_with_contacts(extractor, loader, ACCOUNT, leads_parallel_enabled=False)
    with loader.connection() as db, db.cursor() as cursor:
        scope = loader.get_lead_ids_by_pipelines(cursor, ACCOUNT, None)
    tasks = run_etl.sync_tasks(extractor, loader, ACCOUNT, lead_ids_scope=scope, fail_on_unmapped_tasks=False)
    notes = run_etl.sync_notes(extractor, loader, ACCOUNT, note_type=None)
    read = {"leads": leads["leads_count"], "contacts": contacts, "tasks": tasks, "notes": notes}
    return {"rows": sum(read.values()), "read": read, "seconds": (datetime.now(UTC) - began).total_seconds()}


def _database(url: str) -> DatabaseConfig:
    at = make_url(url)
    return DatabaseConfig(at.host or "", at.port or 5432, at.database or "", at.username or "", at.password or "", SCHEMA)


def _extractor(task: Task) -> AmoCRMExtractor:
    """Return its extractor, pointed at the stand-in as the fact sheet says: by setting the client's base_url afterwards."""
    folder = Path(task["folder"])
    token = folder / "token.json"
    later = (datetime.now(UTC) + timedelta(days=1)).timestamp()
    token.write_text(json.dumps({"access_token": task["token"], "expires_at": str(later)}))
    account = AmoCRMAccount(1, "bench", "https://bench.amocrm.ru", token, ACCOUNT, cache_dir=folder, rate_limit=100_000)
    extractor = AmoCRMExtractor(account)
    extractor.client.base_url = task["url"]
    return extractor


if __name__ == "__main__":
    report(work)
