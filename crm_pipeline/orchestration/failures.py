"""What our errors look like in Dagster: a Failure with what to do, retried only where trying again can help.

Failures are raised `from None`: a chained exception would carry URLs and payloads into the event log.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import dagster as dg

from crm_pipeline import errors

Value = TypeVar("Value")

RETRY = dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL)
"""For steps that talk to a CRM; the next due sync goes on from the cursor anyway, so this only bridges a short gap."""

WORTH_ANOTHER_TRY: dict[type[errors.CrmPipelineError], bool] = {
    errors.RateLimited: False,  # `until` is further away than a retry
    errors.TryLater: True,
    errors.DatabaseUnavailable: True,
    errors.ImplausibleWalk: False,
    errors.CrmPipelineError: False,
}
"""Looked up along the class's own line of ancestors."""

STOPS_THE_RUN = (errors.ConnectionStopped, errors.TryLater, errors.DatabaseUnavailable, errors.ConfigurationError)
"""After one of these the remaining entities of a connection are not tried: they would meet the same wall."""

NEXT_STEP: dict[type[errors.CrmPipelineError], str] = {
    errors.ConsentNeeded: "Authorise it again: crm-pipeline connect.",
    errors.ConnectionStopped: "Put it right, then: crm-pipeline connections resume NAME.",
    errors.ConnectionBusy: "Wait for the run that is syncing it.",
    errors.TryLater: "Nothing: the next run goes on where this one stopped.",
    errors.ImplausibleWalk: "Look at the CRM; when its data is right, run the job verify.",
    errors.CrmPipelineError: "Read the message, put it right, and re-execute from failure.",
}
"""What to do when the error itself does not say."""


def to_failure(error: errors.CrmPipelineError, after: str | None = None, **where: str) -> dg.Failure:
    """Return the Failure for one of our errors.

    where: connection, entity and the like; after: the step that met the error, when this one was not even tried.
    """
    what_to_do = error.what_to_do or _along_ancestors(NEXT_STEP, error)
    untried = f"not tried after {after} failed: " if after else ""
    message = f"{untried}{error.args[0] if error.args else error} {what_to_do}"
    return dg.Failure(
        description=": ".join(filter(None, ["/".join(where.values()), message])),
        metadata={"what_to_do": what_to_do, "error": type(error).__name__, **where},
        allow_retries=_along_ancestors(WORTH_ANOTHER_TRY, error),
    )


@contextmanager
def failing_in_words(**where: str) -> Iterator[None]:
    """Turn our errors into Failures with nothing chained."""
    try:
        yield
    except errors.CrmPipelineError as error:
        raise to_failure(error, **where) from None


def _along_ancestors(table: dict[type[errors.CrmPipelineError], Value], error: errors.CrmPipelineError) -> Value:
    return next(table[kind] for kind in type(error).__mro__ if kind in table)
