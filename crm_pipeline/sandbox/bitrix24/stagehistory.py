"""Stage history of deals: append-only rows with native numbers, and the method that lists them (facts: bitrix24 4.10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .calls import Answer, Call, method
from .columns import CREATED, ID, json_column
from .filters import Dialect
from .paging import List, page, picked
from .refusals import TYPE_UNSUPPORTED

if TYPE_CHECKING:
    from .portal import Portal
    from .records import Record

CREATED_TYPE = CREATED_ROW = 1
INTERIM, FINAL, PIPELINE = 2, 3, 5
