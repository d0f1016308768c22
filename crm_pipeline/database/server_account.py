"""Who runs the embedded server, and how a command is run as that account.

Postgres refuses to run as root, so root hands the server to `postgres`, else `nobody` (nobody is added to the machine);
everybody else runs it as themselves. What belongs here: accounts and subprocesses. Nothing here knows what Postgres is.
"""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

from crm_pipeline.errors import ConfigurationError

UNPRIVILEGED = ("postgres", "nobody")
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"}  # no PGDATA, PGPORT, LANG of the caller slips in


@dataclass(frozen=True)
class Account:
    """The account the server runs as; `dropped` when we are root and it is another than ours."""

    uid: int
    gid: int
    dropped: bool

    def run(self, *command: str | Path, cwd: Path | None = None, text: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command as this account in a session of its own (Ctrl-C does not reach it) and return what it printed."""
        return subprocess.run(
            [str(part) for part in command],
            user=self.uid if self.dropped else None,
            group=self.gid if self.dropped else None,
            extra_groups=[] if self.dropped else None,
            cwd=cwd or "/",
            env=ENVIRONMENT,
            input=text,
            capture_output=True,
            text=True,
            errors="replace",
            start_new_session=True,
            check=False,
        )

    def runs(self, *command: str | Path) -> bool:
        """Return whether this account can run the command with success."""
        try:
            return self.run(*command).returncode == 0
        except OSError:  # not there, or no right to execute it
            return False

    def reaches(self, folder: Path) -> bool:
        """Return whether this account can pass through the folder, by trying it (access lists count, modes may lie)."""
        return self.runs("test", "-x", folder)

    def give(self, path: Path) -> None:
        """Hand over a file or folder that we have just made."""
        if self.dropped:
            os.chown(path, self.uid, self.gid)


def account_for(data: Path) -> Account:
    """Return who runs the server on this data directory: its owner when it exists. Raises ConfigurationError."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), dropped=False)
    if data.exists() and data.stat().st_uid:
        return Account(data.stat().st_uid, data.stat().st_gid, dropped=True)
    return _unprivileged()


def _unprivileged() -> Account:
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    for name in UNPRIVILEGED:
        if name in known and (account := Account(known[name].pw_uid, known[name].pw_gid, dropped=True)).runs("true"):
            return account
    raise ConfigurationError(
        "Postgres does not run as root, and root can become neither `postgres` nor `nobody` here.",
        what_to_do="Run as an ordinary user, or set CRM_DATABASE_URL.",
    )
