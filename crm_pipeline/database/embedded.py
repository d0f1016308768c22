"""The embedded Postgres under CRM_HOME: started on demand, shared by every process of the project, stopped on request.

Alive means "a connection with our password reaches our data directory", never "a process with that number exists": a
killed postmaster can stay a zombie for ever where nobody reaps it. Postgres itself sees to it that a data directory never
has two servers; the lock here only keeps two of us from trying at once. Nothing is stopped by itself: `stop` does it.
"""

import contextlib
import shutil
import socket
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg2
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_fixed

from crm_pipeline.database.queries import queries
from crm_pipeline.database.server_account import Account
from crm_pipeline.database.server_binaries import find_binaries, major_version, reachable_binaries
from crm_pipeline.database.server_place import (
    DATABASES,
    ROLE,
    Place,
    State,
    choose_place,
    free_port,
    known_place,
    made_folders,
    new_state,
)
from crm_pipeline.errors import DatabaseUnavailable

RETRY_SECONDS = 15  # a killed postmaster is reaped within 1-3 s; its children go a little later
RECOVERY_SECONDS = 600  # replaying the log after a crash
NO_SUCH_PROCESS = 4_194_304  # one more than the highest number Linux gives out
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "maintenance_work_mem": "128MB",
    "work_mem": "16MB",
    "max_connections": "200",
    "synchronous_commit": "on",
    "jit": "off",
    "log_checkpoints": "off",
    # parallel workers talk through /dev/shm, which is 64 MB in a container
    "max_parallel_workers_per_gather": "0",
    "max_parallel_maintenance_workers": "0",
    # the server's log never repeats a statement or a row: they hold people's data
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}


class _NotYet(DatabaseUnavailable):
    """The embedded Postgres could not be started."""


class _ComingUp(_NotYet):
    """The embedded Postgres is starting up and does not answer yet."""


def ensure_running(home: Path, binaries: Path | None = None) -> str:
    """Return the URL of the embedded database, starting its server first when it does not answer.

    home: CRM_HOME, made when missing. binaries: CRM_PG_BIN.
    Raises ConfigurationError (no programs, wrong version, another user's folder) or DatabaseUnavailable (the server's words).
    """
    place = known_place(home) or _first_place(home, binaries)
    state = place.read_state()
    if state and _is_ours(place, state):
        return state.url
    with place.locked():
        state = place.read_state() or place.write_state(new_state())
        return _started(_server(place, binaries), state).url


def _first_place(home: Path, binaries: Path | None) -> Place:
    find_binaries(binaries, None)  # without programs nothing is made
    return choose_place(home)


def is_running(home: Path) -> bool:
    """Return whether the embedded server of this CRM_HOME answers."""
    place = known_place(home)
    state = place.read_state() if place else None
    return bool(place and state and _is_ours(place, state))


def stop(home: Path, binaries: Path | None = None) -> bool:
    """Stop the server cleanly, ending open sessions; return False when none was running. Raises DatabaseUnavailable."""
    place = known_place(home)
    return place is not None and _stop(place, binaries)


def erase(home: Path, binaries: Path | None = None) -> None:
    """Stop the server and delete all its databases for good, also those kept outside CRM_HOME; nothing else is touched."""
    folders = made_folders(home)
    if folders:
        _stop(Place(folders[0]), binaries)
    for folder in folders:
        shutil.rmtree(folder)


def _stop(place: Place, binaries: Path | None) -> bool:
    if not (place.data / "postmaster.pid").exists():  # Postgres takes it away when it has stopped
        return False
    with place.locked():
        state = place.read_state()
        server = _server(place, binaries)
        if state is None or not (_is_ours(place, state) or server.is_coming_up(state)):
            return False
        done = server.control("-m", "fast", "-w", "-t", str(RECOVERY_SECONDS), "stop")
        if done.returncode:
            raise DatabaseUnavailable(f"The embedded Postgres does not stop: {server.last_words(done.stderr)}")
        return True


@dataclass(frozen=True)
class _Server:
    """The programs, the folder and the account of one server."""

    place: Place
    binaries: Path
    account: Account

    @property
    def _log(self) -> Path:
        return self.place.data / "server.log"

    def control(self, *words: str):
        return self.account.run(self.binaries / "pg_ctl", "-D", self.place.data, *words, cwd=self.place.folder)

    def is_coming_up(self, state: State) -> bool:
        """Return whether a server on our port refuses connections for now (starting, recovering, stopping)."""
        asked = self.account.run(self.binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(state.port), "-t", "5")
        return asked.returncode == 1

    def launch(self, state: State) -> State:
        """Start the server on the state's port, or on another one when that is taken."""
        chosen = state if _is_free(state.port) else replace(state, port=free_port())
        options = " ".join(f"-c {name}='{value}'" for name, value in {**SETTINGS, "port": chosen.port}.items())
        done = self.control("-l", str(self._log), "-w", "-t", str(RECOVERY_SECONDS), "-o", options, "start")
        if done.returncode or not _is_ours(self.place, chosen):
            _forget_dead_postmaster(self.place.data / "postmaster.pid")
            raise _NotYet(f"The embedded Postgres does not start: {self.last_words(done.stderr)}")
        return chosen

    def last_words(self, otherwise: str) -> str:
        """Return the last lines of the server's log, or what the program said."""
        log = self._log.read_text(errors="replace") if self._log.exists() else ""
        return " / ".join((log or otherwise).strip().splitlines()[-3:])


def _server(place: Place, configured: Path | None) -> _Server:
    found = find_binaries(configured, place.data_version)
    return _Server(place, reachable_binaries(found, place.account, place.folder), place.account)


def _started(server: _Server, state: State) -> State:
    if not server.place.data.exists():
        _make_data(server, state)
    patient = Retrying(stop=_gave_up, wait=wait_fixed(0.2), retry=retry_if_exception_type(_NotYet), reraise=True)
    running = patient(_attempt, server, state)
    return running if running == state else server.place.write_state(running)


def _attempt(server: _Server, state: State) -> State:
    if _is_ours(server.place, state):
        return state
    if server.is_coming_up(state):
        raise _ComingUp
    return server.launch(state)


def _gave_up(call: RetryCallState) -> bool:
    error = call.outcome.exception() if call.outcome else None
    return (call.seconds_since_start or 0) > (RECOVERY_SECONDS if isinstance(error, _ComingUp) else RETRY_SECONDS)


def _is_ours(place: Place, state: State) -> bool:
    """Return whether our password opens a server on our port that serves our data directory, not a copy of it."""
    try:
        connection = psycopg2.connect(state.url, connect_timeout=5, application_name="crm-pipeline")
    except psycopg2.OperationalError:
        return False
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute(queries("server")["data_directory"])
        return Path(cursor.fetchone()[0]) == place.data


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _make_data(server: _Server, state: State) -> None:
    """Make the data directory with its databases beside its final place, so that it is complete or not there at all."""
    folder = server.place.folder
    for leftover in folder.glob("new-*"):  # of a process killed half-way
        shutil.rmtree(leftover, ignore_errors=True)
    half = Path(tempfile.mkdtemp(prefix="new-", dir=folder))
    password = half / "password"
    password.write_text(state.password)
    for path in (half, password):
        server.account.give(path)
    _must(server, *_initdb(server.binaries), f"--pwfile={password}", "-D", half / "data")
    _must(server, server.binaries / "postgres", "--single", "-D", half / "data", "postgres", text=_first_statements())
    (half / "data").rename(server.place.data)
    shutil.rmtree(half)


def _initdb(binaries: Path) -> list[str | Path]:
    """Return the command: UTF-8 everywhere, Cyrillic upper and lower case known, sorted by code point."""
    provider = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    locale = provider if major_version(binaries) >= 17 else ["--locale=C.UTF-8"]
    return [binaries / "initdb", "-A", "scram-sha-256", "-U", ROLE, "--encoding=UTF8", *locale]


def _first_statements() -> str:
    """Return one statement a line, as single-user mode reads them; a server without lz4 refuses that line and goes on."""
    create = queries("server")["create_database"]
    lines = [create.format(name=name) for name in DATABASES] + [queries("server")["prefer_lz4"]]
    return "".join(f"{line}\n" for line in lines)


def _must(server: _Server, *command: str | Path, text: str = "") -> None:
    done = server.account.run(*command, cwd=server.place.folder, text=text)
    if done.returncode:
        raise DatabaseUnavailable(f"{Path(command[0]).name} failed: {' / '.join(done.stderr.strip().splitlines()[-3:])}")


def _forget_dead_postmaster(pid_file: Path) -> None:
    """Let the next start pass when the number in the lock file belongs to a zombie or to some other program.

    The file stays, with a number nobody has: Postgres then still checks that no child of the old server uses the memory.
    """
    with contextlib.suppress(FileNotFoundError):
        number, _, rest = pid_file.read_text().partition("\n")
        if Path("/proc/self").exists() and not _is_live_postgres(Path("/proc") / number.strip()):
            pid_file.write_text(f"{NO_SUCH_PROCESS}\n{rest}")


def _is_live_postgres(process: Path) -> bool:
    try:
        name, _, after = (process / "stat").read_text().partition("(")[2].rpartition(")")
    except FileNotFoundError:
        return False
    return name == "postgres" and after.split()[0] != "Z"
