"""The third connector keeps the contract as the others do, and is found without a line of the pipeline knowing it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from crm_pipeline.connectors import Link
from crm_pipeline.http import HostPolicy, LocalBudget, Meter, Session
from crm_pipeline_tests.connectors.amocrm.stand import QUICK, Safe
from crm_pipeline_tests.connectors.contract import ConnectorContract
from crm_pipeline_tests.connectors.tinycrm import CONNECTOR, TinyCrm, register
from crm_pipeline_tests.connectors.tinycrm.processes import ROOT
from crm_pipeline_tests.connectors.tinycrm.server import TinyServer


@dataclass
class TinyStand:
    """See `contract.Stand`."""

    tiny: TinyServer
    vault: Safe
    link: Link
    connector: TinyCrm = CONNECTOR

    def held(self, stream: str) -> set[str]:
        return {key for key, record in self.tiny.records[stream].items() if "deleted_at" not in record}

    def edit(self, stream: str, external_id: str) -> None:
        self.tiny.put(stream, external_id, name="changed")

    def delete(self, stream: str, external_id: str) -> None:
        self.tiny.drop(stream, external_id)

    def edits_of(self, stream: str, edited: Iterable[str], deleted: Iterable[str]) -> list[dict[str, Any]]:
        changes: list[dict[str, Any]] = [{"kind": stream, "id": one, "set": {"name": "changed"}} for one in edited]
        return [*changes, *({"kind": stream, "id": one, "delete": True} for one in deleted)]

    def now(self) -> datetime:
        return self.tiny.now

    def advance(self, seconds: float) -> None:
        self.tiny.clock.advance(seconds)

    def freeze(self) -> None:
        self.tiny.clock.freeze()

    def fault(self, stream: str, **rule: Any) -> None:
        self.tiny.faults.add({"match": {"call": f"GET /{stream}"}, **rule})

    def fired(self) -> int:
        return sum(rule["fired"] for rule in self.tiny.faults.rules())

    def secrets(self) -> list[str]:
        return [str(self.vault.secrets[key]) for key in ("access_token", "refresh_token")]

    def expire_token(self) -> None:
        self.tiny.access = "expired"


class TestTiny(ConnectorContract):
    """Lists of some hundred records."""

    LISTS: ClassVar[tuple[str, ...]] = ("companies", "contacts", "deals", "tasks")

    @contextmanager
    def open_stand(self, **switches: Any) -> Iterator[TinyStand]:
        tiny = TinyServer()
        for kind in self.LISTS:
            for number in range(1, 221):
                tiny.put(kind, number, name=f"{kind} {number}", title=f"{kind} {number}", amount="1.50")
        vault = Safe({"access_token": "access-0", "refresh_token": "refresh-0"})
        http = Session(HostPolicy((), ("127.0.0.1",)), Meter("tiny", 0.0), LocalBudget(), patience=QUICK)
        http.redactor.register(*vault.secrets.values())
        yield TinyStand(tiny, vault, Link(1, "tiny", tiny.url, http, vault))
        tiny.close()


FIND = "import json; from crm_pipeline.connectors import discover; print(json.dumps(sorted(discover())))"


def test_an_installed_package_is_found(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(register(tmp_path / "installed")), str(ROOT)])}
    found = json.loads(subprocess.check_output([sys.executable, "-c", FIND], env=env, cwd=ROOT))
    assert found == ["amocrm", "bitrix24", "tinycrm"]
