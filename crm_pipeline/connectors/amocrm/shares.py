"""Sharing a range of time among workers so that hardly a page is read half empty. Arithmetic only; the steps are in `chains.py`.

Each piece ends with a page that is on average half empty, so a range is cut into as few as keep everybody busy, and only where
the pages read so far say that both pieces hold several.
"""

from itertools import pairwise

from crm_pipeline.connectors.amocrm.frame import OPEN
from crm_pipeline.walk import Range

WORTH_A_WORKER = 1.5
"""Pages a piece should hold at least at the beginning, when all workers wait for one."""
MOST_PIECES = 4
"""Pieces a range is cut into at once; who is idle then halves the widest."""
WORTH_HALVING = 4
"""Pages a piece should hold to be halved for one idle worker."""


def shares(asked: Range, first: int, last: int, most: int) -> tuple[Range, ...]:
    """Return what remains of a range after a full page of rows from `first` to `last`: in one piece, or, at its beginning, in
    pieces of about as many rows each, as the density there and at the range's end tells."""
    span, top = max(1, last - first), (asked.hint or {}).get("top")
    rest = Range(last, asked.high, {"on": True, "span": span})
    if top is None:
        return (rest,)
    bottom_rate, top_rate = 1 / span, 1 / max(1, top)
    pages = (asked.high - last) * (bottom_rate + top_rate) / 2
    pieces = int(min(most, MOST_PIECES, pages // WORTH_A_WORKER))
    if pieces < 2:
        return (rest,)
    cuts = [last, *(_cut(rest, bottom_rate, top_rate, part / pieces) for part in range(1, pieces)), asked.high + 1]
    return tuple(
        Range(low, until - 1, {"on": low == last, "span": round(1 / _rate_at(rest, bottom_rate, top_rate, low))})
        for low, until in pairwise(cuts)
        if until > low
    )


def halves(waiting: Range) -> tuple[Range, ...]:
    """Halve a range for an idle worker if it seems to hold pages enough for two, by the span of the page read last."""
    hint = waiting.hint or {}
    if not hint.get("span") or waiting.high == OPEN or waiting.high - waiting.low < WORTH_HALVING * hint["span"]:
        return (waiting,)
    middle = (waiting.low + waiting.high) // 2
    return Range(waiting.low, middle, hint), Range(middle + 1, waiting.high, {**hint, "on": False})


def _rate_at(whole: Range, bottom: float, top: float, second: int) -> float:
    return bottom + (top - bottom) * (second - whole.low) / max(1, whole.high - whole.low)


def _cut(whole: Range, bottom: float, top: float, share: float) -> int:
    """Return the second below which a share of the rows lies, their density growing evenly from `bottom` to `top`."""
    low, high = 0.0, 1.0
    for _ in range(32):
        middle = (low + high) / 2
        below = (bottom * middle + (top - bottom) * middle * middle / 2) / ((bottom + top) / 2)
        low, high = (middle, high) if below < share else (low, middle)
    return whole.low + round((whole.high - whole.low) * low)
