"""Deals, tasks and talks of generated people, each made from (seed, index) alone. People and companies are in people.py."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from . import dice, people, words
from .world import Deal, Stage, Talk, TalkKind, Target, Task

_DEAL, _TASK, _TALK = 4, 5, 6
# Of twenty old deals; the youngest twentieth of all deals is still open.
_STAGES: tuple[Stage, ...] = ("won",) * 9 + ("lost",) * 5 + ("engaging",) * 4 + ("prospecting",) * 2
_TALKS: tuple[TalkKind, ...] = ("call",) * 10 + ("note",) * 5 + ("email",) * 2 + ("sms",) * 2 + ("meeting",)
_TARGETS: tuple[Target, ...] = ("deal", "deal", "deal", "person", "person", "company")


@dataclass(frozen=True, slots=True)
class Scene:
    """The places in the whole that a part covers: its people and companies, the size of the whole, the number of agents."""

    seed: int
    people: range
    firms: range
    total: int
    agents: int

    def key(self, place: int) -> int:
        """Turn the place of a person, deal, task or talk into its key in this part."""
        return place - self.people.start + 1

    def employer(self, place: int) -> int | None:
        """Answer the key of the company a person works at."""
        firm = people.employers(self.seed, place // people.BLOCK, self.firms)[place % people.BLOCK]
        return None if firm is None else firm - self.firms.start + 1


def deals(scene: Scene) -> Iterator[Deal]:
    """Yield one deal a person, in the person's block: some people have several, some none."""
    for index in scene.people:
        yield _deal(scene, index)


def tasks(scene: Scene) -> Iterator[Task]:
    """Yield one task a deal or so."""
    for index in scene.people:
        yield _task(scene, index)


def talks(scene: Scene) -> Iterator[Talk]:
    """Yield one call, message, meeting or note a deal or so."""
    for index in scene.people:
        yield _talk(scene, index)


def _in_block(scene: Scene, index: int, chance: int) -> int:
    """Answer the place of somebody in the same block, within the part."""
    start = index // people.BLOCK * people.BLOCK
    return start + chance % min(people.BLOCK, scene.people.stop - start)


def _deal(scene: Scene, index: int) -> Deal:
    chance = dice.roll(scene.seed, _DEAL, index)
    main, other = _in_block(scene, index, chance), _in_block(scene, index, chance >> 8)
    chance >>= 16
    born = dice.created(index, scene.total)
    changed = dice.updated(index, scene.total, born, chance)
    stage = _STAGES[chance % 20] if index < scene.total * 0.95 else ("prospecting", "engaging")[chance % 2]
    over = stage in ("won", "lost")
    chance //= 20
    good, quantity = chance % len(words.GOODS), 1 + (chance >> 8) % 12
    name, price = words.GOODS[good]
    second = (scene.key(other),) if other != main and (chance >> 12) % 4 == 0 else ()
    return Deal(
        key=scene.key(index),
        title=f"{name} × {quantity}" if quantity > 1 else name,
        amount=None if stage == "prospecting" and chance % 3 == 0 else Decimal(price * quantity),
        currency="RUB",
        stage=stage,
        product=good + 1,
        quantity=quantity,
        company=scene.employer(main),
        people=(scene.key(main), *second),
        agent=1 + (chance >> 20) % scene.agents,
        created=born,
        updated=changed,
        closed=changed if over else None,
        loss_reason=words.LOSS_REASONS[(chance >> 24) % 6] if stage == "lost" else None,
        reference=f"Д-{index + 1:07d}",
        tags=(words.TAGS[(chance >> 28) % 12],) if (chance >> 32) % 5 == 0 else (),
    )


def _target(scene: Scene, index: int, chance: int) -> tuple[Target, int]:
    """Answer what a task or talk is about: a deal, a person or the person's company in the same block."""
    kind, place = _TARGETS[chance % 6], _in_block(scene, index, chance >> 4)
    employer = scene.employer(place) if kind == "company" else None
    return ("company", employer) if employer is not None else ("deal" if kind == "deal" else "person", scene.key(place))


def _task(scene: Scene, index: int) -> Task:
    chance = dice.roll(scene.seed, _TASK, index)
    kind, target = _target(scene, index, chance)
    chance >>= 12
    born = dice.created(index, scene.total)
    what, text = words.ERRANDS[chance % len(words.ERRANDS)]
    done = index < scene.total * 0.97 and (chance >> 4) % 10 < 8
    done_at = dice.updated(index, scene.total, born, chance >> 8) if done else None
    return Task(
        key=scene.key(index),
        text=text,
        kind=what,  # type: ignore[arg-type]
        due=born + (1 + chance % 14) * dice.DAY,
        done=done,
        done_at=done_at,
        result=words.RESULTS[(chance >> 30) % 6] if done and (chance >> 33) % 3 else None,
        target_kind=kind,
        target=target,
        agent=1 + (chance >> 36) % scene.agents,
        created=born,
        updated=done_at or born,
    )


def _talk(scene: Scene, index: int) -> Talk:
    chance = dice.roll(scene.seed, _TALK, index)
    target_kind, target = _target(scene, index, chance)
    chance >>= 12
    kind = _TALKS[chance % 20]
    chance >>= 6
    sayings = words.SAYINGS[kind]
    return Talk(
        key=scene.key(index),
        kind=kind,
        direction=None if kind in ("meeting", "note") else ("in", "out")[chance % 2],
        text=sayings[(chance >> 1) % len(sayings)],
        seconds=(chance >> 4) % 1200 if kind == "call" else None,
        at=dice.created(index, scene.total),
        target_kind=target_kind,
        target=target,
        agent=1 + (chance >> 16) % scene.agents,
        phone=f"+7{people.mobile(index)}" if kind in ("call", "sms") else None,
    )
