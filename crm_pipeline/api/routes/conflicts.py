"""What waits for a person: fields that two sides changed differently, and records that may be one thing."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query

from crm_pipeline.api.conflict_shapes import Answered, Choice, Conflicts, ConflictShown, Reviews, Verdict
from crm_pipeline.api.deps import Parts, User, problem, require
from crm_pipeline.api.schemas import problems
from crm_pipeline.database import conflicts as stored
from crm_pipeline.database import decisions
from crm_pipeline.stages.conflicts import MAX_ID, OPEN, overturn, take
from crm_pipeline.stages.decisions import Asked, Decider, merge, split

router = APIRouter(prefix="/api", tags=["conflicts"])
Id = Annotated[int, Path(ge=1, le=MAX_ID)]
Limit = Annotated[int, Query(ge=1, le=500)]
Cursor = Annotated[str | None, Query(pattern=r"^[0-9]{1,18}$", description="`next_cursor` of the page before.")]
State = Literal["open", "decided", "overturned"]
Entity = Literal["contacts", "companies", "deals", "tasks", "communications", "products", "users"]
MAY_READ = require("conflicts.read")
Resolver = Annotated[User, require("conflicts.resolve")]


@router.get("/conflicts", dependencies=[MAY_READ])
def list_conflicts(
    parts: Parts, state: State | None = None, entity: Entity | None = None, cursor: Cursor = None, limit: Limit = 100
) -> Conflicts:
    """List the conflicts that stand, the latest first."""
    rows = stored.page(parts.engine, entity, state, int(cursor) if cursor else None, limit + 1)
    following = str(rows[limit - 1]["id"]) if len(rows) > limit else None
    return Conflicts(items=[ConflictShown(**row) for row in rows[:limit]], next_cursor=following)


@router.get("/conflicts/{conflict_id}", dependencies=[MAY_READ], responses=problems(404))
def one_conflict(conflict_id: Id, parts: Parts) -> ConflictShown:
    """Tell about one conflict, also one that does not stand any more."""
    return ConflictShown(**_found(parts, conflict_id))


@router.post("/conflicts/{conflict_id}/resolve", responses=problems(404))
def resolve(conflict_id: Id, choice: Choice, parts: Parts, caller: Resolver) -> ConflictShown:
    """Let the value of one side stand: settles an open conflict, or overturns what the rule or a person decided before."""
    decide = take if _found(parts, conflict_id)["state"] == OPEN else overturn
    decide(parts, conflict_id, choice.side, caller.username, choice.reason)
    return ConflictShown(**_found(parts, conflict_id))


def _found(parts: Parts, conflict_id: int) -> dict[str, Any]:
    found = stored.shown(parts.engine, conflict_id)
    if found is None:
        raise problem("not-found", 404, "There is no such conflict.")
    return found


@router.get("/reviews", dependencies=[MAY_READ])
def list_reviews(
    parts: Parts, state: Literal["open", "merged", "kept_apart", "all"] = "open", entity: Entity | None = None, limit: Limit = 100
) -> Reviews:
    """List pairs of records that may be one thing."""
    return Reviews(items=decisions.reviews(parts.engine, entity, None, state, limit))


@router.post("/reviews/{review_id}", responses=problems(404))
def answer_review(review_id: Id, given: Verdict, parts: Parts, caller: Resolver) -> Answered:
    """Decide whether two records are one thing; reconciled at once."""
    with parts.engine.connect() as db:
        if not decisions.reviews_by_id(db, [review_id]):
            raise problem("not-found", 404, "There is no such question.")
    decide = {"together": merge, "apart": split}[given.verdict]
    done = decide(parts, Asked(reviews=[review_id]), Decider(caller.username, given.reason))
    return Answered(verdict=given.verdict, now=done.now)
