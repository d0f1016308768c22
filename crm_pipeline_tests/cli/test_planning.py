"""`plan` and `undo`: a person looks before anything is written to a CRM, and takes back what was."""

from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from crm_pipeline_tests.cli.refusal import assert_refused
from crm_pipeline_tests.connectors.tinycrm.processes import environment
from crm_pipeline_tests.operator import Operator
from crm_pipeline_tests.two_sides import TwoSides, fill

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class TinyOperator(Operator):
    """An operator whose installation has the tiny CRM's package, too."""

    path: str

    def environment(self, **settings: str) -> dict[str, str]:
        """Return the environment a command gets."""
        return {**super().environment(**settings), "PYTHONPATH": self.path}


@pytest.fixture
def operator(sides: TwoSides, tmp_path: Path) -> Operator:
    """Return an operator of two CRMs that differ in a position: the right one changed it last."""
    for server, emails in ((sides.left, "left.example"), (sides.right, "right.example")):
        fill(server, emails, phones=4)
        server.put("contacts", 1, position="head")
    sides.load()
    sides.right.clock.advance(60)
    sides.right.put("contacts", 1, position="chief")
    sides.load()
    path = environment(sides.parts, tmp_path)["PYTHONPATH"]
    return TinyOperator(sides.operator.database_url, sides.operator.encryption_key, path)


def test_writes_are_planned_before_a_connection_is_switched_on(sides: TwoSides, operator: Operator) -> None:
    before = sides.golden()
    done = operator.run("plan", "--connection", "tiny")
    assert done.returncode == 2, done.stderr
    shown = " ".join(done.stdout.split())
    for word in ("Writes to CRMs", "position", "head", "chief", "connections set tiny direction=two_way"):
        assert word in shown
    told = operator.run("plan", "--connection", "tiny", "--entity", "contacts", "--limit", "1", "--json")
    assert told.returncode == 2
    found = orjson.loads(told.stdout)["writes"]
    assert (len(found["rows"]), found["would_write"], found["connections"]) == (1, True, ["tiny"])
    assert operator.run("plan", "--connection", "tiny", "--entity", "products").returncode == 0
    for name in ("nobody", "app"):
        assert_refused(operator.run("plan", "--connection", name), 1, name)
    assert sides.golden() == before


def test_writes_are_undone_at_the_terminal(sides: TwoSides, operator: Operator) -> None:
    operator.do("connections", "set", "tiny", "direction=two_way")
    operator.do("reconcile")
    assert operator.ask("drain", "--connection", "tiny")["connections"]["tiny"]["applied"] > 0
    assert sides.left.records["contacts"]["1"]["position"] == "chief"
    told = operator.do("undo", "--since", "2026-01-01", "--dry-run")
    assert "Would be undone" in told and "Nothing is queued yet" in told
    assert "position: chief → head" in " ".join(told.split())
    done = operator.ask("undo", "--since", "2026-01-01", "--by", "anna", "--reason", "a test")
    assert done["queued"] > 0 and done["dry_run"] is False
    assert "There is nothing to undo" in operator.do("undo", "--since", "2026-01-01")
    operator.do("drain", "--connection", "tiny")
    assert sides.left.records["contacts"]["1"]["position"] == "head"


def test_words_that_are_off_are_told(operator: Operator) -> None:
    for words, said in (
        (("--since", "yesterday"), "2026-03-01"), (("--since", "2026-01-02", "--until", "2026-01-01"), "Exchange them"),
        (("--since", "2026-01-01", "--connection", "nobody"), "nobody"), (("--since", "2026-01-01", "--entity", "x"), "contacts"),
    ):  # fmt: skip
        assert_refused(operator.run("undo", *words), 2, said)
    assert operator.run("undo").returncode == 2, "--since is missing"
