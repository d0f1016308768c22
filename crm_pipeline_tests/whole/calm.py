"""No more edits and no more faults: everything is read and sent, round by round, until nothing moves.

What belongs here: how a run comes to rest, and what a person does for it. What must hold then belongs to `judges.py`.
"""

from crm_pipeline_tests.whole import app, faults
from crm_pipeline_tests.whole.opening import authorise
from crm_pipeline_tests.whole.world import NAMES, World

ROUNDS = 12
HOUR = "interval '1 hour'"


def age(world: World) -> None:
    """Let an hour pass for what rests: parked changes are due, the claims of dead processes have run out, pauses are over."""
    world.run(
        f"""UPDATE sync.outgoing_changes SET next_attempt_at = next_attempt_at - {HOUR}, sent_at = sent_at - {HOUR},
            lease_until = lease_until - {HOUR} WHERE settled_at IS NULL"""
    )
    world.run(f"UPDATE sync.operating_time SET reset_at = reset_at - {HOUR}, parked_until = parked_until - {HOUR}")
    world.run(f"UPDATE sync.rate_budget SET next_at = next_at - {HOUR}, paused_until = paused_until - {HOUR}")


def mend(world: World) -> None:
    """Authorise again what asks for it, and let go on what was stopped, as a person would."""
    stopped = world.rows("SELECT name, status FROM sync.connections WHERE crm <> 'app' AND status <> 'active'")
    for row in stopped:
        world.tell(f"  {row['name']} is {row['status']}: authorised again")
        authorise(world, row["name"])


def calm(world: World) -> list[str]:
    """Bring the world to rest; return what kept it from that as sentences."""
    faults.end(world)
    world.reach_present()
    mend(world)
    app.send_rest(world)
    return settle(world)


def settle(world: World) -> list[str]:
    """Read and send until nothing moves; return what kept it from that as sentences."""
    for _ in range(ROUNDS):
        if one_round(world) and not _waiting(world):
            return []
    waiting = [f"{row['count']} {row['state']} changes of {row['name']}" for row in _waiting(world)]
    return [f"it does not come to rest: after {ROUNDS} rounds things are still written; {', '.join(waiting) or 'nothing'} wait"]


def one_round(world: World) -> bool:
    """Sync, reconcile and drain everything; return whether nothing was written to any CRM."""
    before = {name: len(side.sandbox.journal) for name, side in world.sides.items()}
    world.tell("- a round of calm")
    for name, one in zip(NAMES, world.crew.work(*({"verb": "sync", "connection": name} for name in NAMES)), strict=True):
        world.tell(f"  sync {name} {one['end']}: {one['said']}")
    age(world)
    for verb in ("reconcile", "drain", "reconcile"):
        (one,) = world.crew.work({"verb": verb})
        world.tell(f"  {verb} {one['end']}: {one['said']}")
    mend(world)
    written = [name for name, side in world.sides.items() if side.writes(before[name])]
    return not written


def _waiting(world: World) -> list[dict[str, object]]:
    return world.rows(
        """SELECT c.name, o.state, count(*) AS count FROM sync.outgoing_changes o
           JOIN sync.connections c ON c.id = o.connection_id WHERE o.settled_at IS NULL GROUP BY 1, 2 ORDER BY 1, 2"""
    )
