"""Users of the API: added, given another password, let in no more. Every such act is in the audit log."""

import re
from collections.abc import Sequence
from uuid import UUID

from crm_pipeline.database import audit, users
from crm_pipeline.database.passwords import hash_password
from crm_pipeline.database.refusals import Connection
from crm_pipeline.errors import UsageError
from crm_pipeline.model.passphrases import weakness
from crm_pipeline.model.permissions import ROLES, SCOPES, may_hold
from crm_pipeline.stages.parts import Parts

_NAME = re.compile(r"[^\W_][\w.@+-]{0,99}")


def require_user(username: str, role: str, scope: str) -> None:
    """Raise UsageError when a name, a role or a scope cannot be."""
    if not _NAME.fullmatch(username):
        raise UsageError(
            f"{username!r} cannot be a username.",
            what_to_do="Use letters, digits and . _ - + @, a letter or digit first.",
        )
    for value, known, option in ((role, ROLES, "--role"), (scope, SCOPES, "--scope")):
        if value not in known:
            raise UsageError(f"{option} {value} is unknown.", what_to_do=f"Use one of: {', '.join(known)}.")
    if not may_hold(role, scope):
        raise UsageError("Only an agent can have the scope own.", what_to_do="Leave --scope out, or use --role agent.")


def add_user(parts: Parts, username: str, password: str, role: str, scope: str, crm_users: Sequence[str]) -> list[UUID]:
    """Add a user. crm_users: golden ids or e-mail addresses of the CRM users it is; returns their golden ids.

    Raises UsageError when the name is taken, the password weak, or a CRM user is unknown.
    """
    require_user(username, role, scope)
    _require_strong(password, username)
    password_hash = hash_password(password)
    with parts.engine.begin() as db:
        linked = [golden_id for wanted in crm_users for golden_id in _golden(db, wanted)]
        if scope == "own" and not linked:
            raise UsageError("An agent of scope own has to be somebody in the CRMs.", what_to_do="Say who with --crm-user.")
        user_id = users.add(db, username, password_hash, role, scope)
        if user_id is None:
            raise UsageError(
                f"There is a user {username} already.", what_to_do="Choose another name, or see: crm-pipeline user list"
            )
        for golden_id in linked:
            users.link(db, user_id, golden_id)
        audit.note(db, "user.add", username, {"role": role, "scope": scope, "crm_users": [str(one) for one in linked]})
    return linked


def set_password(parts: Parts, username: str, password: str) -> None:
    """Give a user another password; every device of it has to log in again. Raises UsageError."""
    _require_strong(password, username)
    password_hash = hash_password(password)
    with parts.engine.begin() as db:
        account = _account(db, username)
        users.set_password(db, account.id, password_hash)
        users.revoke_all(db, account.id, "password")
        audit.note(db, "user.password", account.username)


def disable(parts: Parts, username: str) -> bool:
    """Let a user in no more, on no device. Returns False when it was disabled before. Raises UsageError when it is unknown."""
    with parts.engine.begin() as db:
        account = _account(db, username)
        if not users.disable(db, account.id):
            return False
        users.revoke_all(db, account.id, "disabled")
        audit.note(db, "user.disable", account.username)
    return True


def _account(db: Connection, username: str) -> users.Account:
    found = users.by_name(db, username)
    if found is None:
        raise UsageError(f"There is no user {username}.", what_to_do="See who there is with: crm-pipeline user list")
    return found


def _require_strong(password: str, username: str) -> None:
    if reason := weakness(password, username):
        raise UsageError(reason, what_to_do="Choose a longer one, such as four random words.")


def _golden(db: Connection, wanted: str) -> list[UUID]:
    found = users.golden_users(db, wanted.strip())
    if not found:
        raise UsageError(f"No CRM user has the id or e-mail address {wanted}.", what_to_do="Sync first, then look in crm.users.")
    return found
