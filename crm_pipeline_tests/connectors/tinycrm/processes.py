"""Starting `program` as processes of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from crm_pipeline.wiring import Pipeline
from crm_pipeline_tests.connectors.tinycrm import register

ROOT = Path(__file__).resolve().parents[3]


def environment(pipeline: Pipeline, folder: Path) -> dict[str, str]:
    """Return the environment in which another process works with the same database and finds the tiny CRM."""
    found = folder / "installed"
    path = os.pathsep.join([str(found if found.exists() else register(found)), str(ROOT)])
    settings = pipeline.settings
    own = {
        "CRM_DATABASE_URL": settings.database_url,
        "CRM_ENCRYPTION_KEY": settings.encryption_key,
        "CRM_ALLOWED_HOSTS": "127.0.0.1",
    }
    return {**os.environ, **{key: str(value) for key, value in own.items()}, "PYTHONPATH": path}


def start(action: str, name: str, env: dict[str, str]) -> "subprocess.Popen[str]":
    """Start one process."""
    command = [sys.executable, "-m", "crm_pipeline_tests.connectors.tinycrm.program", action, name]
    return subprocess.Popen(command, env=env, cwd=env["PYTHONPATH"].split(os.pathsep)[1], text=True, stdout=subprocess.PIPE)


def done(process: "subprocess.Popen[str]") -> Any:
    """Return what a process printed, once it has ended well."""
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return json.loads(out)
