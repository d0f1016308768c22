"""Who may do what over the API: role × action, one table. Whose records an agent sees is its scope, applied where they are read.

What belongs here: the table and the question. Who is calling belongs to the door.
"""

ROLES = ("admin", "operator", "agent")
SCOPES = ("all", "own")

_EVERYONE = frozenset(ROLES)
_STAFF = frozenset({"admin", "operator"})
_EDITORS = frozenset({"admin", "agent"})
_ADMIN = frozenset({"admin"})

PERMISSIONS: dict[str, frozenset[str]] = {
    "records.read": _EVERYONE,  # lists, single records, delta, snapshot; an agent of scope own sees its own
    "sync.upload": _EDITORS,  # edits made in the app
    "receipts.read": _EVERYONE,  # what became of edits; an agent sees those it sent
    "status.read": _STAFF,
    "metrics.read": _STAFF,
    "outgoing.retry": _STAFF,
    "conflicts.read": _STAFF,
    "conflicts.resolve": _STAFF,
    "connections.read": _STAFF,
    "connections.pause": _STAFF,  # and resume
    "connections.manage": _ADMIN,
    "devices.own": _EVERYONE,
    "devices.any": _ADMIN,
}


def may(role: str, action: str) -> bool:
    """Return whether a role may do something. Raises KeyError for an action that is not in the table."""
    return role in PERMISSIONS[action]


def may_hold(role: str, scope: str) -> bool:
    """Return whether a role can have a scope: only agents are held to their own records."""
    return role in ROLES and scope in SCOPES and (scope == "all" or role == "agent")
