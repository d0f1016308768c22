"""The embedded Postgres: one server whoever asks, as root and as a user, through kills, and nobody's folder is touched."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from socketserver import BaseRequestHandler, TCPServer

import psycopg2
import pytest
from sqlalchemy.engine import make_url

from crm_pipeline.database.embedded import ensure_running, erase, is_running, stop
from crm_pipeline.database.engine import engine_for
from crm_pipeline.database.migrate import migrate
from crm_pipeline.database.server_account import Account
from crm_pipeline.database.server_binaries import PROGRAMS, find_binaries, installed_binaries, reachable_binaries
from crm_pipeline.database.server_place import ELSEWHERE, known_place
from crm_pipeline.errors import ConfigurationError
from crm_pipeline_tests.conftest import open_folder
from crm_pipeline_tests.database.as_account import NOBODY, adopt_orphans, in_child

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can play this")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder every account can pass through, with whatever server was started in its `home` stopped at the end."""
    with open_folder() as opened:
        yield opened
        erase(opened / "a home")


@pytest.fixture
def home(folder: Path) -> Path:
    return folder / "a home"  # with a space, as people have


def ask(url: str, statement: str):
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0] if cursor.description else None


def postmaster(home: Path) -> int:
    return int((known_place(home).data / "postmaster.pid").read_text().splitlines()[0])


def starts(home: Path) -> int:
    return (known_place(home).data / "server.log").read_text().count("ready to accept connections")


def modes(*folders: Path) -> dict[str, tuple[int, int, int]]:
    paths = {path for folder in folders for path in (folder, *folder.parents)}
    return {str(path): (stat.S_IMODE(s.st_mode), s.st_uid, s.st_gid) for path in paths if path.exists() for s in [path.stat()]}


class HangingUp(TCPServer):
    allow_reuse_address = True  # the server that had the port left connections in TIME_WAIT


@contextmanager
def taken(port: int) -> Iterator[None]:
    """Let somebody else answer on the port, by hanging up."""
    with HangingUp(("127.0.0.1", port), BaseRequestHandler) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        yield
        other.shutdown()


def life(home: Path, binaries: Path | None = None) -> str:
    """One life of a server: made, used, killed, recovered, stopped, started with the same port and password."""
    url = ensure_running(home, binaries)
    ask(url, "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
    os.kill(postmaster(home), signal.SIGKILL)
    assert ensure_running(home, binaries) == url
    assert ask(url, "SELECT sum(n) FROM kept") == 500500
    assert stop(home, binaries) and not is_running(home)
    assert not stop(home, binaries)
    assert ensure_running(home, binaries) == url
    assert ask(url, "SELECT sum(n) FROM kept") == 500500
    assert stop(home, binaries)
    return url


def test_a_whole_life_as_whoever_runs_the_tests(home):
    life(home)
    assert not is_running(home)


def test_a_whole_life_as_an_ordinary_user(folder):
    nobody = Account(NOBODY.pw_uid, NOBODY.pw_gid, dropped=os.geteuid() == 0)
    binaries = reachable_binaries(find_binaries(None, None), nobody, folder)
    own = folder / "own"
    own.mkdir()
    nobody.give(own)
    in_child(life, own / "home", binaries, user=NOBODY)
    assert (own / "home/postgres/data").stat().st_uid == own.stat().st_uid


@pytest.mark.skipif(not installed_binaries(), reason="the distribution's Postgres is not installed")
def test_the_distributions_server_will_do(home):
    url = life(home, installed_binaries()[0])
    engine = engine_for(ensure_running(home, installed_binaries()[0]))
    assert migrate(engine).applied
    engine.dispose()
    assert ask(url, "SHOW default_toast_compression") == "lz4"
    assert not list(home.rglob("binaries-*")), "everybody reaches them where they are"


def test_password_and_loopback_are_the_only_way_in(home):
    url = make_url(ensure_running(home))
    for password in ("", "wrong"):
        with pytest.raises(psycopg2.OperationalError, match="password"):
            psycopg2.connect(url.set(password=password).render_as_string(hide_password=False))
    plain = url.render_as_string(hide_password=False)
    assert ask(plain, "SHOW listen_addresses") == "127.0.0.1"
    assert ask(plain, "SHOW unix_socket_directories") == ""
    assert ask(plain, "SELECT bool_and(auth_method = 'scram-sha-256') FROM pg_hba_file_rules") is True
    assert ask(plain, "SELECT count(*) FROM pg_database WHERE datname IN ('crm', 'dagster')") == 2
    assert stat.S_IMODE((home / "postgres/state.json").stat().st_mode) == 0o600


def test_cyrillic_is_known_to_lower_and_like(home):
    assert ask(ensure_running(home), "SELECT lower('ПРИВЕТ') = 'привет' AND 'Ёлка' ILIKE 'ёЛ%'") is True


def test_five_processes_at_once_start_one_server(home):
    with ThreadPoolExecutor(5) as pool:
        urls = list(pool.map(lambda _: in_child(ensure_running, home), range(5)))
    assert len(set(urls)) == 1
    assert starts(home) == 1


@on_linux
def test_a_killed_postmaster_that_nobody_reaps_does_not_block_the_next(home):
    def killed_twice() -> bool:
        adopt_orphans()
        url = ensure_running(home)
        ask(url, "CREATE TABLE kept AS SELECT 1 AS n")
        for _ in range(2):
            number = postmaster(home)
            os.kill(number, signal.SIGKILL)
            assert ensure_running(home) == url
            assert Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        return ask(url, "SELECT n FROM kept") == 1

    assert in_child(killed_twice)


@on_linux
def test_a_lock_file_with_the_number_of_somebody_elses_process_is_seen_through(home):
    url = ensure_running(home)
    number = postmaster(home)
    os.kill(number, signal.SIGKILL)
    owner = known_place(home).account
    with subprocess.Popen(["sleep", "60"], user=owner.uid if owner.dropped else None) as other:
        lock_file = known_place(home).data / "postmaster.pid"
        lock_file.write_text(lock_file.read_text().replace(str(number), str(other.pid), 1))
        assert ensure_running(home) == url
        other.kill()


def test_a_starter_killed_half_way_leaves_nothing_that_disturbs(home):
    """The child is killed as soon as initdb works, with the lock in its hands and half a data directory made."""
    half_made = home / "postgres"
    with subprocess.Popen([sys.executable, "-c", "import sys; from pathlib import Path; from crm_pipeline.database.embedded "
                           "import ensure_running; ensure_running(Path(sys.argv[1]))", str(home)]) as starter:  # fmt: skip
        while not list(half_made.glob("new-*")):
            assert starter.poll() is None
        starter.kill()
    assert not (half_made / "data").exists()
    assert ask(ensure_running(home), "SELECT 1") == 1
    assert not list(half_made.glob("new-*"))


def test_a_killed_client_leaves_the_server_to_the_others(home):
    url = ensure_running(home)

    def die() -> None:
        with closing(psycopg2.connect(ensure_running(home))):
            os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(AssertionError, match="died without an answer"):
        in_child(die)
    assert ensure_running(home) == url
    assert starts(home) == 1


def test_a_port_that_somebody_took_is_given_up(home):
    before = make_url(ensure_running(home))
    ask(before.render_as_string(hide_password=False), "CREATE TABLE kept AS SELECT 1 AS n")
    stop(home)
    with taken(before.port):
        after = ensure_running(home)
        assert make_url(after).port != before.port
        assert ask(after, "SELECT n FROM kept") == 1
    assert ensure_running(home) == after


def test_a_copy_of_a_home_gets_a_server_of_its_own(folder, home):
    url = ensure_running(home)
    stop(home)
    subprocess.run(["cp", "-a", home, folder / "copy"], check=True)
    assert ensure_running(home) == url
    other = ensure_running(folder / "copy")
    try:
        assert make_url(other).port != make_url(url).port
        assert ask(other, "SHOW data_directory") == str(folder / "copy/postgres/data")
    finally:
        stop(folder / "copy")


def test_a_data_directory_of_another_version_is_a_sentence(home):
    ensure_running(home)
    stop(home)
    mark = known_place(home).data / "PG_VERSION"
    version = mark.read_text()
    mark.write_text("13\n")
    with pytest.raises(ConfigurationError, match="made by Postgres 13, but here is only Postgres"):
        ensure_running(home)
    mark.write_text(version)


def test_erasing_takes_the_server_and_its_data_and_nothing_else(home):
    url = ensure_running(home)
    ask(url, "CREATE TABLE kept AS SELECT 1 AS n")
    (home / "somebody.txt").write_text("stays")
    erase(home)
    assert [path.name for path in home.iterdir()] == ["somebody.txt"]
    with pytest.raises(psycopg2.OperationalError, match="refused"):
        psycopg2.connect(url)
    assert ask(ensure_running(home), "SELECT to_regclass('kept')") is None
    erase(home)
    erase(home)


def test_without_programs_nothing_is_made_and_a_sentence_says_how_to_get_them(tmp_path):
    with pytest.raises(ConfigurationError, match=r"crm-pipeline\[demo\]"):
        ensure_running(tmp_path / "home", binaries=tmp_path)
    assert not (tmp_path / "home").exists()


def test_no_mode_and_no_owner_of_any_folder_changes(folder, home):
    binaries = find_binaries(None, None)
    package = Path(__file__).parents[2]
    watched = (folder, binaries, package, Path(sys.prefix), *map(Path, ELSEWHERE), Path.home())
    before = modes(*watched)
    ensure_running(home)
    assert modes(*watched) == before


@as_root
def test_below_a_closed_folder_the_data_live_elsewhere_and_nothing_is_opened(folder):
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    home = closed / "project/.crm"
    before = modes(closed)
    url = life(home)
    assert modes(closed) == before
    place = known_place(home).folder
    try:
        assert str(place) == (home / "postgres/location").read_text().strip()
        assert str(place).startswith(ELSEWHERE)
        assert stat.S_IMODE((place / "state.json").stat().st_mode) == 0o600
        place.rename(folder / "moved")
        with pytest.raises(ConfigurationError, match="is gone"):
            ensure_running(home)
        (folder / "moved").rename(place)
        assert ensure_running(home) == url
    finally:
        erase(home)
    assert not place.exists() and modes(closed) == before


@as_root
def test_programs_below_a_closed_folder_are_copied_not_opened(folder, home):
    installed = find_binaries(None, None).parent
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    shutil.copytree(installed, closed / installed.parent.name / installed.name, symlinks=True)
    libraries = installed.parent.with_name(f"{installed.parent.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, closed / libraries.name)
    before = modes(closed)
    hidden = closed / installed.parent.name / installed.name / "bin"
    assert ask(ensure_running(home, hidden), "SELECT 1") == 1
    stop(home, hidden)
    assert modes(closed) == before
    assert len([path for path in home.rglob("initdb") if path.parent.name == "bin"]) == 1


@as_root
def test_root_works_in_a_users_home_without_locking_the_user_out(folder):
    nobody = Account(NOBODY.pw_uid, NOBODY.pw_gid, dropped=True)
    binaries = reachable_binaries(find_binaries(None, None), nobody, folder)
    own = folder / "own"
    own.mkdir()
    nobody.give(own)
    url = in_child(ensure_running, own / "home", binaries, user=NOBODY)
    assert ensure_running(own / "home", binaries) == url
    assert stop(own / "home", binaries)
    with taken(make_url(url).port):
        moved = ensure_running(own / "home", binaries)  # root writes the state anew
    assert in_child(ensure_running, own / "home", binaries, user=NOBODY) == moved
    assert in_child(stop, own / "home", binaries, user=NOBODY)


@as_root
def test_a_home_of_root_is_refused_to_a_user_with_a_sentence(home):
    ensure_running(home)

    def refused() -> str:
        with pytest.raises(ConfigurationError) as caught:
            ensure_running(home)
        return str(caught.value)

    assert "belongs to another user" in in_child(refused, user=NOBODY)


def test_every_program_is_needed(tmp_path):
    for program in PROGRAMS[1:]:
        (tmp_path / program).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 18.1'\n")
        (tmp_path / program).chmod(0o755)
    with pytest.raises(ConfigurationError):
        find_binaries(tmp_path, None)
