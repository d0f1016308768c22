"""The store: rows come back as written, deep pages equal a plain list, states and counts follow every write."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_pipeline.sandbox.store import PROBE, Store


@pytest.fixture(params=[False, True], ids=["memory", "file"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    store = Store(big=request.param)
    yield store
    store.close()


def rows(n: int, step: int = 7919) -> Iterator[tuple[int, int, int, str, str]]:
    for id in range(1, n + 1):
        yield id, id, id * step % 1_000, f"p{id % 3}", orjson.dumps({"id": id, "x": id % 10}).decode()


def test_a_row_comes_back(store: Store) -> None:
    store.put("contact", {"id": 5, "name": "Щукин"}, id=5, created=1, updated=2, parent="deal:1")
    assert store.get("contact", 5) == {"id": 5, "name": "Щукин"}
    assert store.times("contact", 5) == (1, 2)
    assert store.select("contact", "parent = ?", ["deal:1"]) == [(5, '{"id":5,"name":"Щукин"}')]
    assert store.get("contact", 6) is None and store.state("contact", 6) is None


def test_deleted_rows_are_hidden_but_known(store: Store) -> None:
    store.put_many("contact", rows(3))
    assert store.mark("contact", 2, 1, updated=77)
    assert [id for id, _ in store.select("contact")] == [1, 3]
    assert [id for id, _ in store.select("contact", deleted=1)] == [2]
    assert [id for id, _ in store.select("contact", deleted=None)] == [1, 2, 3]
    assert (store.state("contact", 2), store.count("contact"), store.count("contact", deleted=1)) == (1, 2, 1)
    assert store.times("contact", 2) == (2, 77)
    store.mark("contact", 2, 0)
    assert store.count("contact") == 3
    assert not store.mark("contact", 99, 1)


def test_ids_are_never_given_twice(store: Store) -> None:
    store.put_many("deal", rows(10))
    first = store.next_id("deal")
    assert first == 11 and store.next_id("deal") == 12
    store.put("deal", {}, id=500, created=0, updated=0)
    assert store.next_id("deal") == 501
    assert store.next_id("deal", floor=9_000) == 9_000
    assert store.next_id("task", floor=30) == 30


def test_texts_and_kinds(store: Store) -> None:
    store.put_many("deal", rows(2_000))
    assert set(store.texts("deal", list(range(1, 2_500)))) == set(range(1, 2_001))
    assert store.kinds() == {"deal": 2_000}
    assert [id for id, _ in store.walk("deal")] == list(range(1, 2_001))


def test_an_index_on_a_field_answers_the_same(store: Store) -> None:
    store.put_many("deal", rows(300))
    wanted = [id for id in range(1, 301) if id % 10 == 4]
    condition = "json_extract(body, '$.x') = ?"
    assert [id for id, _ in store.select("deal", condition, [4])] == wanted
    store.index("deal", "$.x")
    assert [id for id, _ in store.select("deal", condition, [4])] == wanted
    assert store.count("deal", condition, [4]) == len(wanted)


def test_a_kind_is_a_word(store: Store) -> None:
    with pytest.raises(ValueError, match="not a kind"):
        store.get("deal; DROP TABLE x", 1)


ORDERS = {
    "id": lambda r: r[0],
    "id DESC": lambda r: -r[0],
    "updated, id": lambda r: (r[2], r[0]),
    "updated DESC, id DESC": lambda r: (-r[2], -r[0]),
    "updated DESC, id": lambda r: (-r[2], r[0]),
    "created, id": lambda r: (r[1], r[0]),
}


@settings(max_examples=60, deadline=None)
@given(
    order=st.sampled_from(sorted(ORDERS)),
    size=st.integers(1, 60),
    since=st.sampled_from([0, 500, 990]),
    visits=st.lists(st.tuples(st.integers(0, 12), st.one_of(st.none(), st.integers(1, 400))), max_size=25),
)
def test_any_page_at_any_time_is_the_slice_of_the_list(
    order: str, size: int, since: int, visits: list[tuple[int, int | None]]
) -> None:
    """Pages are taken in any sequence, with rows changing in between: remembered positions must never show."""
    store, held = Store(), {row[0]: row for row in rows(400)}
    store.put_many("deal", held.values())
    for page, changed in visits:
        if changed is not None:
            held[changed] = (changed, held[changed][1], (held[changed][2] + 333) % 1_000, "", "{}")
            store.put_many("deal", [held[changed]])
        expected = sorted((row for row in held.values() if row[2] >= since), key=ORDERS[order])
        found = store.select("deal", "updated >= ?", [since], order, size, page * size)
        assert [id for id, _ in found] == [row[0] for row in expected[page * size : (page + 1) * size]]
        assert store.count("deal", "updated >= ?", [since]) == len(expected)
    store.close()


@pytest.mark.parametrize("since", [0, 500, 999])
@pytest.mark.parametrize(
    "condition", ["id > ? AND updated >= ?", "(updated >= ?2) AND (id > ?1)", "id > ? AND (updated >= ? OR updated < 0)"]
)
def test_keyset_pages_over_wide_and_narrow_windows(condition: str, since: int) -> None:
    store, taken, last = Store(), [], 0
    store.put_many("deal", rows(PROBE * 3))
    while page := store.select("deal", condition, [last, since], limit=50):
        taken += [id for id, _ in page]
        last = taken[-1]
    assert taken == [row[0] for row in rows(PROBE * 3) if row[2] >= since]
    store.close()
