"""What came back from one call or from the commands of a batch, however PHP wrote it (facts: bitrix24 2.2, 3.3).

What belongs here: reading answers. Sending belongs to `client`, what a refusal means to `refusals`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm_pipeline.connectors.bitrix24.brackets import as_map
from crm_pipeline.connectors.bitrix24.payloads import Params
from crm_pipeline.connectors.bitrix24.refusals import Ruling, description_of, failure, ruling
from crm_pipeline.errors import CrmPipelineError, CrmUnavailable
from crm_pipeline.model.cleaning import moment


@dataclass(frozen=True, slots=True)
class Reply:
    """One call's answer, or the refusal that came instead (`ruled` and `body`)."""

    result: Any = None
    total: int | None = None
    next: int | None = None
    ruled: Ruling | None = None
    body: Any = None
    status: int = 200
    at: datetime | None = None
    """The portal's clock when it began with a command that writes."""

    def or_raise(self, call: str) -> Any:
        """Return the result. Raises what the refusal means."""
        if self.ruled:
            raise failure(self.ruled, call, self.status, self.body)
        return self.result


Command = tuple[str, Params]
"""A method and its parameters."""


def read_batch(commands: Mapping[str, Command], parts: Mapping[str, Any], redact: Callable[[str], str] = str) -> dict[str, Reply]:
    """Read a batch answer; empty maps come as `[]`, failed commands are missing in `result` (facts: bitrix24 3.3)."""
    results, refused = as_map(parts.get("result")), as_map(parts.get("result_error"))
    totals, nexts = as_map(parts.get("result_total")), as_map(parts.get("result_next"))
    replies: dict[str, Reply] = {}
    for name in commands:
        if name in refused:
            said = refused[name] if isinstance(refused[name], dict) else {"error": refused[name]}
            body = said | {"error_description": redact(description_of(said))}
            replies[name] = Reply(ruled=ruling(400, body), body=body, status=400)
        elif name in results:
            replies[name] = Reply(results[name], number(totals.get(name)), number(nexts.get(name)))
    return replies


def is_passing(reply: Reply) -> bool:
    """Return whether a command failed for the moment only."""
    return reply.ruled is not None and reply.ruled.action in ("retry", "pause", "park")


def before(done: dict[str, Reply], commands: Mapping[str, Command], stop: str | None) -> dict[str, Reply]:
    """Return the replies in the order of the commands, up to the first that failed."""
    names = list(commands)
    kept = names[: names.index(stop)] if stop is not None else names
    return {name: done[name] for name in kept if name in done}


def failed(rest: Mapping[str, Command], replies: Mapping[str, Reply]) -> CrmPipelineError:
    """Return the error of the first command that never succeeded."""
    name = next(iter(rest))
    reply = replies.get(name)
    if reply is None or reply.ruled is None:
        return CrmUnavailable(f"{rest[name][0]}: the portal left commands of a batch unanswered.")
    return failure(reply.ruled, rest[name][0], reply.status, reply.body)


def begun(took: Any, body: Mapping[str, Any]) -> datetime | None:
    """Return the portal's clock when it began with a command, to the second; else with the request; None when it does not tell.

    What a command changed is never dated before that, so nothing later is taken for older (facts: bitrix24 2.2, 5).
    """
    for times in (as_map(took), as_map(body.get("time"))):
        read = moment(times.get("date_start")) or moment(times.get("start"))
        if read:
            return read.replace(microsecond=0)
    return None


def number(value: Any) -> int | None:
    """Return a count, which may come as text; None when there is none."""
    return int(value) if isinstance(value, (int, str)) and str(value).isdigit() else None
