"""Starting a stand-in as a process, as `crm-pipeline sandbox` does: one line tells where it is, a signal ends it cleanly."""

from __future__ import annotations

import io
import signal
import subprocess
import sys

import orjson
import pytest
import requests

from crm_pipeline.sandbox.run import UnknownCrm, crms, human_line, run
from crm_pipeline.sandbox.serving import Options

from .tiny import Tiny

PROGRAM = (
    "import sys; from crm_pipeline.sandbox.run import run; run(sys.argv[1], contacts=20, seed=3, account='msk', share=(0.0, 0.5))"
)


@pytest.mark.parametrize("crm", crms())
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_one_line_then_serving_until_a_signal(crm: str, end: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM, crm], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        ready = orjson.loads(process.stdout.readline())
        assert (ready["name"], ready["account"]) == (crm, "msk") and ready["counts"] and ready["credentials"]
        assert requests.get(f"{ready['url']}/_sandbox/state", timeout=10).json()["counts"] == ready["counts"]
        process.send_signal(end)
        assert process.wait(20) == 0
        assert process.stdout.read() == b"" and process.stderr.read() == b""


def test_people_are_told_what_to_type() -> None:
    with Tiny(Options(account="msk")).running() as sandbox:
        line = human_line(sandbox)
    assert sandbox.url in line and f"crm-pipeline connect tiny --name msk --base-url {sandbox.url}" in line


def test_an_unknown_crm_is_named_with_the_known_ones() -> None:
    with pytest.raises(UnknownCrm, match="amocrm, bitrix24"):
        run("sugar", out=io.StringIO())
