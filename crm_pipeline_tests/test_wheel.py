"""The project as people install it: a wheel brings its SQL along and can migrate without the checkout."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
MIGRATE = """
import os
from crm_pipeline.database.engine import engine_for
from crm_pipeline.database.migrate import migrate
from crm_pipeline.database.queries import SQL
print(SQL, migrate(engine_for(os.environ["URL"])).version)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a wheel from a copy of the checkout and unpack it."""
    base = tmp_path_factory.mktemp("wheel")
    source = base / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(CHECKOUT / name, source)
    for name in ("crm_pipeline", "sql"):
        shutil.copytree(CHECKOUT / name, source / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--no-deps"]
    done = subprocess.run([*pip, "--target", base / "target", source], capture_output=True, text=True, check=False, cwd=base)
    if "No matching distribution found for setuptools" in done.stderr:
        pytest.skip("no package registry in reach to fetch the build tool from")
    assert done.returncode == 0, done.stderr
    return base / "target"


@pytest.mark.slow
def test_an_installed_wheel_finds_its_sql_and_migrates(installed, empty_database_url, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(installed), "URL": empty_database_url}
    done = subprocess.run(
        [sys.executable, "-c", MIGRATE], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    place, version = done.stdout.split()
    assert Path(place) == installed / "crm_pipeline/sql"
    assert int(version) == len(list((CHECKOUT / "sql/migrations").glob("*.sql")))


@pytest.mark.slow
def test_every_file_of_sql_is_in_the_wheel(installed):
    def files(folder: Path) -> set[str]:
        return {str(path.relative_to(folder)) for path in folder.rglob("*.sql")}

    assert files(installed / "crm_pipeline/sql") == files(CHECKOUT / "sql")
