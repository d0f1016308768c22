"""Laws of writing, over whatever values a golden record may hold: what `express` says is what is read back, and stays so."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from crm_pipeline.connectors.amocrm import CONNECTOR
from crm_pipeline.connectors.amocrm.routes import WRITABLE
from crm_pipeline.model.entities import COLUMNS
from crm_pipeline.model.records import MappingContext
from crm_pipeline.model.writing import APPLIED, POINT_SETS
from crm_pipeline_tests.connectors.amocrm.writing_stand import AmoWritingStand, amo_writing_stand
from crm_pipeline_tests.connectors.writing_contract import assert_holds, change, held, make

LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
WORDS = st.one_of(st.text(LETTERS, max_size=30), st.sampled_from(["Ким", " ООО «Ромашка»  ", "-", "0", "None", "12.50", "a\nb"]))
PHONES = st.one_of(
    st.from_regex(r"\+79[0-9]{9}", fullmatch=True), st.from_regex(r"8 \(4[0-9]{2}\) [0-9]{3}-[0-9]{2}-[0-9]{2}", fullmatch=True),
    st.sampled_from(["+12025550123", "доб. 12", "8-800-555-35-35", "+7 900 111-22-33, +7 900 111-22-44"]), WORDS,
)  # fmt: skip
EMAILS = st.one_of(st.emails(), WORDS)
WEBS = st.one_of(st.sampled_from(["Ex.org", "http://ex.org/A b", "https://EX.org/Путь?q=1", "не сайт", "x.example/"]), WORDS)
MOMENTS = st.datetimes(datetime(1971, 1, 1), datetime(2090, 1, 1), timezones=st.sampled_from([UTC, timezone(timedelta(hours=3))]))
MONEY = st.decimals(Decimal(0), Decimal(10**9), places=2)
OWNERS = st.sampled_from(["900000", "900001", None])
TAGS = st.lists(WORDS, max_size=4)
POINTS = {"phones": st.lists(PHONES, max_size=3), "emails": st.lists(EMAILS, max_size=3), "webs": st.lists(WEBS, max_size=2)}
STAGES = ["4401:440101", "4401:440102", "4401:143", "4402:142", "4402:440201"]
VALUES: Mapping[str, dict[str, st.SearchStrategy[Any]]] = {
    "companies": {
        "name": WORDS, "tax_id": st.none() | WORDS, "website": st.none() | WEBS, "owner_external_id": OWNERS, "tags": TAGS,
        **POINTS,
    },
    "contacts": {
        "name": WORDS, "first_name": st.none() | WORDS, "last_name": st.none() | WORDS, "middle_name": st.none() | WORDS,
        "owner_external_id": OWNERS, "position": st.none() | WORDS, "tags": TAGS,
        "birthday": st.none() | st.dates(date(1900, 1, 1), date(2050, 1, 1)), **POINTS,
    },
    "products": {"name": WORDS, "sku": st.none() | WORDS, "price": st.none() | MONEY, "currency": st.just("RUB")},
    "deals": {
        "title": st.none() | WORDS, "amount": st.none() | MONEY, "currency": st.just("RUB"),
        "stage_external_id": st.sampled_from(STAGES), "stage_category": st.sampled_from(["open", "won", "lost"]),
        "owner_external_id": OWNERS, "tags": TAGS, "loss_reason": st.sampled_from([None, "Дорого", "Нет бюджета", "нет такой"]),
    },
    "tasks": {
        "title": WORDS, "body": st.none() | WORDS, "kind": st.sampled_from(["call", "meeting", None]), "due_at": MOMENTS,
        "is_completed": st.booleans(), "owner_external_id": OWNERS,
    },
    "communications": {
        "kind": st.sampled_from(["note", "call", "sms"]), "direction": st.sampled_from(["in", "out", None]), "body": WORDS,
        "happened_at": MOMENTS, "duration_seconds": st.none() | st.integers(0, 10_000), "recording_url": st.none() | WEBS,
        "target_entity": st.just("contacts"), "target_external_id": st.just("10000001"),
    },
}  # fmt: skip
NEEDED = {"companies": "name", "products": "name", "tasks": "title", "contacts": "name"}
QUIET = settings(
    max_examples=5, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, phases=[Phase.generate]
)


def some(entity: str) -> st.SearchStrategy[dict[str, Any]]:
    """Return records of an entity; what amoCRM takes no record without is there."""
    needed = NEEDED.get(entity)
    return st.fixed_dictionaries(VALUES[entity]).filter(lambda one: needed is None or bool(str(one[needed]).strip()))


@pytest.fixture(scope="module")
def stand() -> Iterator[AmoWritingStand]:
    with amo_writing_stand(20) as stand:
        yield stand


@pytest.mark.parametrize("entity", VALUES)
def test_what_is_written_reads_back_as_express_said(stand: AmoWritingStand, entity: str) -> None:
    @given(st.lists(st.tuples(some(entity), some(entity)), min_size=1, max_size=12))
    @QUIET
    def written(pairs: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
        outcomes = sorted(make(stand, entity, [first for first, _ in pairs]), key=lambda one: int(one.key.rpartition("-")[2]))
        assert [(outcome.status, outcome.left_out) for outcome in outcomes] == [(APPLIED, ())] * len(pairs), outcomes
        ids = [outcome.external_id or "" for outcome in outcomes]
        _hold(stand, entity, ids, [first for first, _ in pairs])
        if "update" in WRITABLE[entity].operations:
            said = [CONNECTOR.express(entity, second, stand.context) for _, second in pairs]
            outcomes = change(stand, entity, dict(zip(ids, said, strict=True)))
            assert {outcome.status for outcome in outcomes} == {APPLIED}, outcomes
            _hold(stand, entity, ids, [second for _, second in pairs])

    written()


def _hold(stand: AmoWritingStand, entity: str, ids: list[str], values: list[dict[str, Any]]) -> None:
    current = stand.current(entity, ids)
    for key, one in zip(ids, values, strict=True):
        (source,) = CONNECTOR.normalize(current[key], stand.context)
        assert_holds(source, CONNECTOR.express(entity, one, stand.context))


ANYTHING = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), WORDS, MOMENTS, MONEY, st.dates())
FACTS = st.fixed_dictionaries({}, optional={
    "minor_units": st.booleans(), "name_order": st.sampled_from([1, 2]), "task_types": st.just({"2801": "Письмо", "2802": ""}),
    "loss_reasons": st.just({"88": "Дорого"}),
    "held": st.just({"companies": {"webs": "203", "website": "203"}, "contacts": {"webs": "1", "birthday": "2"}}),
})  # fmt: skip


@pytest.mark.parametrize("entity", VALUES)
def test_expressing_twice_changes_nothing_whatever_it_is_given(entity: str) -> None:
    lists = st.lists(st.one_of(WORDS, PHONES, EMAILS, WEBS), max_size=4)
    names = {**dict.fromkeys(COLUMNS[entity], ANYTHING), **dict.fromkeys((*POINT_SETS, "tags"), lists)}
    likely = {name: either | names.get(name, either) for name, either in VALUES[entity].items()}
    odd = st.fixed_dictionaries({}, optional={**names, **likely})

    @given(odd, FACTS)
    @settings(max_examples=60, deadline=None)
    def expressed(values: dict[str, Any], facts: dict[str, Any]) -> None:
        context = MappingContext(1, facts=facts, stages={"4401:142": "won"})
        once = CONNECTOR.express(entity, values, context)
        assert CONNECTOR.express(entity, once, context) == once
        assert set(once) <= WRITABLE[entity].columns

    expressed()


@given(
    st.lists(st.tuples(PHONES, st.sampled_from(["MOB", "WORK", "HOME"])), max_size=5),
    st.lists(PHONES, max_size=4), st.sets(st.integers(0, 4)),
)  # fmt: skip
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, phases=[Phase.generate])
def test_what_stays_of_a_list_stays_as_it_was_written(
    stand: AmoWritingStand, typed: list[tuple[str, str]], added: list[str], dropped: set[int]
) -> None:
    """People's own spellings and labels survive; a number is never there twice because of us."""
    typed = [(value, label) for value, label in typed if value.strip()]
    values = [{"value": value, "enum_code": label} for value, label in typed]
    row = {"name": "Номера", "custom_fields_values": [{"field_id": 102, "values": values}] if values else None}
    (number,) = stand.do({"kind": "contacts", "create": row})
    key = str(number)
    (before,) = CONNECTOR.normalize(stand.current("contacts", [key])[key], stand.context)
    wanted = [one for n, one in enumerate(held(before)["phones"]) if n not in dropped] + added
    said = CONNECTOR.express("contacts", {"phones": wanted}, stand.context)
    (outcome,) = change(stand, "contacts", {key: said})
    assert outcome.status == APPLIED
    record = stand.current("contacts", [key])[key]
    (after,) = CONNECTOR.normalize(record, stand.context)
    assert sorted(held(after)["phones"]) == sorted(said["phones"])
    fields = [one for one in (record.payload or {})["custom_fields_values"] or () if one["field_code"] == "PHONE"]
    now = [(value["value"], value["enum_code"]) for one in fields for value in one["values"]]
    kept = {point["original"] for point in before.children["contact_points"] if point["value"] in said["phones"]}
    assert kept <= {value for value, _ in now}
    assert {pair for pair in typed if pair[0].strip() in kept} <= {(value, label) for value, label in now}
