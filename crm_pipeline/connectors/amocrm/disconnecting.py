"""The disconnect hook: an administrator switched the integration off, and amoCRM says so with a signature (facts: amocrm 1.8).

What belongs here: reading it and proving it. What becomes of the connection is the stage's business.
"""

import hashlib
import hmac
from collections.abc import Mapping

from crm_pipeline.connectors import Removal, Secrets
from crm_pipeline.errors import AccessDenied
from crm_pipeline.model.cleaning import reference

REASON = "The integration was switched off in amoCRM."
_CLIENT = ("client_uuid", "client_id")
"""The vendor's sentence and its sample disagree on the name (facts: amocrm 1.8)."""


def read(query: Mapping[str, str]) -> Removal:
    """Read the parameters of a disconnect hook. Raises AccessDenied when they are none."""
    account, signature = reference(query.get("account_id")), query.get("signature", "")
    client = next((query[name] for name in _CLIENT if query.get(name)), "")
    if not account or not client or not signature:
        raise AccessDenied("These are not the parameters of a disconnect hook.")
    return Removal(account, REASON, {"client": client, "account": query["account_id"], "signature": signature})


def is_genuine(told: Removal, secrets: Secrets) -> bool:
    """Return whether the integration's secret made the signature: hex HMAC-SHA256 of `client|account` (facts: amocrm 1.8)."""
    secret, client = str(secrets.get("client_secret") or ""), str(secrets.get("client_id") or "")
    if not secret or client != told.proof["client"]:
        return False
    made = hmac.new(secret.encode(), f"{client}|{told.proof['account']}".encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(made.encode(), told.proof["signature"].lower().encode("utf-8", "replace"))
