"""Running a suite with Great Expectations inside Postgres; only counts come out, never values: they are people's data."""

import os
from typing import Any

from crm_pipeline.errors import CrmPipelineError
from crm_pipeline.quality.suites import Expectation, suite

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")

import great_expectations as gx
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.exceptions import GreatExpectationsError
from great_expectations.expectations.registry import get_expectation_impl


def validate(url: str, query: str, entity: str) -> list[dict[str, Any]]:
    """Test the rows of a query; return per expectation: expectation, column, ok, unexpected (rows), share (of them, percent).

    url: SQLAlchemy URL with its password. Raises CrmPipelineError when the query cannot be run.
    """
    try:
        return _validated(url, query, entity)
    except GreatExpectationsError as error:  # its message may hold the URL
        raise CrmPipelineError(f"The expectations of {entity} could not be tested ({type(error).__name__}).") from None


def _validated(url: str, query: str, entity: str) -> list[dict[str, Any]]:
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = context.data_sources.add_postgres("source", connection_string=url)
    batch = source.add_query_asset("records", query=query).add_batch_definition_whole_table("all").get_batch()
    wanted = context.suites.add(gx.ExpectationSuite(entity, expectations=[_configured(one) for one in suite(entity)]))
    outcome = batch.validate(wanted, result_format="SUMMARY")
    return [_row(result) for result in outcome.results]


def _configured(expectation: Expectation) -> Any:
    kind: Any = get_expectation_impl(expectation.kind)
    partial = {} if expectation.mostly == 1.0 else {"mostly": expectation.mostly}
    return kind(**expectation.arguments, **partial)


def _row(result: Any) -> dict[str, Any]:
    told, arguments = result.result or {}, result.expectation_config.kwargs
    return {
        "expectation": result.expectation_config.type,
        "column": str(arguments.get("column") or ", ".join(arguments.get("column_list", ()))),
        "ok": bool(result.success),
        "unexpected": int(told.get("unexpected_count") or 0),
        "percent": round(float(told.get("unexpected_percent") or 0), 2),
    }
