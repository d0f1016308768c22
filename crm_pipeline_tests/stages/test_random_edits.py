"""Whatever people edit, delete, merge and part in six accounts: the incremental path and a rebuild come to the same."""

from datetime import timedelta
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from crm_pipeline.errors import UsageError
from crm_pipeline.stages.decisions import Asked, Decider, merge, split
from crm_pipeline.stages.reconcile import reconcile
from crm_pipeline_tests.stages.ledger import ACCOUNTS, START, Ledger, empty

TABLES = (
    "crm.contacts",
    "crm.contact_points",
    "crm.crosswalk",
    "crm.golden_redirects",
    "sync.conflicts",
    "sync.bases",
    "sync.match_reviews",
)
STATE = (
    "sync.match_decisions", "sync.reconcile_queue", "sync.golden_queue", "sync.suggestion_queue", "sync.resemblance_blocks",
    "sync.match_keys", "source.contacts", "source.contact_points", "source.field_changes", "sync.audit_log",
)  # fmt: skip

REFS = st.tuples(st.sampled_from(ACCOUNTS), st.sampled_from(["1", "2", "3"]))
NAMES = st.sampled_from(["Иван Петров", "Ivan Petrov", "Пётр Иванов", "Мария Петрова", "Иван"])
PHONES = st.sampled_from([None, "+79161110001", "+79161110002", "+79161110003"])
EMAILS = st.sampled_from([None, "a@firm.ru", "b@firm.ru"])
PUT = st.fixed_dictionaries({}, optional={
    "name": NAMES, "phone": PHONES, "email": EMAILS, "position": st.sampled_from([None, "CTO", "CEO"]),
    "tags": st.sampled_from([[], ["vip"], ["old", "vip"]]),
})  # fmt: skip
STEPS = st.one_of(
    st.tuples(st.just("put"), REFS, PUT), st.tuples(st.just("put"), REFS, PUT), st.tuples(st.just("put"), REFS, PUT),
    st.tuples(st.just("delete"), REFS), st.tuples(st.just("reconcile")), st.tuples(st.just("reconcile")),
)  # fmt: skip
DECISIONS = st.tuples(st.sampled_from(["merge", "split"]), REFS, REFS)


def fresh(engine: Engine) -> Ledger:
    """Return six empty accounts, whatever the example before left."""
    with engine.begin() as db:
        empty(db, (*TABLES, *STATE))
        db.exec_driver_sql("DELETE FROM sync.connections WHERE crm <> 'app'")
    ledger = Ledger(engine)
    ledger.open_accounts()
    return ledger


def play(ledger: Ledger, script: list[Any]) -> None:
    """Do what a script says; a decision about records that are not there is refused, as a person would be."""
    for step in script:
        match step:
            case ("put", ref, values):
                ledger.put(ref, **values)
            case ("delete", ref):
                ledger.delete(ref)
            case ("reconcile",):
                reconcile(ledger, ["contacts"])
            case (verdict, one, other):
                decide(ledger, verdict, ":".join(one), ":".join(other))
    reconcile(ledger, ["contacts"])


def decide(ledger: Ledger, verdict: str, one: str, other: str) -> None:
    """Have a person decide."""
    reconcile(ledger, ["contacts"])
    try:
        if verdict == "merge":
            merge(ledger, Asked([one, other], entity="contacts"), Decider("anna"))
        else:
            split(ledger, Asked([one], entity="contacts"), Decider("anna"))
    except UsageError:
        return


def state(engine: Engine) -> dict[str, list[str]]:
    """Return all that reconciling writes."""
    with engine.connect() as db:
        return {
            table: sorted(str(row[0]) for row in db.exec_driver_sql(f"SELECT to_jsonb(t) FROM {table} t")) for table in TABLES
        }


def groups(engine: Engine) -> set[frozenset[tuple[str, str]]]:
    """Return which living contacts are one."""
    with engine.connect() as db:
        found = db.exec_driver_sql(
            "SELECT array_agg(c.name || ' ' || x.external_id) FROM crm.crosswalk x"
            " JOIN sync.connections c ON c.id = x.connection_id"
            " JOIN source.contacts s ON s.connection_id = x.connection_id AND s.external_id = x.external_id"
            " WHERE s.deleted_at IS NULL GROUP BY x.golden_id"
        )
        return {frozenset((ref.split()[0], ref.split()[1]) for ref in row[0]) for row in found}


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(STEPS | DECISIONS, min_size=3, max_size=10))
def test_a_rebuild_changes_nothing(module_engine: Engine, script: list[Any]) -> None:
    ledger = fresh(module_engine)
    play(ledger, script)
    incremental = state(module_engine)
    reconcile(ledger, ["contacts"], full=True)
    assert state(module_engine) == incremental


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(STEPS, min_size=3, max_size=10))
def test_contacts_are_grouped_as_the_rules_say_of_the_whole(module_engine: Engine, script: list[Any]) -> None:
    ledger = fresh(module_engine)
    play(ledger, script)
    assert groups(module_engine) == ledger.groups()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.dictionaries(REFS, PUT, min_size=2, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(module_engine: Engine, held: dict[Any, Any], random: Random) -> None:
    """One by one in any order, or all at once: the same people with the same values, each with the same account of them."""
    outcomes = []
    for order in (list(held), random.sample(list(held), len(held)), None):
        ledger = fresh(module_engine)
        for ref in order or held:
            at = START + timedelta(hours=list(held).index(ref))
            ledger.put(ref, at=at, **held[ref])
            if order:
                reconcile(ledger, ["contacts"])
        reconcile(ledger, ["contacts"])
        outcomes.append(people(module_engine))
    assert outcomes[0] == outcomes[1] == outcomes[2]


def people(engine: Engine) -> list[str]:
    """Return golden contacts by what they are, whatever their ids and however connections are numbered."""
    with engine.connect() as db:
        found = db.exec_driver_sql(
            "SELECT to_jsonb(g) - ARRAY['id', 'reconciled_at', 'changed_xid'] || jsonb_build_object('points', ("
            "  SELECT jsonb_agg(to_jsonb(p) - 'golden_id' ORDER BY p.kind, p.value)"
            "  FROM crm.contact_points p WHERE p.golden_id = g.id"
            ")) FROM crm.contacts g"
        )
        return sorted(str(row[0]) for row in found)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(STEPS, min_size=3, max_size=10))
def test_every_golden_value_is_some_sources(module_engine: Engine, script: list[Any]) -> None:
    play(fresh(module_engine), script)
    with module_engine.connect() as db:
        invented = db.exec_driver_sql(
            "SELECT g.id, g.name, g.position FROM crm.contacts g WHERE NOT EXISTS ("
            " SELECT FROM crm.crosswalk x JOIN source.contacts s USING (connection_id, external_id)"
            " WHERE x.golden_id = g.id AND s.name IS NOT DISTINCT FROM g.name) OR NOT EXISTS ("
            " SELECT FROM crm.crosswalk x JOIN source.contacts s USING (connection_id, external_id)"
            " WHERE x.golden_id = g.id AND s.position IS NOT DISTINCT FROM g.position)"
        ).all()
        empty = db.exec_driver_sql(
            "SELECT id FROM crm.contacts WHERE NOT EXISTS (SELECT FROM crm.crosswalk WHERE golden_id = id)"
        ).all()
    assert not invented
    assert not empty
