"""What this account does not use: an empty inbox, no followers, customers off (facts: amocrm 4.13, 4.15)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .answers import EMPTY, Answer, hal, href, problem

if TYPE_CHECKING:
    from .account import Account
    from .call import Call


def list_unsorted(account: Account, call: Call) -> Answer:
    """Answer that there is nothing."""
    return EMPTY


def summary(account: Account, call: Call) -> Answer:
    """Answer the counts of the inbox."""
    counts = dict.fromkeys(("total", "accepted", "declined", "average_sort_time"), 0)
    categories = {name: {"total": 0} for name in ("sip", "mail", "forms", "chats")}
    return hal(counts | {"categories": categories, "_links": {"self": href("leads/unsorted/summary")}})


def no_customers(account: Account, call: Call) -> Answer:
    """Refuse: customers_mode is unavailable."""
    return problem(402, "Customers are not available in this account")
