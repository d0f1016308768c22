"""Which side's value survives: the groups of fields that follow one winner, and the rules that name the winner.

A *side* is what one source record says of one group. A *group* is one field, or the parts of one thing (a name, an amount
with its currency) that must come from one source. A *rule* ranks sides and returns one of them; it never makes a value.
What belongs here: groups, rules, and the order in which ties end. Who changed what since the base belongs to
`three_way.py`; how rules are written in a file to `rules.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

LATEST, SOURCE_PRIORITY, MOST_COMPLETE = "latest", "source_priority", "most_complete"
UNION, APP_WINS, REVIEW = "union", "app_wins", "review"
RULES = (LATEST, SOURCE_PRIORITY, MOST_COMPLETE, UNION, APP_WINS, REVIEW)

ONE_VALUE = (LATEST, SOURCE_PRIORITY, MOST_COMPLETE, APP_WINS, REVIEW)
"""Rules that fit a group with one value."""
LIST_OF_WORDS = (UNION, LATEST, SOURCE_PRIORITY, APP_WINS, REVIEW)
"""Rules that fit a column holding a list (tags)."""
CHILD_SET = (UNION, SOURCE_PRIORITY)
"""Rules that fit a set kept in a child table (phones, e-mails)."""

SKEW = timedelta(seconds=2)
"""Clocks of two CRMs nearer than this say nothing about who was later."""

Value = tuple[Any, ...]
"""The values of a group's fields, in their order; JSON-able, None for empty."""


@dataclass(frozen=True, slots=True)
class Group:
    """Fields of one entity that follow one winner."""

    name: str
    fields: tuple[str, ...]
    """Golden columns; of a child set its name."""
    default: str = LATEST
    fits: tuple[str, ...] = ONE_VALUE
    """Rules that can be given."""
    point_kind: str | None = None
    """Kind in `contact_points`, of a child set."""
    derived: frozenset[str] = frozenset()
    """Fields a CRM works out from the others: they come with the winner, but differing in them alone is no difference."""

    @property
    def decisive(self) -> tuple[str, ...]:
        """Return the fields sides are compared by."""
        return tuple(name for name in self.fields if name not in self.derived)


def _one(name: str, *fields: str, default: str = LATEST, derived: tuple[str, ...] = ()) -> Group:
    return Group(name, fields or (name,), default, derived=frozenset(derived))


def _set(name: str, point_kind: str) -> Group:
    return Group(name, (name,), UNION, CHILD_SET, point_kind)


_TAGS = Group("tags", ("tags",), UNION, LIST_OF_WORDS)
_POINTS = (_set("phones", "phone"), _set("emails", "email"), _set("webs", "web"), _set("messengers", "messenger"))
_OWNER, _COMPANY = _one("owner", "owner_id"), _one("company", "company_id")
_TARGET = _one("target", "target_entity", "target_id")

GROUPS: Mapping[str, tuple[Group, ...]] = MappingProxyType({
    "users": (_one("name"), _one("email"), _one("is_active"), _one("is_admin")),
    "pipelines": (_one("name"), _one("sort"), _one("is_main"), _one("is_archived")),
    "stages": (_one("name"), _one("sort"), _one("pipeline", "pipeline_id"), _one("category"), _one("color")),
    "companies": (
        _one("name"), _one("tax_id"), _one("website"), _OWNER, _one("is_own"), _TAGS, *_POINTS,
    ),
    "contacts": (
        _one("name", "name", "first_name", "last_name", "middle_name", default=MOST_COMPLETE), _COMPANY, _OWNER,
        _one("position"), _one("birthday"), _TAGS, *_POINTS,
    ),
    "products": (_one("name"), _one("sku"), _one("price", "price", "currency"), _one("is_active")),
    "deals": (
        _one("title"), _one("money", "amount", "currency"),
        _one("stage", "pipeline_id", "stage_id", "stage_category", "closed_at", "loss_reason",
             derived=("stage_category", "closed_at")), _COMPANY, _OWNER, _TAGS,
    ),
    "tasks": (
        _one("title"), _one("body"), _one("kind"), _one("due_at"), _OWNER, _TARGET,
        _one("completion", "is_completed", "completed_at", derived=("completed_at",)),
    ),
    "communications": (
        _one("kind"), _one("direction"), _one("body", "body", "body_text", derived=("body_text",)),
        _one("happened_at"), _one("duration_seconds"),
        _one("author", "author_id"), _TARGET, _one("recording_url"),
    ),
})  # fmt: skip
"""Every golden column belongs to exactly one group. Defaults, and why:

- `latest` almost everywhere: the person who typed last knew more, and it is what both CRMs do among their own users.
- A contact's name `most_complete`: "Иван" entered from a missed call this morning must not replace "Иванов Иван Петрович".
  Equally full names go by `latest`, so a correction of a spelling is still taken.
- Tags, phones, e-mails, webs and messengers `union`: a second number is rarely instead of the first.
"""


@dataclass(frozen=True, slots=True)
class GroupRule:
    """How one group of one entity is decided."""

    rule: str = LATEST
    order: tuple[str, ...] = ()
    """Connection names, the most trusted first; those not named come after, by name."""
    ignore: frozenset[str] = frozenset()
    """Connections that do not count for this group."""
    skew: timedelta = SKEW
    places: dict[str, int] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "places", {name: place for place, name in enumerate(self.order)})


class Side(NamedTuple):
    """What one source record says of one group."""

    connection: str
    """The connection's name."""
    key: str
    """The record's external id."""
    value: Value
    changed_at: datetime | None
    """When this field last changed; None: not known, which counts as older than any known time."""
    said: bool = True
    """False: the record says nothing of it, empty and never cleared. A cleared field is said, with nothing in it."""
    is_app: bool = False
    """Whether these are edits made through the API."""
    stood: Value | None = None
    """What it said when the base was made, where that was something else than the base: saying it still is no change."""

    @property
    def label(self) -> str:
        """Return what tells this record from others of its connection: `connection:external id`."""
        return f"{self.connection}:{self.key}"


Among = Sequence[int]
"""Indexes into the sides that a rule chooses from; at least one."""

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def by_place(rule: GroupRule, sides: Sequence[Side], among: Among) -> list[int]:
    """Order sides as every tie ends: source order, then connection name, then external id."""
    places, last = rule.places, len(rule.order)
    return sorted(among, key=lambda i: (places.get(sides[i].connection, last), sides[i].connection, sides[i].key))


def first_said(rule: GroupRule, sides: Sequence[Side], among: Among) -> int:
    """Return who said it first, of sides that say the same; an unknown time is the oldest."""
    oldest = min(sides[i].changed_at or _LONG_AGO for i in among)
    return by_place(rule, sides, [i for i in among if (sides[i].changed_at or _LONG_AGO) == oldest])[0]


def latest(rule: GroupRule, sides: Sequence[Side], among: Among) -> int:
    """Return the side that changed last; within `skew` of the newest, the first in source order."""
    times = [(changed_at, i) for i in among if (changed_at := sides[i].changed_at) is not None]
    if not times:
        return by_place(rule, sides, among)[0]
    newest, winner = max(times)
    if len(times) == 1:
        return winner
    near = newest - rule.skew
    tied = [i for changed_at, i in times if changed_at >= near]
    return winner if len(tied) == 1 else by_place(rule, sides, tied)[0]


def source_priority(rule: GroupRule, sides: Sequence[Side], among: Among) -> int:
    """Return the side of the connection named first in `order`; of several, the latest."""
    places, last = rule.places, len(rule.order)
    best = min(places.get(sides[i].connection, last) for i in among)
    return latest(rule, sides, [i for i in among if places.get(sides[i].connection, last) == best])


def most_complete(rule: GroupRule, sides: Sequence[Side], among: Among) -> int:
    """Return the side with most parts filled, then most whole words in them; of several, the latest."""
    fullest = _most([(len(value) - value.count(None) - value.count(""), i) for i in among if (value := sides[i].value)])
    if len(fullest) > 1:
        fullest = _most([(_words(sides[i].value), i) for i in fullest])
    return fullest[0] if len(fullest) == 1 else latest(rule, sides, fullest)


def app_wins(rule: GroupRule, sides: Sequence[Side], among: Among) -> int:
    """Return the app's side if it is among them, else the latest."""
    return latest(rule, sides, [i for i in among if sides[i].is_app] or among)


def _most(measured: list[tuple[int, int]]) -> list[int]:
    """Return the indexes with the greatest measure."""
    most = max(measured)[0]
    return [i for measure, i in measured if measure == most]


def _words(value: Value) -> int:
    """Count whole words: initials ("И.", "И.П.") are none, and a longer spelling of a word is not a fuller one."""
    try:
        text = " ".join(filter(None, value))
    except TypeError:  # numbers: nothing to read in them
        return 0
    words = text.split()
    return len([word for word in words if word[-1] != "."]) if "." in text else len(words)


CHOOSE: Mapping[str, Callable[[GroupRule, Sequence[Side], Among], int]] = MappingProxyType({
    LATEST: latest,
    SOURCE_PRIORITY: source_priority,
    MOST_COMPLETE: most_complete,
    APP_WINS: app_wins,
    REVIEW: latest,
})  # fmt: skip
"""What each rule chooses; `union` chooses nobody, and whom `review` leaves standing is decided in `three_way.py`."""


def merged(rule: GroupRule, sides: Sequence[Side], among: Among, base: Value | None) -> Value:
    """Return the union of lists, per field, without what somebody took off since the base.

    Words come in source order, as each side lists them. With the base known a removal is a change like an addition: what
    was agreed and is missing now on a side that had it is gone, and a word outside of it counts where a side has added it. A
    side is measured by what it said when the base was made (`stood`, else the base). None counts as an empty list.
    """
    chosen = [sides[i] for i in by_place(rule, sides, among)]
    return tuple(
        _merged_lists(
            [side.value[at] or [] for side in chosen],
            None if base is None else [(base if side.stood is None else side.stood)[at] or [] for side in chosen],
            (base[at] or []) if base else [],
        )
        for at in range(len(chosen[0].value))
    )


def _merged_lists(lists: Sequence[Sequence[Any]], before: Sequence[Sequence[Any]] | None, agreed: Sequence[Any]) -> list[Any]:
    words = dict.fromkeys(word for said in lists for word in said)
    if before is None:
        return list(words)
    changes = list(zip(lists, before, strict=True))
    gone = {word for said, had in changes for word in had if word not in said and word in agreed}
    held = {*agreed, *(word for said, had in changes for word in said if word not in had)}
    return [word for word in words if word in held and word not in gone]
