"""The views that say where golden values come from and what was said when."""

from datetime import timedelta
from typing import Any

from crm_pipeline_tests.two_sides import TwoSides, fill

ORIGINS = "SELECT field, value, connection, external_id, rule, since, others FROM crm.value_origins WHERE golden_id = %s"
AT = """SELECT connection, value FROM crm.value_history
        WHERE golden_id = %s AND field = %s AND %s::timestamptz >= valid_from AND %s::timestamptz < valid_until ORDER BY 1"""


def loaded(sides: TwoSides) -> str:
    """Have two CRMs disagree about a person; return the golden id."""
    fill(sides.left, "left.example", 1)
    fill(sides.right, "right.example", 1)
    sides.left.put("contacts", 1, position="head", custom={"size": "XL"})
    sides.right.clock.advance(60)
    sides.right.put("contacts", 1, position="chief")
    sides.load()
    return sides.golden_id("tiny:1")


def test_one_query_says_where_values_come_from_and_what_the_others_say(sides: TwoSides) -> None:
    golden_id = loaded(sides)
    told = {(row["field"], row["value"]): row for row in sides.rows(ORIGINS, golden_id)}
    position = told["position", "chief"]
    assert (position["connection"], position["external_id"], position["rule"]) == ("other", "1", "latest")
    assert position["others"] == {"tiny": "head"}
    assert position["since"] == sides.right.now
    assert told["name", "Анна Смирнова"]["rule"] == "agreed"
    assert told["phone", "+79161234501"]["rule"] == "agreed"
    email = told["email", "p1@left.example"]
    assert (email["connection"], email["rule"]) == ("tiny", "only")


def test_every_golden_value_has_an_origin(sides: TwoSides) -> None:
    loaded(sides)
    for entity in ("contacts", "companies", "deals", "tasks"):
        missing = sides.rows(
            f"""SELECT v.key, v.value FROM crm.{entity} g
                CROSS JOIN LATERAL jsonb_each_text(to_jsonb(g) - ARRAY['id', 'provenance', 'source_count', 'custom_fields',
                    'created_at', 'updated_at', 'deleted_at', 'reconciled_at', 'changed_xid']) v
                WHERE v.value IS NOT NULL AND v.value <> '[]' AND NOT EXISTS (
                    SELECT FROM crm.value_origins o WHERE o.golden_id = g.id AND o.field = v.key AND o.value = v.value)"""
        )
        assert missing == [], entity


def test_what_was_said_on_a_day(sides: TwoSides) -> None:
    golden_id = loaded(sides)
    monday = sides.right.now
    sides.right.clock.advance(86400)
    sides.right.put("contacts", 1, position="director", contact_points=[{"kind": "phone", "value": "+79161234501"}])
    sides.right.clock.advance(86400)
    sides.right.put("contacts", 1, position=None)
    sides.load()

    def said(field: str, moment: Any) -> list[tuple[Any, ...]]:
        return [tuple(row.values()) for row in sides.rows(AT, golden_id, field, moment, moment)]

    assert said("position", monday) == [("other", "chief"), ("tiny", "head")]
    assert said("position", sides.right.now) == [("other", None), ("tiny", "head")]
    between = monday + timedelta(hours=1)
    assert said("name", between) == [("other", "Анна Смирнова"), ("tiny", "Анна Смирнова")]
    assert said("position", "1999-01-01") == []
    assert [connection for connection, _ in said("custom_fields.size", between)] == ["tiny"]
    (emails,) = [value for connection, value in said("emails", between) if connection == "other"]
    assert "p1@right.example" in emails
    assert dict(said("emails", sides.right.now))["other"] is None, "it was taken away"


def test_history_has_no_gaps_and_no_overlaps(sides: TwoSides) -> None:
    loaded(sides)
    for position in ("a", "b", "a"):
        sides.right.put("contacts", 1, position=position)
        sides.load()
    found = sides.rows(
        """SELECT valid_until, lead(valid_from) OVER one AS next FROM crm.value_history
           WINDOW one AS (PARTITION BY golden_id, connection, external_id, field ORDER BY valid_from)"""
    )
    assert found and all(row["next"] in (None, row["valid_until"]) for row in found)
