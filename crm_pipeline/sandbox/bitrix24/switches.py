"""The disputed facts of Bitrix24, one field each, with the reading the stand-in takes by default (facts: bitrix24 12).

Here: names and defaults. What a switch changes is at the place that reads it.
"""

from dataclasses import dataclass
from typing import Literal

from crm_pipeline.sandbox.switches import Switches


@dataclass
class BitrixSwitches(Switches):
    """Both readings of what the sources leave open, and the sizes of the vendor's limits."""

    # tokens (facts: 1.2, 1.3, 1.4)
    rotation: Literal["strict", "lenient"] = "strict"
    code_seconds: int = 30
    access_seconds: int = 3600
    refresh_days: int = 180
    invalid_client: Literal["400", "401", "wrong_client"] = "401"
    code_answer: Literal["documented", "full"] = "documented"
    token_error_description: bool = True
    # calling (facts: 1.6, 2.3)
    bad_webhook_status: Literal[401, 403] = 401
    method_not_found_status: Literal[404, 400] = 404
    https_required: bool = False
    commercial_plan: bool = True
    overload: bool = False
    # the time block (facts: 2.2, 7)
    operating: Literal["shown", "absent"] = "shown"
    operating_billing: Literal["inner", "batch"] = "inner"
    operating_cost: float = 0.0
    operating_limit: float = 480.0
    bucket_size: float = 50.0
    bucket_leak: float = 2.0
    # paging and batch (facts: 3.1, 3.2, 3.3)
    fast_total: Literal["absent", "zero"] = "absent"
    fast_mode_everywhere: bool = True
    batch_overflow: Literal["each", "refuse"] = "each"
    unresolved_reference: Literal["empty", "deepest"] = "empty"
    # filters (facts: 4.4, 4.8, 5)
    iso_filters: Literal["honoured", "ignored"] = "honoured"
    classic_unknown_filter: Literal["ignored", "error"] = "ignored"
    # rows (facts: 4.2, 5)
    empty_multiple: Literal["list", "false", "null"] = "list"
    quiet_changes_move_time: bool = False
    restore_gives_new_id: bool = True
    # events (facts: 8)
    event_data: Literal["array", "false"] = "array"
    rest_offline_extended: bool = True
    rest_auth_connector: bool = True
