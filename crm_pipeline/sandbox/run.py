"""Start one stand-in for a person: the body of `crm-pipeline sandbox`. Argument parsing is the CLI's."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import IO, Any

import orjson

from .serving import Options, Sandbox


class UnknownCrm(ValueError):
    """There is no stand-in of that name."""


def crms() -> list[str]:
    """Answer the CRMs there are stand-ins for: every folder beside this file."""
    return sorted(module.name for module in iter_modules([str(Path(__file__).parent)]) if module.ispkg)


def stand_in(crm: str) -> type[Sandbox]:
    """Answer the class a CRM's folder exports; only that folder is imported. Raises UnknownCrm."""
    if crm not in crms():
        raise UnknownCrm(f"no stand-in for {crm!r}; there are: {', '.join(crms())}")
    exported = vars(import_module(f"{__package__}.{crm}")).values()
    made: type[Sandbox] = next(thing for thing in exported if isinstance(thing, type) and getattr(thing, "name", None) == crm)
    return made


def run(
    crm: str,
    port: int = 0,
    data: Path | None = None,
    contacts: int = 0,
    seed: int = 1,
    limits: str = "off",
    latency_ms: int = 0,
    switches: Mapping[str, Any] | None = None,
    account: str = "acme",
    share: tuple[float, float] = (0.0, 1.0),
    *,
    as_json: bool | None = None,
    out: IO[str] | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM; once ready write one JSON line, or on a terminal a line with what to type to connect.

    Raises UnknownCrm, UnknownSwitch, NoData, and OSError when the port is taken.
    """
    options = Options(port, data, contacts, seed, limits, latency_ms, account, dict(switches or {}), share)
    sandbox = stand_in(crm)(options)
    out = out or sys.stdout
    plain = out.isatty() if as_json is None else not as_json
    sandbox.serve_forever(_announcer(sandbox, plain, out))


def _announcer(sandbox: Sandbox, plain: bool, out: IO[str]) -> Callable[[], None]:
    def announce() -> None:
        out.write(human_line(sandbox) if plain else json_line(sandbox))
        out.flush()

    return announce


def json_line(sandbox: Sandbox) -> str:
    """Answer {"name", "account", "url", "counts", "credentials"} and a line end."""
    ready: dict[str, Any] = {"name": sandbox.name, "account": sandbox.options.account, "url": sandbox.url}
    ready |= {"counts": sandbox.store.kinds(), "credentials": sandbox.credentials()}
    return orjson.dumps(ready).decode() + "\n"


def human_line(sandbox: Sandbox) -> str:
    """Answer where it listens and what to type to connect."""
    credentials = sandbox.credentials()
    typed = credentials.get("connect") or _connect(sandbox, credentials)
    return f"{sandbox.name} stand-in at {sandbox.url}  (Ctrl-C stops it)\nconnect:  CRM_ALLOWED_HOSTS=127.0.0.1 {typed}\n"


def _connect(sandbox: Sandbox, credentials: Mapping[str, Any]) -> str:
    start = f"crm-pipeline connect {sandbox.name} --name {sandbox.options.account}"
    if webhook := credentials.get("webhook_url"):
        return f"{start} --webhook-url {webhook}"
    flags = {"--client-id": "client_id", "--client-secret": "client_secret", "--redirect-uri": "redirect_uri", "--code": "code"}
    return " ".join([start, "--base-url", sandbox.url, *(f"{flag} {credentials.get(key, '…')}" for flag, key in flags.items())])
