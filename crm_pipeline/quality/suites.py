"""What records of each entity should look like, as rows: expectation, its arguments, how much of the data may fall short."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Expectation:
    """One expectation by its Great Expectations name; `mostly` is the share of rows that must meet it."""

    kind: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    mostly: float = 1.0


def filled(column: str, mostly: float = 1.0) -> Expectation:
    """Expect a column to be filled."""
    return Expectation("expect_column_values_to_not_be_null", {"column": column}, mostly)


def one_of(column: str, *values: str) -> Expectation:
    """Expect a column, where it is filled, to hold one of some words."""
    return Expectation("expect_column_values_to_be_in_set", {"column": column, "value_set": list(values)})


def at_least(column: str, low: float, mostly: float = 1.0) -> Expectation:
    """Expect a number to be at least `low`."""
    return Expectation("expect_column_values_to_be_between", {"column": column, "min_value": low}, mostly)


def shaped(column: str, regex: str, mostly: float = 1.0) -> Expectation:
    """Expect a text to match a pattern."""
    return Expectation("expect_column_values_to_match_regex", {"column": column, "regex": regex}, mostly)


EVERYWHERE = (
    Expectation("expect_compound_columns_to_be_unique", {"column_list": ["connection_id", "external_id"]}),
    filled("external_id"),
    filled("golden_id"),
)

CURRENCY = "^[A-Z]{3}$"

SUITES: dict[str, tuple[Expectation, ...]] = {
    "users": (filled("name", 0.9),),
    "pipelines": (filled("name"),),
    "stages": (filled("name"), filled("pipeline_external_id"), one_of("category", "open", "won", "lost")),
    "custom_fields": (filled("name", 0.9), filled("field_key"), filled("kind")),
    "companies": (filled("name", 0.95), filled("owner_external_id", 0.9)),
    "contacts": (filled("name", 0.8), filled("owner_external_id", 0.9)),
    "products": (filled("name", 0.95), at_least("price", 0), shaped("currency", CURRENCY)),
    "deals": (
        filled("title", 0.9),
        filled("stage_external_id", 0.99),
        one_of("stage_category", "open", "won", "lost"),
        at_least("amount", 0, 0.99),
        shaped("currency", CURRENCY),
    ),
    "tasks": (filled("is_completed"), filled("owner_external_id", 0.9)),
    "communications": (
        filled("happened_at", 0.99),
        one_of("kind", "call", "sms", "email", "chat", "meeting", "note", "other"),
        one_of("direction", "in", "out"),
        at_least("duration_seconds", 0),
    ),
}


def suite(entity: str) -> tuple[Expectation, ...]:
    """Return all expectations of one entity's source records."""
    return (*EVERYWHERE, *SUITES[entity])
