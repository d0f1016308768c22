"""An operator with both CRMs running and connected, and a hand to ask the database. No assertions here."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Engine

from crm_pipeline.sandbox.amocrm import AmoSandbox
from crm_pipeline.sandbox.bitrix24 import BitrixSandbox
from crm_pipeline.sandbox.serving import Options
from crm_pipeline_tests.operator import Operator

PEOPLE = 12


@dataclass(frozen=True)
class Office:
    """An operator, the two CRMs and the database they are loaded into."""

    operator: Operator
    amocrm: AmoSandbox
    bitrix24: BitrixSandbox
    engine: Engine

    def rows(self, statement: str, **values: object) -> list[Any]:
        """Return the rows of a question, or of a statement with RETURNING."""
        with self.engine.begin() as db:
            return [tuple(row) for row in db.exec_driver_sql(statement, values)]

    def write(self, statement: str, **values: object) -> None:
        """Change something behind the commands' back."""
        with self.engine.begin() as db:
            db.exec_driver_sql(statement, values)


@pytest.fixture(scope="module")
def office(module_database_url: str, module_engine: Engine, encryption_key: str) -> Iterator[Office]:
    """Yield an operator with `amo` and `portal` connected and nothing loaded yet."""
    options = Options(contacts=PEOPLE)
    with AmoSandbox(options).running() as amocrm, BitrixSandbox(options).running() as bitrix24:
        operator = Operator(module_database_url, encryption_key)
        operator.connect("amo", amocrm)
        operator.connect("portal", bitrix24)
        yield Office(operator, amocrm, bitrix24, module_engine)
