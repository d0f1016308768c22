"""An API to measure: a database filled with golden records, people who may log in, and `crm-pipeline serve` over it.

What belongs here: laying it out and starting it. What is asked of it is in `serving.py`.
"""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import md5
from itertools import islice
from uuid import UUID, uuid4

import psutil
import requests

from crm_pipeline.cli import demo_api
from crm_pipeline.database import users
from crm_pipeline.database.engine import engine_for
from crm_pipeline.database.passwords import hash_password
from crm_pipeline_tests.bench.ground import STATEMENTS, Ground
from crm_pipeline_tests.bench.sizes import Sizes
from crm_pipeline_tests.bench.watched import MEGABYTE, held

BATCH = 10_000
"""Golden contacts a transaction, some more than a rebuild writes at once."""
PER_USER = 1_000
"""Contacts for each CRM user."""
PEOPLE = 20
"""People; every other is an agent who sees only its own. The first is an admin, the rest operators."""
UPLOADS = 200
SOME = 40
PASSWORD = secrets.token_urlsafe(12)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody logged in, with some of the contacts the CRM user it is has to do with."""

    token: str
    owner: str
    contacts: Sequence[str]
    sees_all: bool


@dataclass(frozen=True, slots=True)
class Served:
    """A running API."""

    url: str
    pid: int
    people: Sequence[Person]

    def cpu(self) -> float:
        """Return the processor seconds it has used."""
        return sum(psutil.Process(self.pid).cpu_times()[:2])

    def held(self) -> float:
        """Return the MB it holds, counted as `watched.py` does."""
        return held(psutil.Process(self.pid)) / MEGABYTE


def golden_id(entity: str, number: int) -> str:
    """Return the id of a record, as `bench.sql` makes it."""
    return str(UUID(md5(f"{entity}/{number}".encode()).hexdigest()))


@contextmanager
def served(ground: Ground, sizes: Sizes) -> Iterator[Served]:
    """Fill a database, add people, start the API over it and log them in."""
    url = ground.migrated("served")
    _fill(ground, url, sizes.served)
    _let_in(url, sizes.served)
    settings = ground.settings(url, jwt_secret=secrets.token_urlsafe(48), rate_per_user=100_000.0)
    with demo_api.serving(settings, 0) as api:
        yield Served(api.url, api.process.pid, [_login(api.url, number, sizes.served) for number in range(PEOPLE)])


def crm_users(contacts: int) -> int:
    """Return how many CRM users there are."""
    return max(PEOPLE, contacts // PER_USER)


def _fill(ground: Ground, url: str, contacts: int) -> None:
    with ground.driver(url) as db, db.cursor() as cursor:
        cursor.execute(STATEMENTS["open_crms"], {"users": crm_users(contacts)})
        for first in range(0, contacts, BATCH):
            last = min(first + BATCH, contacts) - 1
            cursor.execute(STATEMENTS["fill_golden"], {"first": first, "last": last, "users": crm_users(contacts)})
        cursor.execute(STATEMENTS["settle_golden"])


def change(ground: Ground, url: str, first: int, count: int) -> None:
    """Change so many contacts, as rebuilds do."""
    with ground.driver(url) as db, db.cursor() as cursor:
        for start in range(first, first + count, BATCH):
            cursor.execute(STATEMENTS["touch_golden"], {"first": start, "last": min(start + BATCH, first + count) - 1})


def _let_in(url: str, contacts: int) -> None:
    hashed, engine = hash_password(PASSWORD), engine_for(url)
    with engine.begin() as db:
        for number in range(PEOPLE):
            role, scope = ("agent", "own") if number % 2 else ("admin" if number == 0 else "operator", "all")
            user = users.add(db, f"person-{number}", hashed, role, scope)
            assert user is not None
            users.link(db, user, UUID(golden_id("users", number)))
    engine.dispose()


def _login(url: str, number: int, contacts: int) -> Person:
    entry = {"username": f"person-{number}", "password": PASSWORD, "device_name": "bench"}
    answer = requests.post(f"{url}/api/auth/login", json=entry, timeout=30)
    answer.raise_for_status()
    return Person(answer.json()["access_token"], golden_id("users", number), _contacts(number, contacts), number % 2 == 0)


def _contacts(number: int, contacts: int) -> list[str]:
    """Return contacts a CRM user is responsible for: ten in a row, then the next user's."""
    found = (n for n in range(number * 10, contacts) if n // 10 % crm_users(contacts) == number)
    return [golden_id("contacts", n) for n in islice(found, SOME)]


def upload(served: Served) -> list[str]:
    """Upload edits as the first person, and return the ids of the operations."""
    made = [{"id": str(uuid4()), "entity": "contacts", "action": "create", "record": f"tmp:{number}",
             "connections": ["amocrm"], "fields": {"name": f"Новый клиент {number}"}} for number in range(UPLOADS)]  # fmt: skip
    headers = {"Authorization": f"Bearer {served.people[0].token}"}
    answer = requests.post(f"{served.url}/api/sync/outgoing", json={"operations": made}, headers=headers, timeout=300)
    answer.raise_for_status()
    return [one["id"] for one in answer.json()["results"]]
