"""The two commands on a bare machine: what is missing is said in a sentence, before anything is made."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(CHECKOUT / name, tmp_path)
    return tmp_path


def make(clone: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run make with an empty environment but for the search path."""
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
    return subprocess.run(["make", *words], cwd=clone, env=environment, capture_output=True, text=True, check=False)


def python_that(clone: Path, answers: str) -> Path:
    """An interpreter that answers some questions in its own way: lines of a shell `case` over the code it is given."""
    fake = clone / "python-fake"
    fake.write_text(f'#!/bin/sh\ncase "$2" in\n{answers}\nesac\nexec {sys.executable} "$@"\n')
    fake.chmod(0o755)
    return fake


def test_help_is_the_default_and_names_every_command(clone):
    shown = make(clone).stdout
    assert shown == make(clone, "help").stdout
    for command in ("demo", "test", "bench", "fmt", "help"):
        assert f"make {command}\t" in shown


@pytest.mark.parametrize("python", ["no-such-python", "false"])
def test_a_missing_or_wrong_python_is_a_sentence(clone, python):
    done = make(clone, "test", f"PYTHON={python}")
    assert done.returncode != 0
    assert f"Python 3.11, 3.12 or 3.13 is needed, and {python} is not one" in done.stderr
    assert not (clone / ".venv").exists()


def test_a_missing_venv_module_is_a_sentence(clone):
    done = make(clone, "demo", f"PYTHON={python_that(clone, '*ensurepip*) exit 1 ;;')}")
    assert done.returncode != 0
    assert "apt-get install python3-venv" in done.stderr
    assert not (clone / ".venv").exists()


def test_the_ci_script_runs_make_test_from_any_folder(clone):
    (clone / ".ci").mkdir()
    script = Path(shutil.copy(CHECKOUT / ".ci/run", clone / ".ci/run"))
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "PYTHON": "no-such-python"}
    done = subprocess.run([script], cwd="/", env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "is needed, and no-such-python is not one" in done.stderr
