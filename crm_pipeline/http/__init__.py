"""One HTTP session for all CRMs: hosts, redirects, time-outs, the rate budget, short retries, status → our errors.

Knows no CRM: a connector hands over a `classify` function (a table of its own) that turns an answer into a verdict.
Long waits do not belong here: they are raised as `RateLimited(until)`.

| file | knows |
| --- | --- |
| `answers.py` | what came back and what a connector makes of it: `Answer`, `Verdict`, `Classify`, `TokenRefused` |
| `budget.py` | whose turn it is: `Meter`, `Budget` (Postgres implements it in `database/`), `LocalBudget` for tests and tools |
| `hosts.py` | which addresses may be contacted: `HostPolicy` |
| `redaction.py` | what must never be read in a message or a log: `Redactor` |
| `transport.py` | one exchange over the wire, redirects followed by hand |
| `wire.py` | connections that say when a request has really been sent |
| `session.py` | `Session`: slot, exchange, verdict, again or enough |
"""

from crm_pipeline.http.answers import Answer, Classify, TokenRefused, Verdict
from crm_pipeline.http.budget import Budget, LocalBudget, Meter
from crm_pipeline.http.hosts import HostPolicy
from crm_pipeline.http.redaction import Redactor
from crm_pipeline.http.session import Patience, Session

__all__ = [
    "Answer",
    "Budget",
    "Classify",
    "HostPolicy",
    "LocalBudget",
    "Meter",
    "Patience",
    "Redactor",
    "Session",
    "TokenRefused",
    "Verdict",
]
