"""The inverse of what was applied: back to where it was, and nothing of anybody else is touched."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.model.undoing import (
    BETWEEN,
    CREATED,
    NOTHING,
    REASONS,
    REMOVED,
    UNDONE,
    UNKNOWN,
    Applied,
    Inverse,
    Left,
    inverses,
)

FIELDS = st.sampled_from(["title", "owner", "amount"])
VALUES = st.sampled_from([None, "a", "b", "c"])
OURS = st.tuples(st.just("ours"), st.dictionaries(FIELDS, VALUES, min_size=1))
THEIRS = st.tuples(st.just("theirs"), st.dictionaries(FIELDS, VALUES, min_size=1))


def update(number: int, **moves: tuple[Any, Any]) -> Applied:
    """Return an applied update, each field as (overwrote, written)."""
    written = {name: new for name, (_, new) in moves.items()}
    return Applied(number, "update", written, written, {name: old for name, (old, _) in moves.items()})


def play(record: dict[str, Any], steps: list[Any]) -> list[Applied]:
    """Let a record be written to, by us and by others; return what we did, the newest first."""
    done = []
    for number, (who, values) in enumerate(steps, 1):
        new = {name: value for name, value in values.items() if record[name] != value}
        if who == "ours" and new:
            done.append(Applied(number, "update", new, new, {name: record[name] for name in new}))
        record |= values
    return done[::-1]


def undo(record: dict[str, Any], found: list[Inverse | Left]) -> None:
    """Make the inverses as draining does: only where the record holds all that is required."""
    for one in found:
        if isinstance(one, Inverse) and all(record[name] == value for name, value in (one.requires or {}).items()):
            record |= one.fields


def start() -> dict[str, Any]:
    return dict.fromkeys(("title", "owner", "amount"), "a")


@given(st.lists(OURS, max_size=6))
def test_undoing_everything_goes_back_to_the_beginning(steps: list[Any]) -> None:
    record = start()
    undo(record, inverses(play(record, steps)))
    assert record == start()


@given(st.lists(st.one_of(OURS, THEIRS), max_size=8), st.sets(st.integers(1, 8)))
def test_what_somebody_else_wrote_last_stays(steps: list[Any], chosen: set[int]) -> None:
    record = start()
    done = [change for change in play(record, steps) if change.id in chosen]
    before, last = dict(record), {}
    for who, values in steps:
        last |= dict.fromkeys(values, who)
    undo(record, inverses(done))
    theirs = [name for name, who in last.items() if who == "theirs" and not any(name in change.written for change in done)]
    assert {name: record[name] for name in theirs} == {name: before[name] for name in theirs}
    held = {name: {change.overwrote[name] for change in done if name in (change.overwrote or {})} for name in record}
    assert all(record[name] == before[name] or record[name] in held[name] for name in record)


@given(st.lists(st.one_of(OURS, THEIRS), max_size=8))
def test_every_change_is_undone_once_or_has_a_reason(steps: list[Any]) -> None:
    done = play(start(), steps)
    found = inverses(done)
    told = [number for one in found if isinstance(one, Inverse) for number in one.undoes]
    told += [one.id for one in found if isinstance(one, Left)]
    assert set(told) == {change.id for change in done}
    assert all(one.reason in REASONS for one in found if isinstance(one, Left))
    owners = [one.of for one in found if isinstance(one, Inverse)]
    assert owners == sorted(owners, reverse=True) and len(set(owners)) == len(owners)


def test_writes_that_follow_one_another_become_one_inverse() -> None:
    (inverse,) = inverses([update(2, title=("b", "c")), update(1, title=("a", "b"))])
    assert inverse == Inverse(2, "update", {"title": "a"}, {"title": "c"}, (2, 1))


def test_what_only_the_older_wrote_stays_its_own() -> None:
    newer, older = inverses([update(2, title=("b", "c")), update(1, title=("a", "b"), owner=("1", "2"))])
    assert newer == Inverse(2, "update", {"title": "a"}, {"title": "c"}, (2, 1))
    assert older == Inverse(1, "update", {"owner": "1"}, {"owner": "2"}, (1,))


def test_what_somebody_wrote_in_between_is_gone_back_to_and_no_further() -> None:
    found = inverses([update(2, title=("x", "c")), update(1, title=("a", "b"), owner=("1", "2"))])
    assert found == [
        Inverse(2, "update", {"title": "x"}, {"title": "c"}, (2,)),
        Left(1, BETWEEN, ("title",)),
        Inverse(1, "update", {"owner": "1"}, {"owner": "2"}, (1,)),
    ]


def test_what_went_back_by_itself_needs_nothing() -> None:
    assert inverses([update(2, title=("b", "a")), update(1, title=("a", "b"))]) == [Left(2, NOTHING), Left(1, NOTHING)]


def test_lists_are_the_same_in_any_order() -> None:
    newer, older = update(2, tags=(["y", "x"], ["z"])), update(1, tags=([], ["x", "y"]))
    assert inverses([newer, older]) == [Inverse(2, "update", {"tags": []}, {"tags": ["z"]}, (2, 1))]


def test_what_cannot_be_undone_says_why() -> None:
    made = Applied(1, "create", {}, {"title": "a"}, {})
    lost = Applied(2, "update", {}, {"title": "b"}, None)
    before = Applied(3, "update", {}, {"title": "c"}, {"title": "b"}, is_undone=True)
    along = Applied(4, "update", {}, {"title": "d"}, {"title": "c"}, undone_fields=frozenset({"title"}))
    away = Applied(5, "update", {}, {"title": "e"}, {"title": "d"}, is_removed=True)
    assert inverses([away, along, before, lost, made]) == [
        Left(5, REMOVED), Left(4, UNDONE), Left(3, UNDONE), Left(2, UNKNOWN), Left(1, CREATED)
    ]  # fmt: skip


def test_tasks_and_links_get_the_opposite() -> None:
    done = Applied(3, "complete", {}, {"is_completed": True}, {"is_completed": False})
    linked = Applied(2, "link", {"contacts": ["c"]}, {}, {})
    parted = Applied(1, "unlink", {"contacts": ["d", "e"]}, {"contacts": ["d"]}, {})
    lost = Applied(0, "link", {"contacts": ["f"]}, {"contacts": ["f"]}, None)
    assert inverses([done, linked, parted, lost]) == [
        Inverse(3, "reopen", {"is_completed": False}, {"is_completed": True}, (3,)),
        Inverse(2, "unlink", {"contacts": ["c"]}, None, (2,)),
        Inverse(1, "link", {"contacts": ["d"]}, None, (1,)),
        Left(0, UNKNOWN),
    ]
