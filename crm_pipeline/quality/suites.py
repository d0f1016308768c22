"""What one record of each entity should look like, as rows: expectation, its arguments, how much of the data may fall short.

What belongs here: rules about one row, tested inside Postgres on source and golden records alike. Rules between tables are
in `rules.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from crm_pipeline.model.golden import is_reference


@dataclass(frozen=True)
class Expectation:
    """One expectation by its Great Expectations name; `mostly` is the share of rows that must meet it."""

    kind: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    mostly: float = 1.0


def filled(column: str, mostly: float = 1.0) -> Expectation:
    """Expect a column to be filled."""
    return Expectation("expect_column_values_to_not_be_null", {"column": column}, mostly)


def unique(column: str) -> Expectation:
    """Expect a column to hold nothing twice."""
    return Expectation("expect_column_values_to_be_unique", {"column": column})


def one_of(column: str, *values: str) -> Expectation:
    """Expect a column, where it is filled, to hold one of some words."""
    return Expectation("expect_column_values_to_be_in_set", {"column": column, "value_set": list(values)})


def at_least(column: str, low: float, mostly: float = 1.0) -> Expectation:
    """Expect a number to be at least `low`."""
    return Expectation("expect_column_values_to_be_between", {"column": column, "min_value": low}, mostly)


def dated(*columns: str) -> tuple[Expectation, ...]:
    """Expect moments to be in the time of CRMs: 1990 to 2100."""
    span = {"min_value": datetime(1990, 1, 1, tzinfo=UTC), "max_value": datetime(2100, 1, 1, tzinfo=UTC)}
    return tuple(Expectation("expect_column_values_to_be_between", {"column": column, **span}) for column in columns)


def born(column: str) -> Expectation:
    """Expect a day on which somebody who lives may have been born."""
    span = {"min_value": date(1900, 1, 1), "max_value": date(2100, 1, 1)}
    return Expectation("expect_column_values_to_be_between", {"column": column, **span})


def shaped(column: str, regex: str, mostly: float = 1.0) -> Expectation:
    """Expect a text to match a pattern."""
    return Expectation("expect_column_values_to_match_regex", {"column": column, "regex": regex}, mostly)


SOURCE_KEYS = (
    Expectation("expect_compound_columns_to_be_unique", {"column_list": ["connection_id", "external_id"]}),
    unique("record"),
    filled("external_id"),
    filled("golden_id"),
)
"""What source records are known by; `record` is connection and external id in one."""

GOLDEN_KEYS = (unique("record"), filled("id"), at_least("source_count", 1))
"""What golden records are known by."""

CURRENCY = "^[A-Z]{3}$"

SUITES: dict[str, tuple[Expectation, ...]] = {
    "users": (filled("name", 0.9),),
    "pipelines": (filled("name"),),
    "stages": (filled("name"), filled("pipeline_external_id"), one_of("category", "open", "won", "lost")),
    "custom_fields": (filled("name", 0.9), filled("field_key"), filled("kind")),
    "companies": (filled("name", 0.95), filled("owner_external_id", 0.9)),
    "contacts": (filled("name", 0.8), filled("owner_external_id", 0.9), born("birthday")),
    "products": (filled("name", 0.95), at_least("price", 0), shaped("currency", CURRENCY)),
    "deals": (
        filled("title", 0.9),
        filled("stage_external_id", 0.99),
        one_of("stage_category", "open", "won", "lost"),
        at_least("amount", 0, 0.99),
        shaped("currency", CURRENCY),
        *dated("closed_at"),
    ),
    "tasks": (filled("is_completed"), filled("owner_external_id", 0.9), *dated("due_at", "completed_at")),
    "communications": (
        filled("happened_at", 0.99),
        *dated("happened_at"),
        one_of("kind", "call", "sms", "email", "chat", "meeting", "note", "other"),
        one_of("direction", "in", "out"),
        at_least("duration_seconds", 0),
    ),
}
"""By columns of `source.<entity>`."""

POINTS = (
    shaped("phone", r"^\+[1-9][0-9]{6,14}$"),
    shaped("email", r"^[^@[:space:]]+@[^@[:space:].]+([.][^@[:space:].]+)+$"),
    Expectation("expect_column_values_to_match_regex", {"column": "email", "regex": "^[^[:upper:]]*$"}),
)
"""Phones as E.164, e-mails as addresses in lower case."""


def source_suite(entity: str) -> tuple[Expectation, ...]:
    """Return what one entity's source records should look like."""
    return (*SUITES[entity], *dated("remote_created_at", "remote_updated_at"))


def golden_suite(entity: str) -> tuple[Expectation, ...]:
    """Return what one entity's golden records should look like: the same, but for references, which lead where they can."""
    shared = (one for one in SUITES[entity] if not is_reference(one.arguments["column"]))
    return (*shared, *dated("created_at", "updated_at"))
