"""One portal, spoken to: single calls and batches, tokens renewed, moved portals followed, operating time respected.

What belongs here: addressing, the envelope, what follows from a refusal. Which lists are asked for and where a list ends
belongs to `walks`; names of calls and fields to `payloads`.
"""

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from crm_pipeline.connectors import Link, Secrets
from crm_pipeline.connectors.bitrix24.auth import Credential, PortalMoved, origin, refresher, secret_values
from crm_pipeline.connectors.bitrix24.brackets import as_map, query
from crm_pipeline.connectors.bitrix24.operating import OperatingTime
from crm_pipeline.connectors.bitrix24.payloads import PAGE, Extra, Params
from crm_pipeline.connectors.bitrix24.refusals import failure, ruling
from crm_pipeline.connectors.bitrix24.replies import Command, Reply, before, begun, failed, is_passing, number, read_batch
from crm_pipeline.errors import (
    AnswerLost,
    ConnectionStopped,
    ConsentNeeded,
    CrmPipelineError,
    CrmUnavailable,
    RequestRefused,
    TryLater,
)
from crm_pipeline.http import Answer, TokenRefused, Verdict
from crm_pipeline.model.cleaning import moment

LOG = logging.getLogger("crm_pipeline.bitrix24")


TRIES = 5
"""How often a batch is sent again because commands inside it failed for the moment."""


PAUSE_SECONDS = 2.0
"""How long nobody calls after a command that writes was refused for the rate (facts: bitrix24 7)."""


class Client:
    """Calls one portal. Thread safe; lives as long as one walk or check."""

    def __init__(self, link: Link, *, lane: str = "bulk"):
        self._link = link
        self._lane = lane
        self._lock = threading.Lock()
        self._secrets = link.vault.read()
        self._moved_to = ""
        self._took = threading.local()
        self.in_flight = max(1, link.in_flight)
        self._places = threading.Semaphore(self.in_flight)
        self.operating = OperatingTime(link.http)
        self.instead: dict[str, Extra | None] = {}
        """Call the portal has turned out not to offer → what is asked for instead, None: nothing."""
        self.left_out: dict[str, str] = {}
        """Call nothing is asked for instead of → why, for the walk's warnings."""
        self.started_at: datetime | None = None
        """The portal's clock at the first answer."""
        self.offset = str(link.facts.get("portal_offset") or "+00:00")
        """The portal's offset, as its times are written."""
        link.http.redactor.register(*secret_values(self._secrets))

    @property
    def base_url(self) -> str:
        """Return where the portal answers: elsewhere than asked when it was renamed (facts: bitrix24 1.7)."""
        return self._moved_to or origin(self._credential().root)

    @property
    def seconds(self) -> float:
        """Return how long this thread's last answer took, waiting for a slot not counted."""
        return float(getattr(self._took, "seconds", 0.0))

    @property
    def by_webhook(self) -> bool:
        """Return whether the credential is an incoming webhook."""
        return self._credential().token is None

    @property
    def secrets(self) -> Secrets:
        """Return the secrets in use."""
        return self._secrets

    def call(self, method: str, params: Params | None = None, *, safe: bool = True) -> Reply:
        """Call one method. Raises what a refusal means: RequestRefused, RecordGone, TryLater, ConnectionStopped."""
        self.operating.rest(method)
        answer = self._send(method, params or {}, safe)
        body = as_map(answer.json)
        self.operating.note(method, body.get("time"))
        return Reply(body.get("result"), number(body.get("total")), number(body.get("next")))

    def batch(self, commands: Mapping[str, Command], *, chained: bool = False) -> dict[str, Reply]:
        """Run up to 50 commands in one request and return their replies; what failed for the moment is sent again.

        `chained`: each command refers to the one before, so that only what precedes the first failure is of use and the
        replies end there; the first command is never missing. Raises RateLimited when a method is parked.
        """
        done: dict[str, Reply] = {}
        rest = dict(commands)
        for attempt in range(1, TRIES + 1):
            replies = self._batch_once(rest)
            passing = [name for name in rest if name not in replies or is_passing(replies[name])]
            done |= {name: reply for name, reply in replies.items() if name not in passing}
            if not passing or (chained and passing[0] != next(iter(commands))):
                return before(done, commands, passing[0] if passing and chained else None)
            rest = dict(commands) if chained else {name: commands[name] for name in passing}
            self._calm(rest, replies, attempt)
        raise failed(rest, replies)

    def _calm(self, rest: Mapping[str, Command], replies: Mapping[str, Reply], attempt: int) -> None:
        """Wait as long as the failed commands call for: everybody when the rate was exceeded, a parked method is raised."""
        rulings = {reply.ruled.action for name in rest if (reply := replies.get(name)) and reply.ruled}
        if "park" in rulings:
            parked = next(
                rest[n][0] for n, reply in replies.items() if n in rest and reply.ruled and reply.ruled.action == "park"
            )
            raise self.operating.parked(parked)
        seconds = min(16.0, 0.25 * 2.0**attempt)
        if "pause" in rulings:
            self._link.http.budget.pause(self._link.http.meter.key, seconds)
        self._link.http.wait(seconds)

    def _batch_once(self, commands: Mapping[str, Command]) -> dict[str, Reply]:
        """Send one batch; a token that ran out between its commands is renewed and the whole batch repeated."""
        if len(commands) > PAGE:
            raise ValueError(f"A batch holds {PAGE} commands, not {len(commands)}.")
        methods = sorted({method.lower() for method, _ in commands.values()})
        self.operating.rest("batch", *methods)
        written = {name: f"{method}?{query(params)}" for name, (method, params) in commands.items()}
        used = self._credential()
        replies = self._batch_sent(commands, written)
        if used.token and any(reply.ruled and reply.ruled.action == "refresh" for reply in replies.values()):
            self._renew(used)
            replies = self._batch_sent(commands, written)
        return replies

    def _batch_sent(self, commands: Mapping[str, Command], written: Mapping[str, str], safe: bool = True) -> dict[str, Reply]:
        answer = self._send("batch", {"halt": 0, "cmd": written}, safe)
        body = as_map(answer.json)
        self.operating.note("batch", body.get("time"))
        parts = as_map(body.get("result"))
        times = as_map(parts.get("result_time"))
        for name, took in times.items():
            if name in commands:
                self.operating.note(commands[name][0], took)
        replies = read_batch(commands, parts, self._link.http.redactor.redact)
        return replies if safe else {name: replace(reply, at=begun(times.get(name), body)) for name, reply in replies.items()}

    def write(self, commands: Mapping[str, Command]) -> dict[str, Reply]:
        """Run up to 50 commands that write, once; a command missing in the replies has an unknown outcome.

        Only what was turned away because the token ran out before it is sent again. Raises AnswerLost when nothing is known of
        any of them, another TryLater or ConnectionStopped when none was sent.
        """
        written = {name: f"{method}?{query(params)}" for name, (method, params) in commands.items()}
        used = self._credential()
        replies = self._batch_sent(commands, written, safe=False)
        again = [name for name, reply in replies.items() if reply.ruled and reply.ruled.action == "refresh"]
        if not used.token or not again:
            return replies
        try:
            self._renew(used)
            rest = self._batch_sent({name: commands[name] for name in again}, {name: written[name] for name in again}, safe=False)
        except AnswerLost:
            return {name: reply for name, reply in replies.items() if name not in again}
        except (TryLater, ConnectionStopped) as error:
            LOG.warning("crm_write connection=%s not repeated with a new token: %s", self._link.name, error)
            return replies
        return {name: reply for name, reply in replies.items() if name not in again} | rest

    def write_alone(self, command: Command) -> Reply:
        """Run one command that writes by itself, as JSON, once: for what a batch's query cannot carry. Raises as `write` does."""
        method, params = command
        try:
            body = as_map(self._send(method, params, False).json)
        except RequestRefused as refused:
            said = {"error": refused.code, "error_description": refused.detail}
            return Reply(ruled=ruling(refused.status, said), body=said, status=refused.status)
        self.operating.note(method, body.get("time"))
        return Reply(body.get("result"), at=begun(body.get("time"), body))

    def rest_all(self) -> None:
        """Let everybody who uses this portal's meter pause: the portal said that requests come too fast."""
        self._link.http.budget.pause(self._link.http.meter.key, PAUSE_SECONDS)

    def _send(self, method: str, params: Params, safe: bool) -> Answer:
        """Post one call; a refused token is renewed once (facts: bitrix24 1.3)."""
        credential = self._credential()
        for tries_left in (1, 0) if credential.token else (0,):
            try:
                answer = self._post(credential, method, params, safe)
            except PortalMoved as moved:
                return self._send_moved(credential, moved, method, params, safe)
            except TokenRefused as refused:
                body, status = refused.answer.json, refused.answer.status
            else:
                self._note(answer, credential)
                self._took.seconds = answer.seconds
                return answer
            if tries_left:
                credential = self._renew(credential)
        raise self._not_accepted(method, status, body)

    def _send_moved(self, credential: Credential, moved: PortalMoved, method: str, params: Params, safe: bool) -> Answer:
        """Repeat a call at the address a portal was renamed to (facts: bitrix24 1.7)."""
        if origin(credential.root) == moved.origin:
            raise CrmUnavailable(f"{method}: the portal redirects in circles.")
        with self._lock:
            self._moved_to = moved.origin
        return self._send(method, params, safe)

    def _post(self, credential: Credential, method: str, params: Params, safe: bool) -> Answer:
        body = params if credential.token is None else {**params, "auth": credential.token}
        with self._places:
            return self._link.http.send(
                "POST",
                credential.root + method,
                json=body,
                classify=lambda answer: self._verdict(credential, method, answer),
                safe=safe,
                lane=self._lane,
            )

    def _verdict(self, credential: Credential, method: str, answer: Answer) -> Verdict:
        body = answer.json
        ruled = ruling(answer.status, body)
        landed = origin(answer.url)
        if ruled and landed != origin(credential.root) and urlsplit(answer.url).path != urlsplit(credential.root + method).path:
            return Verdict("raise", error=PortalMoved(landed))
        if ruled is None:
            broken = "result" not in body
            return Verdict("retry", error=CrmUnavailable(f"{method}: the answer holds no result.")) if broken else Verdict("ok")
        if ruled.action == "refresh":
            return Verdict("refresh")
        if ruled.action == "park":
            self.operating.note(method, as_map(body).get("time"))
            return Verdict("raise", error=self.operating.parked(method))
        error = failure(ruled, method, answer.status, body, self._link.http.redactor.redact)
        if ruled.action == "pause":
            return Verdict("pause", answer.retry_after or 0.0, None)
        return Verdict("retry" if ruled.action == "retry" else "raise", error=error)

    def _credential(self) -> Credential:
        credential = Credential.of(self._link.base_url, self._secrets)
        return credential.moved(self._moved_to) if self._moved_to else credential

    def _renew(self, stale: Credential) -> Credential:
        """Have the vault renew the token: one refresh at a time, the new pair committed before it is used."""
        if stale.token is None:
            raise self._not_accepted("batch", 401, None)
        secrets = self._link.vault.renew(stale.token, refresher(self._link.http, time.time))
        self._link.http.redactor.register(*secret_values(secrets))
        with self._lock:
            self._secrets = secrets
        return self._credential()

    def _not_accepted(self, method: str, status: int, body: Any) -> CrmPipelineError:
        if self.by_webhook:
            return ConsentNeeded(
                f"{method}: the portal does not accept the webhook.",
                what_to_do="Make a new incoming webhook in the portal (Developer resources) and connect again.",
            )
        found = ruling(status, body) or ruling(401, None)
        assert found is not None
        return failure(found, method, status, body, self._link.http.redactor.redact)

    def _note(self, answer: Answer, credential: Credential) -> None:
        """Keep what an answer tells beside its result: where the portal is, and its clock."""
        landed = origin(answer.url)
        with self._lock:
            if landed and landed != origin(credential.root):
                self._moved_to = landed
            if self.started_at is None:
                self._set_clock(answer)

    def _set_clock(self, answer: Answer) -> None:
        times = as_map(as_map(answer.json).get("time"))
        written = times.get("date_start") or times.get("date_finish")
        read = moment(written) or moment(times.get("start")) or moment(answer.served_at)
        if read is None:
            return
        self.started_at = read.replace(microsecond=0)
        if isinstance(written, str) and written[-6:-5] in ("+", "-"):
            self.offset = written[-6:]

    def clock(self) -> datetime:
        """Return the portal's clock at the first answer, asking for it when no answer told."""
        if self.started_at is None:
            self.started_at = moment(self.call("server.time").result)
        if self.started_at is None:
            raise CrmUnavailable("The portal does not tell its time, and without it nothing can be read incrementally.")
        return self.started_at
