"""Pipelines and their statuses (facts: amocrm 4.8): 142 and 143 are in every pipeline and cannot be removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from . import validation as v
from .answers import EMPTY, Answer, dump, hal, href, problem
from .batches import batch
from .entities import gone, missing
from .records import Row
from .stages import LOST, WON
from .validation import Check, Errors, validation_answer

if TYPE_CHECKING:
    from .account import Account
    from .call import Call

MAX_PIPELINES, MAX_STATUSES = 50, 100
SYSTEM = (WON, LOST)
PIPELINE: dict[str, Check] = {
    "name": v.filled_text,
    "sort": v.integer,
    "is_main": v.boolean,
    "is_unsorted_on": v.boolean,
    "request_id": v.label,
    "_embedded": v.mapping,
}
STATUS: dict[str, Check] = {"id": v.integer, "name": v.filled_text, "sort": v.integer, "color": v.text, "request_id": v.label}


def list_pipelines(account: Account, call: Call) -> Answer:
    """Answer all pipelines with their statuses; there is no paging."""
    rows = account.pipelines.all()
    call.rows = len(rows)
    return hal({"_total_items": len(rows), "_links": {"self": href("leads/pipelines")}, "_embedded": {"pipelines": rows}})


def get_pipeline(account: Account, call: Call) -> Answer:
    """Answer one pipeline."""
    row = account.pipelines.get(int(call.params["pipeline"]))
    return hal(row) if row else gone(account, call, "pipelines", int(call.params["pipeline"]))


def create_pipelines(account: Account, call: Call) -> Answer:
    """Create pipelines from an array; full models come back."""
    if isinstance(call.body, list) and len(account.pipelines.all()) + len(call.body) > MAX_PIPELINES:
        return problem(422, f"Limit {MAX_PIPELINES} pipelines per account")

    def prepare(item: Row, errors: Errors) -> Any:
        v.check_fields(account, item, PIPELINE, errors)
        v.require(item, ("name", "sort", "is_main", "is_unsorted_on"), errors)
        return lambda: _create(account, item)

    return batch(account, call, "pipelines", prepare, lambda row, item, request_id: row | {"request_id": request_id})


def update_pipeline(account: Account, call: Call) -> Answer:
    """Change one pipeline."""
    row = account.pipelines.get(int(call.params["pipeline"]))
    errors = Errors()
    if row is None or not isinstance(call.body, dict):
        return missing(call) if row is None else problem(400, "Request body should be an object")
    v.check_fields(account, call.body, PIPELINE, errors)
    if errors.found:
        return validation_answer([("0", errors)])
    changed = row | {name: value for name, value in call.body.items() if name not in ("request_id", "_embedded")}
    account.pipelines.save(changed)
    return hal(changed)


def delete_pipeline(account: Account, call: Call) -> Answer:
    """Remove an empty pipeline that is not the last one."""
    id = int(call.params["pipeline"])
    row = account.pipelines.get(id)
    if row is None:
        errors = Errors()
        errors.add("NotSupportedChoice", "id")
        return validation_answer([("0", errors)])
    if len(account.pipelines.all()) == 1 or account.records.count("leads", "json_extract(body, '$.pipeline_id') = ?", (id,)):
        return problem(422, "Pipeline cannot be deleted")
    account.pipelines.save(row, deleted=2)
    return EMPTY


# statuses


def list_statuses(account: Account, call: Call) -> Answer:
    """Answer the statuses of a pipeline."""
    row = account.pipelines.get(int(call.params["pipeline"]))
    if row is None:
        return missing(call)
    rows = row["_embedded"]["statuses"]
    if "descriptions" in str(call.query.get("with", "")):
        rows = [status | {"descriptions": []} for status in rows]
    links = {"self": href(call.path.removeprefix("/api/v4/"))}
    return hal({"_total_items": len(rows), "_links": links, "_embedded": {"statuses": rows}})


def get_status(account: Account, call: Call) -> Answer:
    """Answer one status."""
    row = account.pipelines.status(int(call.params["pipeline"]), int(call.params["id"]))
    return hal(row) if row else missing(call)


def create_statuses(account: Account, call: Call) -> Answer:
    """Add statuses to a pipeline."""
    pipeline = account.pipelines.get(int(call.params["pipeline"]))
    if pipeline is None:
        return missing(call)
    if isinstance(call.body, list) and len(pipeline["_embedded"]["statuses"]) + len(call.body) > MAX_STATUSES:
        return problem(422, f"Limit {MAX_STATUSES} statuses per pipeline")

    def prepare(item: Row, errors: Errors) -> Any:
        v.check_fields(account, item, STATUS, errors)
        v.require(item, ("name", "sort"), errors)
        return lambda: _add_status(account, int(call.params["pipeline"]), item)

    return batch(account, call, "statuses", prepare, lambda row, item, request_id: row | {"request_id": request_id})


def update_status(account: Account, call: Call) -> Answer:
    """Change one status; the system ones can be renamed."""
    pipeline = account.pipelines.get(int(call.params["pipeline"]))
    status = account.pipelines.status(int(call.params["pipeline"]), int(call.params["id"]))
    if pipeline is None or status is None:
        return missing(call)
    errors = Errors()
    v.check_fields(account, call.body if isinstance(call.body, dict) else {"": None}, STATUS, errors)
    if errors.found:
        return validation_answer([("0", errors)])
    changed = status | {name: value for name, value in call.body.items() if name not in ("request_id", "id")}
    _keep(account, pipeline, [changed if one["id"] == status["id"] else one for one in pipeline["_embedded"]["statuses"]])
    return Answer(200, dump(changed))


def delete_status(account: Account, call: Call) -> Answer:
    """Remove a status; its leads move to the first stage of the pipeline, all at once."""
    pipeline_id, id = int(call.params["pipeline"]), int(call.params["id"])
    pipeline, status = account.pipelines.get(pipeline_id), account.pipelines.status(pipeline_id, id)
    if pipeline is None or status is None:
        return missing(call)
    if not status["is_editable"]:
        return problem(422, "System status cannot be deleted")
    remove_status(account, pipeline, id, call.user_id)
    return EMPTY


def remove_status(account: Account, pipeline: Row, id: int, by: int) -> None:
    """Remove a status and move its leads."""
    _keep(account, pipeline, [one for one in pipeline["_embedded"]["statuses"] if one["id"] != id])
    first = account.pipelines.first_status(pipeline["id"])
    where = "json_extract(body, '$.pipeline_id') = ? AND json_extract(body, '$.status_id') = ?"
    for _, body in account.records.store.select("leads", where, (pipeline["id"], id)):
        before = orjson.loads(body)
        after = before | {"status_id": first, "updated_at": account.now(), "updated_by": by}
        account.changes.updated("leads", before, after, by)


def _create(account: Account, item: Row) -> Row:
    row = pipeline_row(account, account.records.next_id("pipelines"), item["name"], item["sort"], item["is_main"])
    row["is_unsorted_on"] = item["is_unsorted_on"]
    own = [status for status in (item.get("_embedded") or {}).get("statuses", []) if status.get("id") not in SYSTEM]
    base = account.records.next_id("status_ids")
    middle = [status_row(account, row["id"], base + n, one["name"], one["sort"], one.get("color")) for n, one in enumerate(own)]
    account.records.store.next_id("status_ids", floor=base + len(own))
    row["_embedded"]["statuses"][1:1] = middle
    account.pipelines.save(row)
    return row


def _add_status(account: Account, pipeline_id: int, item: Row) -> Row:
    pipeline = account.pipelines.get(pipeline_id)
    assert pipeline is not None
    status = status_row(
        account, pipeline_id, account.records.next_id("status_ids"), item["name"], item["sort"], item.get("color")
    )
    _keep(account, pipeline, [*pipeline["_embedded"]["statuses"], status])
    return status


def _keep(account: Account, pipeline: Row, statuses: list[Row]) -> None:
    ordered = sorted(statuses, key=lambda status: status["sort"])
    account.pipelines.save(pipeline | {"_embedded": {"statuses": ordered}})


def pipeline_row(account: Account, id: int, name: str, sort: int, is_main: bool) -> Row:
    """Build a pipeline with only its system statuses; the inbox gets an id of its own."""
    head = {"id": id, "name": name, "sort": sort, "is_main": is_main, "is_unsorted_on": True, "is_archive": False}
    system = [
        status_row(account, id, id * 100, "Неразобранное", 10, "#c1c1c1", type=1, editable=False),
        status_row(account, id, WON, "Успешно реализовано", 10_000, "#CCFF66", editable=False),
        status_row(account, id, LOST, "Закрыто и не реализовано", 11_000, "#D5D8DB", editable=False),
    ]
    return head | account.row_head(f"leads/pipelines/{id}") | {"_embedded": {"statuses": system}}


def status_row(
    account: Account,
    pipeline: int,
    id: int,
    name: str,
    sort: int,
    color: str | None = None,
    *,
    type: int = 0,
    editable: bool = True,
) -> Row:
    """Build a status."""
    head = {
        "id": id,
        "name": name,
        "sort": sort,
        "is_editable": editable,
        "pipeline_id": pipeline,
        "color": color or "#99ccff",
        "type": type,
    }
    return head | account.row_head(f"leads/pipelines/{pipeline}/statuses/{id}")
