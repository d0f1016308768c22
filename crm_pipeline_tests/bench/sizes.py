"""How much of everything is measured. Nothing here knows how."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    """Contacts in the stand-ins; every contact comes with 3.3 other rows."""

    amocrm_paced: int
    """At 7 requests a second a load of a minute or more."""
    bitrix24_paced: int
    """At 2 requests a second, after a burst of 50, a load of a minute or more."""
    unthrottled: int
    growth: tuple[int, ...]
    changed: int
    latency_ms: int
    people: int
    """Labelled people in three connections, on whom the quality of matching is measured."""
    records: int
    """Labelled contacts in two connections, on which its time and memory are measured."""
    seeds: tuple[int, ...]
    """Ways in which the published people are spread over three connections."""
    queued: int
    """Changes in the outgoing queue."""
    drained: Mapping[str, int]
    """CRM → changes drained under its limits: a minute or more."""
    drained_beside: int
    """Changes drained while people edit."""
    edit_seconds: float
    """Between two edits of theirs."""
    served: int
    """Golden contacts behind the API; with them come 0.7 times as many other records."""
    changed_served: int
    """Of them changed, for a client that follows."""
    load_seconds: float
    """Of open-loop load on the API."""


FULL = Sizes(
    17_500,
    3_000,
    10_000,
    (10_000, 100_000, 300_000),
    100,
    300,
    20_000,
    1_000_000,
    (1, 2, 3),
    100_000,
    {"amocrm": 20_000, "bitrix24": 12_000},
    50_000,
    3,
    1_000_000,
    200_000,
    60,
)
QUICK = Sizes(
    1_500, 300, 1_000, (500, 2_000, 4_000), 20, 100, 300, 3_000, (1,), 5_000, {"amocrm": 1_500, "bitrix24": 2_000}, 500, 1,
    10_000, 2_000, 5,
)  # fmt: skip
