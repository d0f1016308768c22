"""Pairs settled in one statement come out as the stage would have decided them, to the last word of their account."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from crm_pipeline.database import pairs
from crm_pipeline.database.landing import Landing, speller
from crm_pipeline.model.records import SourceRecord
from crm_pipeline.model.rules import Rules, default_fields
from crm_pipeline.model.survivorship import APP_WINS, LATEST, MOST_COMPLETE, REVIEW, SOURCE_PRIORITY, UNION
from crm_pipeline.stages.reconcile import reconcile
from crm_pipeline_tests.stages.ledger import ACCOUNTS, START, Ledger
from crm_pipeline_tests.stages.test_random_edits import fresh

WRITTEN = ("crm.companies", "crm.contacts", "crm.contact_points", "crm.contact_companies", "sync.conflicts", "sync.bases")
"""Tables that rebuilding golden records writes."""
MORE = ("source.companies", "source.contact_companies", "crm.companies", "crm.contact_companies", "sync.missing_references")
"""What is emptied beside what `fresh` empties."""
EACH = 30
"""Pairs of an example."""

WORDS = st.sampled_from(
    [None, None, "", "Иван", "Иванов", "И. И.", "И.И. Иванов", "Иванов\u2003Иван \t Петрович", 'O"Neil\\', "a b. c"]
)
TIMES = st.sampled_from([None, 0, 1, 1.25, 2, 2.000001, 3600])
SIDE = st.fixed_dictionaries({
    "name": WORDS, "first_name": WORDS, "last_name": WORDS, "middle_name": WORDS, "position": WORDS,
    "birthday": st.sampled_from([None, "1990-01-31", "1991-02-28"]),
    "company_external_id": st.sampled_from([None, "1", "2", "9"]),
    "tags": st.lists(st.sampled_from(["vip", "старый", 'a "b"']), unique=True, max_size=3), "at": TIMES,
    "points": st.lists(st.tuples(st.sampled_from(["phone", "email"]), st.sampled_from("123"), st.booleans()), max_size=3,
                       unique_by=lambda one: one[:2]),
    "custom": st.sampled_from([{}, {"size": {"value": "XL"}}]),
})  # fmt: skip
RULES = st.fixed_dictionaries({
    "name": st.sampled_from([MOST_COMPLETE, LATEST]), "position": st.sampled_from([LATEST, MOST_COMPLETE]),
    "tags": st.sampled_from([UNION, LATEST]),
})  # fmt: skip


def ruled(order: tuple[str, ...] = (), **of_contacts: str) -> Rules:
    """Return rules with these for contacts. `order`: of each field, but not of the whole."""
    fields = default_fields(order)
    chosen = {name: replace(fields["contacts"][name], rule=rule) for name, rule in of_contacts.items()}
    return Rules(fields={**fields, "contacts": {**fields["contacts"], **chosen}})


def land(ledger: Ledger, sides: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    """Land pairs of contacts who share a phone, each in two accounts; `at` None: of one that never said when it changed."""
    for number, account in enumerate(ACCOUNTS[:2]):
        for company in ("1", "2"):
            ledger.land("companies", (account, company), name=f"{account} {company}")
        records = [contact(str(place), pair[number]) for place, pair in enumerate(sides)]
        undated = [str(place) for place, pair in enumerate(sides) if pair[number]["at"] is None]
        landing, spell = Landing(ledger.ids[account]), speller(ledger.ids[account], "contacts").spell
        with ledger.engine.begin() as db:
            landing.save_changed(db, "contacts", [spell(record) for record in records])
            db.exec_driver_sql(
                "UPDATE source.contacts SET first_updated_at = NULL, remote_updated_at = NULL"
                " WHERE connection_id = %s AND external_id = ANY(%s)", (ledger.ids[account], undated),
            )  # fmt: skip


def contact(number: str, side: dict[str, Any]) -> SourceRecord:
    """Return one side as a record; `at`: seconds after the start at which it says to have changed."""
    values = dict(side)
    at, points, custom = values.pop("at"), values.pop("points"), values.pop("custom")
    rows = [{"kind": kind, "value": f"{kind}{value}{number}", "is_primary": first} for kind, value, first in points]
    rows.append({"kind": "phone", "value": f"+791600000{number:>02}", "is_primary": False})
    company = values["company_external_id"]
    children = {
        "contact_points": tuple({"original": row["value"], "position": place, **row} for place, row in enumerate(rows)),
        "contact_companies": ({"company_external_id": company, "is_primary": True},) if company else (),
    }
    return SourceRecord("contacts", number, values, START, START + timedelta(seconds=at or 0), custom, children)


def rebuilt(ledger: Ledger, rules: Rules) -> dict[str, list[str]]:
    """Return what rebuilding all golden records by these rules writes, from nothing."""
    with ledger.engine.begin() as db:
        db.exec_driver_sql(f"TRUNCATE {', '.join((*WRITTEN, 'sync.missing_references', 'sync.suggestion_queue'))}")
    ledger.rules = rules
    reconcile(ledger, ["companies", "contacts"], full=True)
    return {
        table: sorted(str(row[0]) for row in ledger.rows(
            f"SELECT (to_jsonb(t) - ARRAY['reconciled_at', 'changed_xid'])::text FROM {table} t"
        )) for table in WRITTEN
    }  # fmt: skip


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(SIDE, SIDE), min_size=EACH, max_size=EACH), RULES)
def test_a_pair_is_settled_as_the_stage_would(module_engine: Engine, sides: list[Any], rules: dict[str, str]) -> None:
    with module_engine.begin() as db:
        db.exec_driver_sql(f"TRUNCATE {', '.join(MORE)}")
    ledger = fresh(module_engine)
    land(ledger, sides)
    at_once, by_stage = ruled(**rules), ruled(order=tuple(sorted(ACCOUNTS)), **rules)
    assert pairs.rules_of("contacts", at_once) is not None
    assert pairs.rules_of("contacts", by_stage) is None, "the same rules, said so that only the stage can follow them"
    assert rebuilt(ledger, at_once) == rebuilt(ledger, by_stage)


@pytest.mark.parametrize(
    ("entity", "chosen"),
    [
        ("contacts", {"position": REVIEW}),
        ("contacts", {"owner": APP_WINS}),
        ("contacts", {"name": SOURCE_PRIORITY}),
        ("contacts", {"phones": SOURCE_PRIORITY}),
        ("contacts", {"birthday": MOST_COMPLETE}),
        ("deals", {}),
        ("tasks", {}),
    ],
)
def test_what_sql_cannot_follow_is_the_stages(entity: str, chosen: dict[str, str]) -> None:
    assert pairs.rules_of(entity, ruled(**chosen)) is None
