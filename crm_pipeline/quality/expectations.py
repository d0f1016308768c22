"""Running expectations: inside Postgres on rows of a query, or on a frame of counts Postgres has made.

Only counts and ids of records come out, never values: they are people's data.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from crm_pipeline.errors import CrmPipelineError
from crm_pipeline.quality.suites import Expectation

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")

import great_expectations as gx
import pandas as pd
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.exceptions import GreatExpectationsError
from great_expectations.expectations.registry import get_expectation_impl

MOST_RECORDS = 20
RECORD = "record"
"""Column of every query that names the record a row is of."""


def validate(url: str, query: str, entity: str, expectations: Sequence[Expectation]) -> list[dict[str, Any]]:
    """Test the rows of a query, which has a column `record`; return one row per expectation.

    Each: expectation, column, ok, unexpected (rows), percent (of them), records (ids of up to 20 of them, told apart by
    commas). url: SQLAlchemy URL with its password. Raises CrmPipelineError when the query cannot be run.
    """
    with _in_words(entity):
        context = _context()
        source = context.data_sources.add_postgres("rows", connection_string=url, create_temp_table=False)
        batch = source.add_query_asset("records", query=query).add_batch_definition_whole_table("all").get_batch()
        wanted = context.suites.add(gx.ExpectationSuite(entity, expectations=[_configured(one) for one in expectations]))
        told = {"result_format": "SUMMARY", "unexpected_index_column_names": [RECORD], "partial_unexpected_count": MOST_RECORDS}
        try:
            return [_row(result) for result in batch.validate(wanted, result_format=told).results]
        finally:
            source.get_engine().dispose()


def within(entity: str, breaches: Mapping[str, float]) -> dict[str, bool]:
    """Return of each rule whether what Postgres counted against it is nothing. breaches: rule → count, or a difference."""
    with _in_words(entity):
        context = _context()
        frame = pd.DataFrame([breaches])
        asset = context.data_sources.add_pandas("counts").add_dataframe_asset("breaches")
        batch = asset.add_batch_definition_whole_dataframe("all").get_batch(batch_parameters={"dataframe": frame})
        kind: Any = get_expectation_impl("expect_column_values_to_be_between")
        none = [kind(column=rule, min_value=0, max_value=0) for rule in breaches]
        wanted = context.suites.add(gx.ExpectationSuite(entity, expectations=none))
        outcome = batch.validate(wanted, result_format="BOOLEAN_ONLY")
        return {str(one.expectation_config.kwargs["column"]): bool(one.success) for one in outcome.results}


@contextmanager
def _in_words(entity: str) -> Iterator[None]:
    try:
        yield
    except GreatExpectationsError as error:  # its message may hold the URL
        raise CrmPipelineError(f"The expectations of {entity} could not be tested ({type(error).__name__}).") from None


def _context() -> Any:
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


def _configured(expectation: Expectation) -> Any:
    kind: Any = get_expectation_impl(expectation.kind)
    partial = {} if expectation.mostly == 1.0 else {"mostly": expectation.mostly}
    return kind(**expectation.arguments, **partial)


def _row(result: Any) -> dict[str, Any]:
    told, arguments = result.result or {}, result.expectation_config.kwargs
    found = dict.fromkeys(str(one[RECORD]) for one in told.get("partial_unexpected_index_list") or ())
    return {
        "expectation": result.expectation_config.type,
        "column": str(arguments.get("column") or ", ".join(arguments.get("column_list", ()))),
        "ok": bool(result.success),
        "unexpected": int(told.get("unexpected_count") or 0),
        "percent": round(float(told.get("unexpected_percent") or 0), 2),
        "records": ", ".join(list(found)[:MOST_RECORDS]),
    }
