"""Opening the pipeline for a command, and closing it whatever happens."""

from collections.abc import Iterator
from contextlib import contextmanager

from crm_pipeline.settings import load_settings
from crm_pipeline.wiring import Pipeline, open_pipeline


@contextmanager
def pipeline() -> Iterator[Pipeline]:
    """Yield the opened pipeline. Raises what a person must mend: settings, database, migrations."""
    opened = open_pipeline(load_settings())
    try:
        yield opened
    finally:
        opened.close()
