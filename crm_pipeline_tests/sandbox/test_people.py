"""Generated people: they look right, repeat exactly, and any number of them costs no memory."""

from __future__ import annotations

import time
from collections import Counter
from itertools import islice

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.sandbox import people, words
from crm_pipeline.sandbox.generated_world import GeneratedWorld

KINDS = ("agents", "companies", "people", "products", "deals", "tasks", "talks")


@given(st.integers(0, 9_999_999), st.booleans())
def test_tax_numbers_check(index: int, alone: bool) -> None:
    digits = [int(digit) for digit in people.inn(index, alone)]
    weights = [3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8]

    def check(length: int) -> int:
        return sum(w * d for w, d in zip(weights[11 - length :], digits, strict=False)) % 11 % 10

    assert len(digits) == (12 if alone else 10)
    assert (check(10), check(11)) == (digits[10], digits[11]) if alone else check(9) == digits[9]


def test_tax_numbers_differ() -> None:
    assert len({people.inn(index, index % 6 == 0) for index in range(50_000)}) == 50_000


@given(contacts=st.integers(1, 400), seed=st.integers(0, 2**40), low=st.floats(0, 1), high=st.floats(0, 1))
def test_keys_of_any_part_run_from_one_and_point_inside(contacts: int, seed: int, low: float, high: float) -> None:
    world = GeneratedWorld(contacts, seed).part(min(low, high), max(low, high))
    counts = world.counts
    for kind in KINDS:
        assert [record.key for record in getattr(world, kind)()] == list(range(1, counts[kind] + 1)), kind
    assert all(person.company is None or 1 <= person.company <= counts["companies"] for person in world.people())
    targets = {"person": counts["people"], "company": counts["companies"], "deal": counts["deals"]}
    for record in (*world.tasks(), *world.talks()):
        assert 1 <= record.target <= targets[record.target_kind] and 1 <= record.agent <= counts["agents"]
    for deal in world.deals():
        assert all(1 <= key <= counts["people"] for key in deal.people) and deal.people
        assert deal.company is None or 1 <= deal.company <= counts["companies"]


def test_cut_blocks_have_their_share_of_companies() -> None:
    assert [GeneratedWorld(contacts, 1).counts["companies"] for contacts in (1, 4, 9, 10, 11, 100)] == [1, 2, 3, 3, 4, 30]


def test_a_deal_is_with_the_company_of_its_main_contact() -> None:
    world = GeneratedWorld(1_000, 3).part(0.2, 0.7)
    employers = {person.key: person.company for person in world.people()}
    assert all(deal.company == employers[deal.people[0]] for deal in world.deals())


def test_the_same_seed_tells_the_same_story_and_another_one_another() -> None:
    def story(seed: int) -> list[object]:
        world = GeneratedWorld(300, seed)
        return [record for kind in KINDS for record in getattr(world, kind)()]

    assert story(1) == story(1) != story(2)


def test_parts_share_people_in_other_spellings() -> None:
    whole = GeneratedWorld(2_000, 1)
    left, right = list(whole.part(0.0, 0.6).people()), list(whole.part(0.4, 1.0).people())
    shared = list(zip(left[800:], right[:400], strict=True))
    assert all((one.first, one.last, one.created) == (two.first, two.last, two.created) for one, two in shared)
    pairs = [(one.phones[0], two.phones[0]) for one, two in shared if one.phones]
    assert all(_e164(one) == _e164(two) for one, two in pairs)
    assert sum(one != two for one, two in pairs) > len(pairs) / 2


def _e164(text: str) -> str:
    return phonenumbers.format_number(phonenumbers.parse(text, "RU"), phonenumbers.PhoneNumberFormat.E164)


def test_phones_are_valid_and_spelled_in_many_ways() -> None:
    everybody = list(GeneratedWorld(2_000, 1).people())
    spelled = [phone for person in everybody for phone in person.phones]
    assert all(phonenumbers.is_valid_number(phonenumbers.parse(phone, "RU")) for phone in spelled)
    assert {phone[:2] for phone in spelled} >= {"8 ", "+7", "79", "89", "8-"}
    assert any("доб." in phone for phone in spelled)
    assert any(not person.phones for person in everybody)


def test_names_agree_in_gender() -> None:
    women = words.names(True)
    for person in islice(GeneratedWorld(500, 9).people(), 500):
        woman = person.first in women.first and person.last.endswith("а")
        assert person.last.endswith("а") == woman
        assert person.middle is None or person.middle in words.names(woman).middle


def test_proportions_and_bunching() -> None:
    world = GeneratedWorld(10_000, 1)
    rows = sum(world.counts[kind] for kind in ("people", "companies", "deals", "tasks", "talks"))
    assert 4.2 <= rows / 10_000 <= 4.5
    created = [person.created for person in world.people()]
    assert created == sorted(created)
    assert max(Counter(created).values()) >= 300
    assert max(Counter(person.updated for person in world.people()).values()) >= 300
    assert 2.9 < (created[-1] - created[0]) / (365 * 86_400) < 3.1
    hours = Counter((moment + 3 * 3600) % 86_400 // 3600 for moment in created)
    assert set(hours) <= set(range(9, 20))
    for size in (1_000, 5_800, 10_000):
        assert all(record.updated >= record.created for record in GeneratedWorld(size, 1).people())


def test_stages_make_a_funnel() -> None:
    stages = Counter(deal.stage for deal in GeneratedWorld(5_000, 1).deals())
    assert set(stages) == {"prospecting", "engaging", "won", "lost"} and min(stages.values()) > 300
    for deal in GeneratedWorld(5_000, 1).deals():
        assert (deal.closed is not None) == (deal.stage in ("won", "lost"))
        assert (deal.loss_reason is not None) == (deal.stage == "lost")


def test_some_people_were_entered_twice() -> None:
    numbers = Counter(_e164(person.phones[0]) for person in GeneratedWorld(2_000, 1).people() if person.phones)
    assert 5 < sum(count == 2 for count in numbers.values()) < 40


def test_the_last_of_a_million_is_there_at_once() -> None:
    began = time.process_time()
    world = GeneratedWorld(1_000_000, 1)
    assert world.counts["companies"] == 300_000
    assert sum(1 for _ in world.part(0.9999, 1.0).people()) == 100
    assert time.process_time() - began < 1


@pytest.mark.parametrize("kind", ["people", "deals"])
def test_a_record_costs_microseconds(kind: str) -> None:
    world = GeneratedWorld(5_000, 1)
    next(getattr(world, kind)())
    began = time.process_time()
    assert sum(1 for _ in getattr(world, kind)()) == 5_000
    assert (time.process_time() - began) / 5_000 < 100e-6
