"""What goes wrong on the way to a CRM and back, and the disputed ways a CRM may behave."""

import random
from typing import Any

from crm_pipeline_tests.whole.world import NAMES, World

Rule = dict[str, Any]
AMO_WRITES: tuple[Rule, ...] = ({"method": "POST", "path": "^/api/"}, {"method": "PATCH", "path": "^/api/"})
BITRIX_WRITES: tuple[Rule, ...] = ({"call": "batch"}, {"call": "crm.*.add"}, {"call": "crm.*.update"}, {"call": "tasks.task.*"})
AMO_READS: tuple[Rule, ...] = (
    {"method": "GET", "path": "^/api/"},
    {"method": "GET", "path": "contacts"},
    {"method": "GET", "path": "leads"},
)
BITRIX_READS: tuple[Rule, ...] = ({"call": "crm.*.list"}, {"call": "batch"}, {"call": "crm.item.list"})
ANY: tuple[Rule, ...] = ({},)

WRITING: tuple[Rule, ...] = (
    {"fault": "reset_after"}, {"fault": "reset_after"}, {"fault": "reset_before"}, {"fault": "truncate"},
    {"fault": "status", "status": 500}, {"fault": "status", "status": 502, "html": True},
    {"fault": "status", "status": 504, "html": True},
    {"fault": "hang_after", "seconds": 0.2},
)  # fmt: skip
READING: tuple[Rule, ...] = (
    {"fault": "reset_before"}, {"fault": "truncate"}, {"fault": "reset_after"}, {"fault": "status", "status": 503},
    {"fault": "status", "status": 500}, {"fault": "hang", "seconds": 0.2},
)  # fmt: skip
BOTH: tuple[Rule, ...] = ({"fault": "expired_token"}, {"fault": "status", "status": 429}, {"fault": "status", "status": 503})
AMO_ONLY: tuple[Rule, ...] = (
    {"fault": "early_204", "match": {"method": "GET", "path": r"^/api/v4/(leads|contacts|companies|tasks)$"}},
)
BITRIX_ONLY: tuple[Rule, ...] = (
    {"fault": "in_batch", "match": {"call": "crm.*"}, "status": 500, "error": "INTERNAL_SERVER_ERROR"},
    {"fault": "in_batch", "match": {"call": "crm.*"}, "status": 503, "error": "QUERY_LIMIT_EXCEEDED"},
)  # fmt: skip
TOKENS: tuple[Rule, ...] = ({"fault": "lost_token_answer"},)


def strike(world: World, chance: random.Random) -> str:
    """Let one to three of the coming requests to one CRM go wrong in one way; return its name."""
    name = chance.choice(NAMES)
    is_amo = name != "portal"
    kinds: list[tuple[tuple[Rule, ...], tuple[Rule, ...], int]] = [
        (WRITING, AMO_WRITES if is_amo else BITRIX_WRITES, 10), (READING, AMO_READS if is_amo else BITRIX_READS, 5),
        (BOTH, ANY, 4), (AMO_ONLY if is_amo else BITRIX_ONLY, ANY, 2), (TOKENS, ANY, 1),
    ]  # fmt: skip
    rules, matches, _ = chance.choices(kinds, [weight for *_, weight in kinds])[0]
    rule = {"match": chance.choice(matches), "after": chance.randint(1, 3), "times": chance.randint(1, 3), **chance.choice(rules)}
    world.sides[name].sandbox.faults.add(rule)
    world.tell(f"  {name}: {rule}")
    return name


def lose_an_answer(world: World, name: str, chance: random.Random) -> None:
    """Let the answer to one of the next creates be lost, though it is done."""
    match = {"call": "batch"} if name == "portal" else {"method": "POST", "path": "^/api/"}
    rule = {"match": match, "fault": "reset_after", "after": chance.randint(1, 2), "times": 1}
    world.sides[name].sandbox.faults.add(rule)
    world.tell(f"  {name}: {rule}")


def skew(world: World, chance: random.Random) -> None:
    """One CRM's clock goes some seconds wrong."""
    name, seconds = chance.choice(NAMES), round(chance.uniform(-3, 3), 1)
    world.sides[name].sandbox.clock.advance(seconds)
    world.tell(f"  {name}: clock moved by {seconds} s")


AMO_MANNERS: tuple[Rule, ...] = (
    {"read_lag": 0.3}, {"page_drift": 1}, {"early_204": 1}, {"link_bumps": True}, {"task_bumps": True},
    {"single_patch": "embedded"}, {"empty_custom_fields": "list"}, {"over_limit": "refuse-400"},
    {"deleted_entity": "404"}, {"missing_entity": "404"},
)  # fmt: skip
BITRIX_MANNERS: tuple[Rule, ...] = (
    {"empty_multiple": "null"}, {"fast_total": "zero"}, {"iso_filters": "ignored"}, {"quiet_changes_move_time": True},
    {"unresolved_reference": "deepest"}, {"operating_billing": "batch"},
)  # fmt: skip
CALM_AMO: Rule = {"read_lag": 0.0, "page_drift": 0, "early_204": 0}


def manners(world: World, chance: random.Random) -> None:
    """A CRM turns out to behave in another of the ways its documentation leaves open."""
    name = chance.choice(NAMES)
    manner = chance.choice(BITRIX_MANNERS if name == "portal" else AMO_MANNERS)
    world.sides[name].sandbox.switches.change(manner)
    world.tell(f"  {name}: {manner}")


def end(world: World) -> None:
    """Let everything work again; count what struck."""
    for name, side in world.sides.items():
        world.counts["faults"] += sum(rule["fired"] for rule in side.sandbox.faults.rules())
        side.sandbox.faults.clear()
        if name != "portal":
            side.sandbox.switches.change(CALM_AMO)
