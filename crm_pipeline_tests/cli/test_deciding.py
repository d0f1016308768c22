"""`match`, `conflicts`, `plan`: a person at a terminal decides what rules leave open, undoes it, and tries other rules."""

import getpass
from pathlib import Path

import pytest

from crm_pipeline.database.engine import engine_for
from crm_pipeline_tests.cli.refusal import assert_refused
from crm_pipeline_tests.operator import Operator
from crm_pipeline_tests.stages.test_conflicts import dispute, position
from crm_pipeline_tests.two_sides import TwoSides, fill

pytestmark = pytest.mark.slow


def loaded(sides: TwoSides) -> TwoSides:
    """Have two CRMs share two people, and a phone of a third with somebody of another name."""
    fill(sides.left, "left.example", 3)
    fill(sides.right, "right.example", 3)
    sides.right.put("contacts", 3, name="Виктор Орлов")
    sides.load()
    return sides


def test_a_question_is_seen_and_answered(sides: TwoSides) -> None:
    operator = loaded(sides).operator
    found = operator.ask("match", "list")
    (review,) = found["reviews"]
    assert found["open"] == {"contacts": 1}
    assert {review["record"], review["other_record"]} == {"tiny:3", "other:3"}
    assert {review["name"], review["other_name"]} == {"Ирина Зайцева", "Виктор Орлов"}
    assert review["reason"] == "contradiction" and "phone" in review["explanation"]
    assert "Виктор Орлов" in operator.do("match", "list", "--entity", "contacts", "--reason", "contradiction")
    assert operator.ask("match", "list", "--reason", "resemblance")["reviews"] == []
    assert "reviews: contacts 1 (crm-pipeline match list)" in operator.do("status")
    done = operator.ask("match", "merge", "--review", str(review["id"]), "--by", "anna", "--reason", "maiden name")
    assert [sorted(records) for records in done["now"].values()] == [["other:3", "tiny:3"]]
    (answered,) = operator.ask("match", "list", "--state", "all")["reviews"]
    assert (answered["state"], answered["decided_by"]) == ("merged", "anna")
    assert "waiting for a person" not in operator.do("status")
    assert_refused(operator.run("match", "merge", "--review", str(review["id"])), 2, "answered so by anna")
    operator.do("match", "split", "--review", str(review["id"]))
    assert ["tiny:3"] in sides.groups()
    assert sides.rows("SELECT decided_by FROM sync.match_decisions WHERE revoked_at IS NULL") == [
        {"decided_by": getpass.getuser()}
    ]


def test_records_are_merged_and_split_by_name_and_in_bulk(sides: TwoSides) -> None:
    operator = loaded(sides).operator
    before = sides.golden()
    assert "tiny:4" in operator.do("match", "merge", "tiny:4", "other:4", "--entity", "contacts")
    assert ["tiny:4", "other:4"] in sides.groups()
    operator.do("match", "split", sides.golden_id("tiny:4"))
    assert sides.golden() == before
    shown = operator.do("match", "split", "--rule", "phone", "--since", "2026-01-01", "--entity", "contacts", "--dry-run")
    assert "contacts: 2 pairs of 4 records in 2 golden records would be parted." in shown and "Анна Смирнова" in shown
    assert sides.golden() == before
    done = operator.ask("match", "split", "--rule", "phone", "--since", "2026-01-01", "--connection", "other")
    assert {entity: count["pairs"] for entity, count in done["counts"].items()} == {"companies": 1, "contacts": 2}
    assert all(len(group) == 1 for group in sides.groups())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("match merge tiny:1 nowhere:1 --entity contacts", "Known: other, tiny."),
        ("match merge tiny:1 other:99 --entity contacts", "no record other:99"),
        ("match merge tiny:1", "--entity contacts"),
        ("match merge", "--review"),
        ("match merge --review 99", "no review 99"),
        ("match split --rule guess", "email"),
        ("match split --since 2026-01-01", "--rule"),
        ("match split tiny:1 --rule phone", "--rule"),
        ("match split --rule phone --since yesterday", "2026-03-01"),
        ("match split --rule phone --connection nowhere", "Known: other, tiny."),
        ("match list --reason boredom", "resemblance"),
        ("match list --state lost", "kept_apart"),
        ("match list --entity tasks", "companies"),
        ("conflicts list --state lost", "overturned"),
        ("conflicts list --entity invoices", "contacts"),
        ("conflicts take 99 tiny", "no conflict 99"),
        ("conflicts overturn 99 tiny", "no conflict 99"),
    ],
)
def test_words_that_are_off_end_with_2(shared: Operator, words: str, told: str) -> None:
    assert_refused(shared.run(*words.split()), 2, told)


@pytest.fixture(scope="module")
def shared(module_database_url: str, encryption_key: str) -> Operator:
    """Return an operator with two connections and a few records that nobody changes."""
    engine = engine_for(module_database_url)
    with engine.begin() as db:
        for name in ("tiny", "other"):
            (number,) = db.exec_driver_sql(
                "INSERT INTO sync.connections (crm, name, base_url) VALUES ('tinycrm', %(n)s, 'https://x') RETURNING id",
                {"n": name},
            ).one()
            for entity in ("contacts", "companies"):
                record = {"c": number, "e": entity}
                db.exec_driver_sql(
                    f"INSERT INTO source.{entity} (connection_id, external_id, golden_id) VALUES (%(c)s, '1', gen_random_uuid())",
                    record,
                )
                db.exec_driver_sql(
                    "INSERT INTO crm.crosswalk (golden_id, entity, connection_id, external_id, rule) "
                    "VALUES (gen_random_uuid(), %(e)s, %(c)s, '1', 'identity')",
                    record,
                )
        db.exec_driver_sql(
            """INSERT INTO sync.match_reviews (entity, connection_id, external_id, other_connection_id, other_external_id, rule,
                   reason, explanation)
               VALUES ('contacts', 1, '1', 2, '1', 'phone', 'contradiction', 'same phone, names differ')"""
        )
        db.exec_driver_sql(
            """INSERT INTO sync.conflicts (entity, golden_id, field, values, rule, state)
               VALUES ('contacts', gen_random_uuid(), 'name', '{}', 'review', 'open')"""
        )
        db.exec_driver_sql("UPDATE sync.connections SET status = 'paused' WHERE crm <> 'app'")
    engine.dispose()
    return Operator(module_database_url, encryption_key)


def test_doctor_says_what_waits_for_a_person(shared: Operator) -> None:
    found = {one["check"]: one for one in shared.ask("doctor")["findings"]}
    assert (found["match"]["state"], found["match"]["what_to_do"]) == ("note", "crm-pipeline match list")
    assert found["match"]["finding"] == "1 pairs may be one: contacts 1"
    assert found["conflicts"]["finding"] == "1 conflicts are open: contacts 1"


def test_conflicts_are_seen_and_overturned(sides: TwoSides) -> None:
    conflict = dispute(sides)
    (shown,) = sides.operator.ask("conflicts", "list")["conflicts"]
    assert (shown["id"], shown["name"], shown["field"], shown["chosen"]) == (conflict["id"], "Анна Смирнова", "position", "other")
    assert {side: told["value"] for side, told in shown["values"].items()} == {
        "tiny": {"position": "head"},
        "other": {"position": "chief"},
    }
    assert sides.operator.ask("conflicts", "list", "--state", "open")["conflicts"] == []
    table = sides.operator.do("conflicts", "list", "--entity", "contacts")
    assert "head" in table and "chief" in table and "stands" in table
    number = str(conflict["id"])
    assert_refused(sides.operator.run("conflicts", "overturn", number, "nobody"), 2, "Its sides: other, tiny.")
    assert_refused(sides.operator.run("conflicts", "take", number, "tiny"), 2, "conflicts overturn")
    assert "tiny stands instead of other" in sides.operator.do("conflicts", "overturn", number, "tiny", "--by", "anna")
    assert position(sides) == ("head", "person")


def test_a_plan_is_shown_with_its_exit_code(sides: TwoSides, tmp_path: Path) -> None:
    operator = loaded(sides).operator
    rules, same, bad = tmp_path / "rules.yaml", tmp_path / "same.yaml", tmp_path / "bad.yaml"
    rules.write_text("matching: {stop_addresses: ['+79161234501']}\n")
    same.write_text("{}\n")
    bad.write_text("fields: {contacts: {positon: latest}}\n")
    before = sides.golden()
    done = operator.run("plan", "--rules", str(rules))
    assert done.returncode == 2, done.stderr
    assert "phone" in done.stdout and "removed" in done.stdout and f"CRM_RULES_FILE to {rules}" in done.stdout
    told = operator.run("plan", "--rules", str(rules), "--json")
    assert told.returncode == 2 and '"would_change": true' in told.stdout
    assert operator.run("plan", "--rules", str(rules), "--entity", "products").returncode == 0
    assert "Nothing would change" in operator.do("plan", "--rules", str(same))
    assert operator.ask("plan", "--rules", str(same))["would_change"] is False
    for wrong, said in ((bad, "did you mean position?"), (tmp_path / "none.yaml", "cannot be read")):
        refused = operator.run("plan", "--rules", str(wrong))
        assert (refused.returncode, said in refused.stderr) == (1, True), refused.stderr
    assert_refused(operator.run("plan", "--rules", str(same), "--entity", "invoices"), 1, "contacts")
    assert "No connection is two-way" in operator.do("plan")
    assert operator.run("plan", "--nonsense").returncode == 2, "the words are off"
    assert sides.golden() == before


def test_reconcile_counts_what_matching_did(sides: TwoSides) -> None:
    fill(sides.left, "left.example", 3)
    fill(sides.right, "right.example", 3)
    sides.right.put("contacts", 3, name="Виктор Орлов")
    sides.load()
    with sides.parts.engine.begin() as db:
        for table in ("contacts", "companies", "crosswalk", "contact_points"):
            db.exec_driver_sql(f"DELETE FROM crm.{table}")
        db.exec_driver_sql("DELETE FROM sync.match_reviews")
    table = sides.operator.do("reconcile", "--full")
    for column in ("matched", "parted", "merged", "reviews", "conflicts"):
        assert column in table
    with sides.parts.engine.begin() as db:
        db.exec_driver_sql("DELETE FROM crm.crosswalk")
    done = sides.operator.ask("reconcile", "--full")["entities"]["contacts"]
    assert (done["matched"], done["merged"], done["conflicts"]) == (2, 0, {})
