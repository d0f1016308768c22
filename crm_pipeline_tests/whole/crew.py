"""Starts the processes of a run and hears what came of them."""

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
Order = dict[str, Any]


class Program:
    """The parent all processes are forked from; one for many runs."""

    def __init__(self, env: dict[str, str]):
        command = [sys.executable, "-m", "crm_pipeline_tests.whole.program"]
        self._process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **env}, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def ask(self, request: dict[str, Any]) -> list[Order]:
        """Let a crew work and return what each member said."""
        assert self._process.stdin and self._process.stdout
        print(json.dumps(request), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        assert answer, "the program of the chaos runs has ended"
        return list(json.loads(answer))

    def close(self) -> None:
        """End the parent; its children have ended before."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()


@dataclass
class Crew:
    """The processes of one run: on one database, with one log."""

    program: Program
    database: str
    log: Path
    ends: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    """What should not have happened, as the processes told it."""

    def work(self, *orders: Order) -> list[Order]:
        """Let these work at the same time and return what each said."""
        said = self.program.ask({"database": self.database, "log": str(self.log), "crew": list(orders)})
        for order, one in zip(orders, said, strict=True):
            self.ends[one["end"]] += 1
            if one["end"] == "failed" and "Traceback" in str(one["said"]):
                self.broken.append(
                    f"{order.get('verb', 'woken')} {order.get('connection') or order.get('words') or ''}: {one['said'][-1500:]}"
                )
        return said

    def do(self, verb: str, **order: Any) -> Any:
        """Let one work that must succeed and return what it said."""
        (one,) = self.work({"verb": verb, **order})
        assert one["end"] == "done", f"{verb} {order.get('words') or order.get('connection') or ''}: {one['said']}"
        return one["said"]

    def cli(self, *words: str) -> str:
        """Run a command that must succeed and return what it printed."""
        return str(self.do("cli", words=list(words)))
