"""Processes that do one thing each and may be killed at any moment, forked from a parent that has everything imported.

    python -m crm_pipeline_tests.whole.program

Reads lines of JSON: {"database": url, "log": path, "crew": [{"verb": ..., "dies": ...}, ...]}; the members of a crew work at the
same time. Answers each line with a list, one {"end": "done" | "failed" | "killed", "said": ...} per member. `dies` says when a
member is killed with SIGKILL: {"statement": n} at its n-th statement to Postgres, {"commit": n} before its n-th commit,
{"cursor": n} before its n-th statement that moves a cursor, {"request": n} before its n-th request to a CRM, {"answer": n} right
after its n-th answer, {"seconds": s} after so long; null: never. `rests` says in the same words when it stands still: the answer
is {"end": "resting", "said": process id}, and {"wake": process id} lets it go on. Settings come from the environment.
"""

import contextlib
import gc
import io
import json
import logging
import os
import selectors
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from crm_pipeline.cli import app
from crm_pipeline.connectors import Connector, Secrets, discover
from crm_pipeline.database.engine import engine_for
from crm_pipeline.database.queries import nouns, queries
from crm_pipeline.errors import ConnectionBusy, CrmPipelineError
from crm_pipeline.http import HostPolicy, Meter, Session
from crm_pipeline.http.answers import Answer
from crm_pipeline.http.session import Patience
from crm_pipeline.http.transport import Request
from crm_pipeline.settings import load_settings
from crm_pipeline.stages.connect import connect
from crm_pipeline.stages.drain import drain
from crm_pipeline.stages.edits import edit
from crm_pipeline.stages.reconcile import reconcile
from crm_pipeline.stages.sync import sync
from crm_pipeline.wiring import Pipeline, _hide, open_pipeline
from crm_pipeline_tests.whole import sabotage
from crm_pipeline_tests.whole.fate import FATE, RESTING

Order = dict[str, Any]

HASTY = Patience(attempts=5, first=0.02, first_pause=0.05, longest=0.2)
"""A stand-in is well again at once: waiting for it as for a CRM would only make runs long."""
LONGEST = 120.0
LONGEST_WAIT = 0.03
LOG = logging.getLogger("crm_pipeline.whole")


class HastySession(Session):
    """A session that never waits long: for a stand-in without limits there is nothing to wait for."""

    def wait(self, seconds: float) -> None:
        super().wait(min(seconds, LONGEST_WAIT))

    def _exchange(self, request: Request) -> Answer:
        FATE.reach("request")
        try:
            return super()._exchange(request)
        finally:
            FATE.reach("answer")


@dataclass(frozen=True)
class Hasty(Pipeline):
    """The pipeline as it is wired, but for the seconds between attempts."""

    def _session(self, connector: Connector, meter: Meter, secrets: Secrets, name: str) -> Session:
        hosts = HostPolicy(connector.vendor_hosts, self.settings.allowed_hosts)
        session = HastySession(hosts, meter, self.budget, name=name, patience=HASTY)
        _hide(session, secrets)
        return session


# What a process does --------------------------------------------------------------------------------------------------


def do_sync(parts: Pipeline, order: Order) -> Any:
    """Sync one connection, as soon as Postgres has noticed that the last writer is dead."""
    while True:
        try:
            ids = order.get("ids", [])
            result = sync(parts, order["connection"], order.get("mode", "incremental"), order.get("entities"), ids=ids)
        except ConnectionBusy:
            threading.Event().wait(0.02)
        else:
            return {"status": result.status, "error": result.error}


def do_reconcile(parts: Pipeline, order: Order) -> Any:
    """Reconcile everything that waits."""
    done = reconcile(parts)
    return {entity: one.offered for entity, one in done.items() if one.offered}


def do_drain(parts: Pipeline, order: Order) -> Any:
    """Drain one connection, or all."""
    return {name: result.as_json() for name, result in drain(parts, order.get("connection")).items()}


def do_push(parts: Pipeline, order: Order) -> Any:
    """Take operations as the app and operators send them."""
    return [asdict(result) for result in edit(parts, order["operations"], "chaos")]


def do_connect(parts: Pipeline, order: Order) -> Any:
    """Authorise an account, or authorise it again."""
    row = connect(
        parts, order["crm"], order["connection"], order["url"], order["secrets"], order.get("code"), now=datetime.now(UTC)
    )
    return {"status": row.status}


def do_cli(_parts: Pipeline, order: Order) -> Any:
    """Run a command as a person types it and return what it printed."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        app(order["words"], standalone_mode=False)
    return printed.getvalue()


VERBS: dict[str, Callable[[Pipeline, Order], Any]] = {
    "sync": do_sync, "reconcile": do_reconcile, "drain": do_drain, "push": do_push, "connect": do_connect, "cli": do_cli,
}  # fmt: skip


# How it lives and dies ------------------------------------------------------------------------------------------------


class Member(NamedTuple):
    """A process, the pipe its answer comes through, and the one it is woken by."""

    child: int
    pipe: int
    bell: int


def work(asked: Order, order: Order, answer: int, alarm: int) -> None:
    """Be one process: do what is ordered, say what came of it, end."""
    log = os.open(asked["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(process)d %(levelname)s %(name)s %(message)s"
    )
    os.environ["CRM_DATABASE_URL"] = asked["database"]
    said: dict[str, Any] = {"end": "failed", "said": None}
    LOG.info("begins %s", {key: value for key, value in order.items() if key not in ("secrets", "code", "url")})
    try:
        FATE.begin(order, answer, alarm)
        plain = open_pipeline(load_settings())
        parts = Hasty(plain.settings, plain.engine, plain.connectors, plain.budget, plain.rules)
        said = {"end": "done", "said": VERBS[order["verb"]](parts, order)}
    except CrmPipelineError as error:
        said["said"] = f"{type(error).__name__}: {error}"
        LOG.warning("ends with %s", said["said"])
    except BaseException:  # noqa: BLE001 - whatever it is, the judges want to read it
        said["said"] = traceback.format_exc()
        LOG.error("this should not have happened\n%s", said["said"])
    LOG.info("ends after %.2f s of computing", time.process_time())
    os.write(answer, json.dumps(said, default=str).encode())
    os._exit(0)


def begin(asked: Order, order: Order) -> Member:
    """Fork a member; return it."""
    ours, theirs = os.pipe()
    alarm, bell = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)
        os.close(bell)
        work(asked, order, theirs, alarm)
    os.close(theirs)
    os.close(alarm)
    return Member(child, ours, bell)


def hear(members: list[Member]) -> list[Order]:
    """Wait until all have ended or rest, and return what each said."""
    texts, resting = {one.pipe: b"" for one in members}, set[int]()
    waits, ends_at = selectors.DefaultSelector(), time.monotonic() + LONGEST
    for pipe in texts:
        waits.register(pipe, selectors.EVENT_READ)
    while waits.get_map() and (ready := waits.select(max(0.0, ends_at - time.monotonic()))):
        for key, _ in ready:
            read = os.read(key.fd, 65536)
            texts[key.fd] += read
            if read == RESTING:
                resting.add(key.fd)
            if not read or read == RESTING:
                waits.unregister(key.fd)
    late = {key.fd for key in waits.get_map().values()}
    return [_at_rest(one) if one.pipe in resting else _ended(one, texts[one.pipe], one.pipe in late) for one in members]


ASLEEP: dict[int, Member] = {}
"""Process id → those that rest."""


def _at_rest(member: Member) -> Order:
    ASLEEP[member.child] = member
    return {"end": "resting", "said": member.child}


def _ended(member: Member, text: bytes, is_stuck: bool) -> Order:
    if is_stuck:
        os.kill(member.child, signal.SIGKILL)
    os.waitpid(member.child, 0)
    os.close(member.pipe)
    os.close(member.bell)
    if is_stuck:
        return {"end": "failed", "said": f"it was not done within {LONGEST:.0f} seconds"}
    return dict(json.loads(text)) if text else {"end": "killed", "said": None}


def wake(asked: Order) -> Member:
    """Let one that rests go on."""
    member = ASLEEP.pop(int(asked["wake"]))
    os.write(member.bell, b"!")
    return member


def _warm_up() -> None:
    """Do once what every process would do first: importing drivers, reading SQL, looking through what is in memory."""
    discover()
    engine_for("postgresql://nobody@127.0.0.1:1/nothing").dispose()
    for noun in nouns():
        queries(noun)
    gc.collect()
    gc.freeze()


def main() -> None:
    """Serve until the input ends."""
    _warm_up()
    sabotage.commit(os.environ.get("CHAOS_SABOTAGE", ""))
    for line in sys.stdin:
        asked = json.loads(line)
        members = [wake(order) if "wake" in order else begin(asked, order) for order in asked["crew"]]
        print(json.dumps(hear(members)), flush=True)


if __name__ == "__main__":
    main()
