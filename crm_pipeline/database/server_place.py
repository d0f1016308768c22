"""Where the embedded server lives: its folder, its lock, its state file (port and password).

Normally `CRM_HOME/postgres`. When root keeps CRM_HOME where the server's account cannot go (below a 0700 home), nothing
is opened to it: the folder is made under the first of `ELSEWHERE` instead, and `CRM_HOME/postgres/location` names it.

    CRM_HOME/postgres/     or  /var/lib/crm-pipeline-XXXX/
        lock               held while starting or stopping
        state.json         0600: port and password
        data/              the data directory, of the server's account
        binaries-XXXX/     a copy of the programs, only when that account cannot reach the originals
"""

import fcntl
import json
import os
import secrets
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from crm_pipeline.database.server_account import Account, account_for
from crm_pipeline.errors import ConfigurationError

ELSEWHERE = ("/var/lib", "/var/tmp", tempfile.gettempdir())
PREFIX = "crm-pipeline-"
ROLE = "crm"
DATABASES = ("crm", "dagster")


@dataclass(frozen=True)
class State:
    """What a client must know: port and password (kept out of `repr`)."""

    port: int
    password: str = field(repr=False)

    @property
    def url(self) -> str:
        """Return the URL of the database `crm`."""
        return f"postgresql://{ROLE}:{self.password}@127.0.0.1:{self.port}/{DATABASES[0]}"


@dataclass(frozen=True)
class Place:
    """The server's folder."""

    folder: Path

    @property
    def data(self) -> Path:
        """Return the data directory."""
        return self.folder / "data"

    @property
    def data_version(self) -> int | None:
        """Return the major version that made the data directory, None before there is one."""
        mark = self.data / "PG_VERSION"
        return int(mark.read_text()) if mark.exists() else None

    @property
    def account(self) -> Account:
        """Return who runs the server."""
        return account_for(self.data)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder's lock; the kernel gives it back when the process dies."""
        with _locked(self.folder / "lock"):
            yield

    def read_state(self) -> State | None:
        """Return the saved state, None before the first start. Raises ConfigurationError when it is another user's."""
        try:
            return State(**json.loads((self.folder / "state.json").read_text()))
        except FileNotFoundError:
            return None
        except PermissionError:
            raise _belongs_to_another(self.folder) from None

    def write_state(self, state: State) -> State:
        """Save the state, readable by the folder's owner only."""
        _write(self.folder / "state.json", json.dumps(asdict(state)))
        return state


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def new_state() -> State:
    """Return a state with a free port and a random password."""
    return State(port=free_port(), password=secrets.token_urlsafe(24))


def known_place(home: Path) -> Place | None:
    """Return the server's folder if one was ever chosen. Raises ConfigurationError when it has been removed."""
    inside = home.expanduser().resolve() / "postgres"
    pointer = inside / "location"
    try:
        if pointer.exists():
            return _pointed(pointer)
        return Place(inside) if (inside / "state.json").exists() else None
    except PermissionError:
        raise _belongs_to_another(inside) from None


def made_folders(home: Path) -> list[Path]:
    """Return the folders that were made for the server and still exist, the one with the data first."""
    inside = home.expanduser().resolve() / "postgres"
    pointer = inside / "location"
    pointed = [Path(pointer.read_text().strip())] if pointer.exists() else []
    return [folder for folder in pointed if folder.is_dir() and folder.name.startswith(PREFIX)] + [inside] * inside.is_dir()


def choose_place(home: Path) -> Place:
    """Return the server's folder, choosing and making it the first time."""
    inside = _make(home.expanduser().resolve()) / "postgres"
    _make(inside)
    with _locked(inside / "place.lock"):
        return known_place(home) or _chosen(inside)


def _chosen(inside: Path) -> Place:
    account = account_for(inside / "data")
    if not account.dropped or account.reaches(inside):
        return Place(inside)
    for parent in map(Path, ELSEWHERE):
        if account.reaches(parent) and os.access(parent, os.W_OK):
            folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
            folder.chmod(0o711)  # ours, just made: the account passes through, nobody lists it
            _write(inside / "location", f"{folder}\n")
            return Place(folder)
    raise ConfigurationError(
        f"The server's account can reach neither {inside} nor {', '.join(ELSEWHERE)}.",
        what_to_do="Set CRM_HOME to a folder every account can pass through, or set CRM_DATABASE_URL.",
    )


def _pointed(pointer: Path) -> Place:
    folder = Path(pointer.read_text().strip())
    if not folder.is_dir():
        raise ConfigurationError(
            f"The embedded database was kept in {folder}, which is gone.",
            what_to_do=f"Bring it back, or delete {pointer} to begin with an empty database.",
        )
    return Place(folder)


def _make(folder: Path) -> Path:
    """Make the folder if it is not there; only then set its mode: as root, others may pass through but not look."""
    if not folder.exists():
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
    return folder


def _write(path: Path, text: str) -> None:
    """Write a 0600 file in one step; it belongs to whom the folder belongs (root may work in a user's folder)."""
    handle, half = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w") as file:
        _like_folder(handle, path)
        file.write(text)
        file.flush()
        os.fsync(handle)
    Path(half).replace(path)


def _like_folder(handle: int, path: Path) -> None:
    if os.geteuid() == 0:
        os.fchown(handle, path.parent.stat().st_uid, path.parent.stat().st_gid)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    try:
        handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    except PermissionError:
        raise _belongs_to_another(path.parent) from None
    try:
        _like_folder(handle, path)
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _belongs_to_another(folder: Path) -> ConfigurationError:
    return ConfigurationError(
        f"{folder} belongs to another user.", what_to_do="Run as that user, or set CRM_HOME to a folder of your own."
    )
