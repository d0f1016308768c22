"""The end of a run: calm, a last look for what was deleted, judgement, and one more round in which nothing may be written."""

from crm_pipeline_tests.whole import calm
from crm_pipeline_tests.whole.judges import cursors_are_never_ahead, judge, nothing_lost_coming_in, story_of
from crm_pipeline_tests.whole.picture import take_picture
from crm_pipeline_tests.whole.world import NAMES, World


def conclude(world: World) -> list[str]:
    """Bring a world to rest and return everything that does not hold, each with the story of its record."""
    found = list(cursors_are_never_ahead(world, take_picture(world)))
    found += calm.calm(world)
    # before anything is read anew: what the walks that follow changes alone would never have seen
    world.is_quiet = bool(world.touched)
    found += list(nothing_lost_coming_in(world, take_picture(world)))
    if world.touched:
        world.crew.work(*({"verb": "sync", "connection": name, "mode": "verify"} for name in NAMES))
        world.is_quiet = False
        found += calm.settle(world)
    picture = take_picture(world)
    found += [one for one in judge(world, picture) if one not in found]
    found += writing_stops(world)
    return [sentence + "".join(f"\n    {line}" for line in story_of(world, picture, sentence)) for sentence in found]


def writing_stops(world: World) -> list[str]:
    """Return who was written to in a round in which nothing had changed."""
    before = {name: len(side.sandbox.journal) for name, side in world.sides.items()}
    calm.one_round(world)
    return [
        f"writing does not stop: {name} was sent {entry['call']} {entry['params']}"
        for name, side in world.sides.items()
        for entry in side.writes(before[name])
    ]
