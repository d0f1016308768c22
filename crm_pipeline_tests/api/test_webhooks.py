"""Webhooks in: what the stand-ins really send arrives, is kept once and looked into; what is not theirs costs nothing."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from sqlalchemy import Engine

from crm_pipeline.database import inbox
from crm_pipeline.database.locks import writer
from crm_pipeline.database.vault import rotate_keys
from crm_pipeline.errors import ConnectionBusy
from crm_pipeline.stages.check import check
from crm_pipeline.stages.inbox import follow
from crm_pipeline.stages.sync import sync
from crm_pipeline_tests.api.administering import CRMS, House, house, until

__all__ = ["house"]
ENTITIES = ["companies", "contacts", "deals", "tasks"]
LARGEST = 1_048_576
DEADLINE = 2.0
BOTH = pytest.mark.parametrize("crm", CRMS)
Rows = Callable[..., list[dict[str, Any]]]


def hints(rows: Rows, state: str = "new") -> list[tuple[str, str, str]]:
    """Return the hints there are: entity, external id, action."""
    found = rows("SELECT entity, external_id, action FROM sync.inbox WHERE state = %s ORDER BY id", state)
    return [(str(row["entity"]), str(row["external_id"]), str(row["action"])) for row in found]


@pytest.fixture
def loaded(house: House) -> Iterator[House]:
    """Yield the house with both accounts connected and loaded."""
    for crm in CRMS:
        house.connected(crm, crm)
        assert sync(house.parts, crm, "initial", ENTITIES).status == "ok"
    yield house


CONTACTS = {"amocrm": ("contacts", {"name": "Новая Анна"}), "bitrix24": ("contact", {"NAME": "Новая Анна"})}
"""CRM → what it calls a contact, and a change of one."""


def edit(house: House, crm: str, **what: Any) -> None:
    """Change a contact as a person in the CRM does."""
    done = requests.post(f"{getattr(house, crm).url}/_sandbox/edit", json={"kind": CONTACTS[crm][0], **what}, timeout=10)
    assert done.status_code == 200, done.text


def a_contact(rows: Rows, crm: str) -> str:
    """Return the external id of a contact."""
    query = """SELECT external_id FROM source.contacts c JOIN sync.connections k ON k.id = connection_id
               WHERE k.name = %s AND c.deleted_at IS NULL ORDER BY 1 LIMIT 1"""
    return str(rows(query, crm)[0]["external_id"])


def state_of(rows: Rows, crm: str, key: str) -> dict[str, Any]:
    """Return a contact as we have it."""
    query = """SELECT c.name, c.deleted_at FROM source.contacts c JOIN sync.connections k ON k.id = connection_id
               WHERE k.name = %s AND external_id = %s"""
    return rows(query, crm, key)[0]


def heard(rows: Rows, key: str) -> None:
    """Wait until a hint about a contact is there."""
    until(lambda: [hint for hint in hints(rows) if hint[:2] == ("contacts", key)])


@BOTH
def test_an_edit_and_a_deletion_are_with_us_without_a_sync_of_everything(loaded: House, crm: str, rows: Rows) -> None:
    key, due = a_contact(rows, crm), rows("SELECT next_due_at, failures FROM sync.connections ORDER BY id")
    edit(loaded, crm, id=int(key), set=CONTACTS[crm][1])
    heard(rows, key)
    done = follow(loaded.parts, crm)
    assert done.raised is None and done.done == done.hints > 0 and hints(rows) == []
    assert "Новая" in state_of(rows, crm, key)["name"]
    edit(loaded, crm, id=int(key), delete=True)
    heard(rows, key)
    assert follow(loaded.parts, crm).raised is None
    assert state_of(rows, crm, key)["deleted_at"]
    assert rows("SELECT next_due_at, failures FROM sync.connections ORDER BY id") == due
    shown = {item["name"]: item for item in loaded.person("admin").ask("GET", "").json()["items"]}
    assert shown[crm]["webhook"]["last_received_at"] and shown[crm]["hints_waiting"] == 0


def test_duplicates_out_of_order_are_kept_once(loaded: House, rows: Rows) -> None:
    loaded.amocrm.switches.webhook_duplicate = loaded.amocrm.switches.webhook_reorder = True
    key = a_contact(rows, "amocrm")
    for n in range(5):
        edit(loaded, "amocrm", id=int(key), set={"name": f"Анна {n}"})
    until(lambda: len(loaded.amocrm.courier.log) >= 10 and not loaded.amocrm.courier.pending)
    assert {delivery.status for delivery in loaded.amocrm.courier.log} == {200}
    assert len(hints(rows)) == 5
    assert follow(loaded.parts, "amocrm").done == 5
    assert state_of(rows, "amocrm", key)["name"] == "Анна 4"


def test_a_deletion_that_was_only_claimed_deletes_nothing(loaded: House, rows: Rows) -> None:
    key, number = a_contact(rows, "amocrm"), rows("SELECT id FROM sync.connections WHERE name = 'amocrm'")[0]["id"]
    body = urlencode({"contacts[delete][0][id]": key, "contacts[delete][0][type]": "contact"})
    assert requests.post(loaded.hook(number), data=body, timeout=5).status_code == 200
    assert follow(loaded.parts, "amocrm").done == 1
    assert state_of(rows, "amocrm", key)["deleted_at"] is None


def test_who_does_not_know_the_address_is_told_nothing_and_its_body_is_not_read(house: House, rows: Rows) -> None:
    number = house.connected("amocrm", "sales")["id"]
    path = house.hook(number).removeprefix(house.url)
    others = [path.replace(f"/{number}/", f"/{other}/") for other in (999, "x", 2**40)]
    wrong = [path[:-1] + ("A" if path[-1] != "A" else "B"), *others, "/api/webhooks/1/%00"]
    bodies = {requests.post(house.url + one, data=b"x" * 1000, timeout=5).status_code for one in wrong}
    assert bodies == {404}
    with closing(socket.create_connection(("127.0.0.1", int(house.url.rpartition(":")[2])), timeout=10)) as talk:
        head = f"POST {wrong[0]} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
        talk.sendall(head.encode())  # and not a byte of the body
        assert talk.recv(4096).startswith(b"HTTP/1.1 404")
    assert rows("SELECT * FROM sync.inbox") == []


def test_a_body_that_is_too_large_or_does_not_come_is_refused_in_time(house: House, rows: Rows) -> None:
    address = house.hook(house.connected("amocrm", "sales")["id"])
    assert requests.post(address, data=b"x" * (LARGEST + 1), timeout=10).status_code == 413
    with closing(socket.create_connection(("127.0.0.1", int(house.url.rpartition(":")[2])), timeout=10)) as talk:
        began = time.monotonic()
        talk.sendall(f"POST {address.removeprefix(house.url)} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nleads".encode())
        assert talk.recv(4096).startswith(b"HTTP/1.1 400") and time.monotonic() - began < 2
    assert rows("SELECT * FROM sync.inbox") == []


NONSENSE = [
    b"", b"\x00\xff", b"leads[add][0][id]=%00", b"leads[\xd9\xa3][0][id]=%D9%A3", b"leads[add%00][0][id]=5", b"&" * 5000,
    b"event=ONCRMDEALADD&data[FIELDS][ID]=5", b'{"a": 1}', b"leads" + b"[a]" * 5000 + b"=1", b"event=ONTASKADD&ts=%00&data[ID]=1",
]  # fmt: skip


def test_a_delivery_of_another_account_or_with_another_application_token_is_unknown(house: House, rows: Rows) -> None:
    amo = house.hook(house.connected("amocrm", "sales")["id"])
    assert requests.post(amo, data="leads[add][0][id]=1&account[id]=5", timeout=5).status_code == 404
    application = house.application("bitrix24") | {"code": house.bitrix24.credentials()["code"], "name": "portal"}
    token = house.bitrix24.access.application_token
    made = house.person("admin").ask("POST", "", json=application | {"applicationToken": token})
    portal = house.hook(made.json()["id"])
    told = "event=ONCRMDEALUPDATE&data[FIELDS][ID]=5&ts=1&auth[application_token]={}"
    answers = [requests.post(portal, data=told.format(one), timeout=5).status_code for one in ("wrong", "", token)]
    assert answers == [404, 404, 200] and hints(rows) == [("deals", "5", "update")]


def test_a_delivery_is_answered_in_time_while_the_database_is_busy(house: House, database: Engine, rows: Rows) -> None:
    address = house.hook(house.connected("amocrm", "sales")["id"])

    def told(key: int) -> tuple[int, bool]:
        began = time.monotonic()
        status = requests.post(address, data=f"leads[add][0][id]={key}", timeout=10).status_code
        return status, time.monotonic() - began < DEADLINE

    pool: Any = house.parts.engine.pool
    with ExitStack() as others:
        for _ in range(pool.size() + pool._max_overflow):
            others.enter_context(house.parts.engine.connect())  # reads that take long
        assert [told(key) for key in range(1, 6)] == [(200, True)] * 5
    with database.begin() as db:
        db.exec_driver_sql("LOCK sync.inbox IN EXCLUSIVE MODE")
        assert told(6) == (503, True)  # amoCRM comes again five times after a 503
    assert told(6)[0] == 200 and len(hints(rows)) == 6


FORM = "application/x-www-form-urlencoded"
STRANGE = [
    *((body, FORM) for body in NONSENSE),
    (b'{"leads": {"add": [{"id": 1}]}}', "application/json"),
    (bytes(range(256)) * 40, "application/octet-stream"),
    (b"leads" + b"[0]" * 100_000 + b"=1", FORM),
    (b"leads=1&leads[add]=2&leads[add][0][id]=3&event[x]=1&auth=2&data=3", "text/plain"),
    (b"leads[add][0][id]=%00&leads[add][1][id]=1%00&contacts[add][0][id]=\x00", FORM),
    (b"contacts[add][0][id]=%ED%A0%80&contacts[add][0][type]=%ED%A0%80", FORM),
    (b"leads[add][0][id]=" + b"9" * 10_000, FORM),
    (b"leads[add][0[id]=1&[]=2&=3&leads[add]]=4&%5B%5D", "multipart/form-data"),
]
"""Bodies no CRM sends, and what they say they are."""


@BOTH
def test_no_body_is_an_error_of_ours(house: House, crm: str, rows: Rows) -> None:
    address = house.hook(house.connected(crm, "x")["id"])
    for body, kind in STRANGE:
        told = body if crm == "amocrm" else body + b"&auth[application_token]=t"
        answer = requests.post(address, data=told, headers={"Content-Type": kind}, timeout=5)
        assert answer.status_code == 200, (body[:60], answer.text)  # amoCRM switches off who answers badly too often
    many = b"&".join(b"f%d=1" % n for n in range(30_000))
    assert requests.post(address, data=many, timeout=5).status_code == (200 if crm == "amocrm" else 404)
    assert all(key.isdigit() and len(key) <= 40 for _entity, key, _action in hints(rows))


def test_the_first_application_token_a_portal_sends_is_the_one_that_counts(house: House, rows: Rows) -> None:
    number = house.connected("bitrix24", "portal")["id"]
    told = "event=ONCRMDEALUPDATE&data[FIELDS][ID]={}&ts=1&auth[member_id]={}&auth[application_token]={}"
    mine = house.bitrix24.portal.member_id
    sent = [(1, mine, "first"), (2, mine, "second"), (3, mine, ""), (4, "0" * 32, "first"), (5, mine, "first")]
    answers = [requests.post(house.hook(number), data=told.format(*one), timeout=5).status_code for one in sent]
    assert answers == [200, 404, 404, 404, 200] and [hint[1] for hint in hints(rows)] == ["1", "5"]
    house.connected("bitrix24", "portal")  # whoever consents again may have installed it again, with another token
    assert requests.post(house.hook(number), data=told.format(6, mine, "second"), timeout=5).status_code == 200


def test_hints_wait_while_somebody_else_reads_the_connection(loaded: House, rows: Rows) -> None:
    key, number = a_contact(rows, "amocrm"), rows("SELECT id FROM sync.connections WHERE name = 'amocrm'")[0]["id"]
    edit(loaded, "amocrm", id=int(key), set={"name": "Вера"})
    heard(rows, key)
    with writer(loaded.parts.engine, number), pytest.raises(ConnectionBusy):
        follow(loaded.parts, "amocrm")
    assert [one.name for one in inbox.waiting(loaded.parts.engine, CRMS, (), 10)] == ["amocrm"]
    assert follow(loaded.parts, "amocrm").done >= 1
    assert inbox.waiting(loaded.parts.engine, CRMS, (), 10) == []


def test_a_webhook_that_was_switched_off_or_lost_is_registered_again_by_a_check(house: House, rows: Rows) -> None:
    for crm in CRMS:
        house.connected(crm, crm)
    (hook,) = house.amocrm.account.hooks.all()
    house.amocrm.account.hooks.disable(hook["id"])
    house.bitrix24.events.bindings = house.bitrix24.events.bindings[:3]
    for repost_enables in (True, False):
        house.amocrm.switches.webhook_repost_enables = repost_enables
        house.amocrm.account.hooks.disable(house.amocrm.account.hooks.all()[0]["id"])
        check(house.parts, "amocrm")
        (again,) = house.amocrm.account.hooks.all()
        assert not again["disabled"] and again["destination"] == hook["destination"]
        assert "switched the webhook off" in rows("SELECT detail FROM sync.webhooks ORDER BY connection_id LIMIT 1")[0]["detail"]
    check(house.parts, "bitrix24")
    assert len({one.event for one in house.bitrix24.events.bindings}) > 15
    assert len(house.bitrix24.events.bindings) == len({one.event for one in house.bitrix24.events.bindings})


def test_the_address_is_kept_when_keys_are_rotated_and_forgotten_hints_are_purged(house: House, database: Engine) -> None:
    number = house.connected("amocrm", "sales")["id"]
    address, keys = house.hook(number), house.parts.settings.encryption_keys
    newer = (bytes(range(32)), *keys)
    assert rotate_keys(database, newer) == 2
    with database.connect() as db:
        found = inbox.find_webhook(db, newer[:1], number)
    assert found and address.endswith(found.token)
    assert requests.post(address, data="leads[add][0][id]=1", timeout=5).status_code in (200, 503)
    with database.begin() as db:
        db.exec_driver_sql("UPDATE sync.inbox SET received_at = now() - interval '100 days'")
    inbox.purge(database, done_days=7, new_days=70)
    with database.connect() as db:
        assert db.exec_driver_sql("SELECT count(*) FROM sync.inbox").scalar_one() == 0
