"""The error tree, by what to do next. The docstring of a class is its default message.

    CrmPipelineError
    ├── UsageError               the caller's words are off: correct them (exit 2)
    │   └── UnknownCursor        a page that is not there: begin anew
    ├── ConfigurationError       a setting is missing or wrong: fix it, then start again
    ├── DatabaseUnavailable      Postgres does not answer or is too old
    ├── ConnectionStopped        this connection needs a person before it can go on
    │   ├── ConsentNeeded        authorise again, with the link given
    │   ├── AccessBlocked        the CRM blocks us (amoCRM: HTML 403): stop, loudly
    │   ├── AccessDenied         the token's user lacks a right, or the plan does not include the API
    │   └── HostNotAllowed       the address is not one of the vendors' own nor in CRM_ALLOWED_HOSTS
    ├── TryLater                 nothing is wrong for good: the next run goes on from the cursor
    │   ├── RateLimited          wait until `until`, then go on
    │   ├── CrmUnavailable       5xx, time-outs, resets, HTML where JSON was due, after all short retries
    │   ├── AnswerLost           the request may have been applied: the outcome is unknown
    │   └── ConnectionBusy       another process is the writer of this connection
    ├── RequestRefused           the CRM refused this request for good (4xx with a reason)
    │   └── RecordGone           the record does not exist there (any more)
    ├── ImplausibleWalk          a walk ended where the data cannot end: nothing was deleted, walk again
    └── Unreadable               one payload cannot be normalized: it goes to quarantine

Errors never carry a secret: whoever talks to a CRM raises them `from None` with a redacted message.
What belongs here: classes, their default sentence, what a person needs to act. No handling.
"""

from datetime import datetime


class CrmPipelineError(Exception):
    """Something went wrong."""

    def __init__(self, message: str | None = None, *, what_to_do: str = ""):
        doc = (type(self).__doc__ or "").strip().splitlines()[0]
        super().__init__(message or doc)
        self.what_to_do = what_to_do

    def __str__(self) -> str:
        text = super().__str__()
        return f"{text} {self.what_to_do}".strip()


class UsageError(CrmPipelineError):
    """The command or request is not understood."""


class UnknownCursor(UsageError):
    """There is no such page: the cursor is none of ours, or was given for another question."""


class UnknownApplication(UsageError):
    """Nothing is known of the integration or application that was named."""


class ConfigurationError(CrmPipelineError):
    """A setting is missing or wrong."""


class DatabaseUnavailable(CrmPipelineError):
    """Postgres does not answer."""


class ConnectionStopped(CrmPipelineError):
    """This connection needs a person before it can go on."""

    status = "broken"


class ConsentNeeded(ConnectionStopped):
    """The CRM asks for consent again: the refresh token is no longer valid."""

    status = "needs_consent"


class AccessBlocked(ConnectionStopped):
    """The CRM blocks this account or address; only its support can lift that."""

    status = "blocked"


class AccessDenied(ConnectionStopped):
    """The token's user lacks a right for this, or the account's plan does not include it."""

    status = "broken"


class HostNotAllowed(ConnectionStopped):
    """The address is neither one of the vendors' own hosts nor listed in CRM_ALLOWED_HOSTS."""

    status = "broken"


class TryLater(CrmPipelineError):
    """Not now; the next run goes on from the cursor."""


class RateLimited(TryLater):
    """The CRM's rate limit is used up."""

    def __init__(self, message: str | None = None, *, until: datetime | None = None, what_to_do: str = ""):
        super().__init__(message, what_to_do=what_to_do)
        self.until = until


class CrmUnavailable(TryLater):
    """The CRM does not answer properly."""


class AnswerLost(TryLater):
    """The answer was lost: the request may have been applied."""


class ConnectionBusy(TryLater):
    """Another process is syncing this connection right now."""


class RequestRefused(CrmPipelineError):
    """The CRM refused the request."""

    def __init__(
        self, message: str | None = None, *, status: int = 0, code: str = "", detail: object = None, what_to_do: str = ""
    ):
        super().__init__(message, what_to_do=what_to_do)
        self.status = status
        self.code = code
        self.detail = detail


class RecordGone(RequestRefused):
    """The record does not exist in the CRM."""


class ImplausibleWalk(CrmPipelineError):
    """The walk ended where the data cannot end; nothing was deleted."""


class Unreadable(CrmPipelineError):
    """This payload cannot be normalized."""
