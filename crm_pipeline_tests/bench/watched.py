"""Running a system as a process of its own and measuring what it takes: time as it says, memory of its whole process tree."""

import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

LOOK_SECONDS = 0.25
MEGABYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it. `why`: the last words of a system that failed."""

    name: str
    seconds: float = 0.0
    facts: dict[str, Any] = field(default_factory=dict)
    peak_mb: float = 0.0
    why: str = ""
    server_mb: float = 0.0
    """The peak of another process tree that worked for it, when one was named."""

    @property
    def rows(self) -> int:
        """Return how many rows it says it has read."""
        return int(self.facts.get("rows", 0))

    @property
    def rate(self) -> float:
        """Return rows per second."""
        return self.rows / self.seconds if self.seconds else 0.0


def run(
    system: str, task: Mapping[str, Any], env: Mapping[str, str], folder: Path, seconds: float = 900, name: str = "",
    server: int | None = None,
) -> Outcome:  # fmt: skip
    """Run a system on a task; it is stopped after `seconds`. `server`: the process whose tree is watched besides."""
    words = [sys.executable, "-m", f"crm_pipeline_tests.bench.systems.{system}", json.dumps(task)]
    said, complained = folder / f"{system}.out", folder / f"{system}.err"
    with said.open("w") as out, complained.open("w") as err:
        process = subprocess.Popen(words, stdout=out, stderr=err, env=dict(env), start_new_session=True)
        watch = _Watch(process.pid)
        beside = _Watch(server) if server else None
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            _end_tree(process)
            return Outcome(name or system, seconds, peak_mb=watch.stop(), why=f"stopped after {seconds:.0f} s")
        except BaseException:
            _end_tree(process)
            raise
        finally:
            peak, server_peak = watch.stop(), beside.stop() if beside else 0.0
    if code:
        return Outcome(name or system, peak_mb=peak, why=_last_words(complained) or f"exit code {code}")
    facts = json.loads(said.read_text().splitlines()[-1])
    return Outcome(name or system, float(facts["seconds"]), facts, peak, server_mb=server_peak)


def _end_tree(process: subprocess.Popen[bytes]) -> None:
    for child in psutil.Process(process.pid).children(recursive=True):
        child.kill()
    process.kill()
    process.wait()


ADDED = ("(Background on this error", "[SQL: ", "[parameters: ")
"""Lines SQLAlchemy puts after the words of the database."""


def _last_words(complained: Path) -> str:
    lines = [line for line in complained.read_text(errors="replace").splitlines() if line.strip()]
    said = [line for line in lines if not line.startswith(ADDED)]
    return " ".join(said[-4:])[-500:]


class _Watch:
    """Looks at a process tree four times a second and keeps the largest sum of proportional memory."""

    def __init__(self, pid: int):
        self._root = psutil.Process(pid)
        self._peak = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def stop(self) -> float:
        """Stop looking and return the peak in MB."""
        self._ended.set()
        self._thread.join()
        return self._peak / MEGABYTE

    def _look(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            try:
                tree = [self._root, *self._root.children(recursive=True)]
            except psutil.NoSuchProcess:
                return
            self._peak = max(self._peak, sum(map(held, tree)))


def held(process: psutil.Process) -> int:
    """Return proportional memory (shared pages counted by share), where the system has it; else resident memory."""
    try:
        return int(getattr(process.memory_full_info(), "pss", 0) or process.memory_info().rss)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0
