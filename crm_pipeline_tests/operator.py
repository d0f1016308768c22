"""An operator at a terminal: runs `crm-pipeline` as a person would, in its own process, and reads what it prints."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from crm_pipeline.sandbox.serving import Sandbox


@dataclass(frozen=True)
class Operator:
    """Somebody with a database, a key, and the sandbox's host allowed."""

    database_url: str
    encryption_key: str

    def run(self, *words: str, given: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
        """Run a command and return what came of it. given: what is typed on standard input."""
        command, env = self.command(*words), self.environment(**settings)
        return subprocess.run(command, env=env, input=given, capture_output=True, text=True, timeout=280)

    def command(self, *words: str) -> list[str]:
        """Return the command as the system starts it."""
        return [sys.executable, "-m", "crm_pipeline", *words]

    def environment(self, **settings: str) -> dict[str, str]:
        """Return the environment a command gets."""
        own = {"CRM_DATABASE_URL": self.database_url, "CRM_ENCRYPTION_KEY": self.encryption_key, "CRM_ALLOWED_HOSTS": "127.0.0.1"}
        return {**os.environ, **own, **settings}

    def do(self, *words: str, given: str = "") -> str:
        """Run a command that must succeed and return what it printed."""
        done = self.run(*words, given=given)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def ask(self, *words: str) -> Any:
        """Run a command with --json and return the document it printed."""
        return json.loads(self.do(*words, "--json"))

    def connect(self, name: str, sandbox: Sandbox) -> None:
        """Connect a stand-in by OAuth as a person would, and lift the pace: this stand-in has no limits."""
        given = sandbox.credentials()
        secret = {"client_secret": given["client_secret"]}
        keys = {"amocrm": ("client_id", "redirect_uri", "code"), "bitrix24": ("portal", "oauth_url", "client_id", "code")}[
            sandbox.name
        ]
        words = [word for key in keys for word in (f"--{key.replace('_', '-')}", given[key])]
        address = ["--base-url", sandbox.url] if sandbox.name == "amocrm" else []
        self.do(
            "connect",
            sandbox.name,
            "--name",
            name,
            *address,
            *words,
            "--client-secret",
            "-",
            given=secret["client_secret"] + "\n",
        )
        self.do("connections", "set", name, "rate=1000", "burst=1000")
