"""What a stand-in is filled with, and how fast a store takes it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from crm_pipeline.sandbox.csv_world import CsvWorld
from crm_pipeline.sandbox.generated_world import GeneratedWorld
from crm_pipeline.sandbox.serving import Options
from crm_pipeline.sandbox.store import Store
from crm_pipeline.sandbox.switches import UnknownSwitch
from crm_pipeline.sandbox.world import EmptyWorld, world_of

from .tiny import Tiny, TinySwitches


def test_options_choose_the_world(tmp_path: Path) -> None:
    (tmp_path / "products.csv").write_text("product,series,sales_price\nGTX Basic,GTX,550\n")
    assert isinstance(world_of(Options()), EmptyWorld)
    assert isinstance(world_of(Options(contacts=10)), GeneratedWorld)
    assert isinstance(world_of(Options(data=tmp_path, contacts=10)), CsvWorld)
    assert world_of(Options(contacts=100, share=(0.0, 0.5))).counts["people"] == 50


def test_a_new_account_has_one_user_and_nothing_else() -> None:
    world = EmptyWorld()
    assert {kind: len(list(getattr(world, kind)())) for kind in world.counts} == world.counts
    assert world.counts["agents"] == 1 == sum(world.counts.values())


def test_nonsense_options_are_refused() -> None:
    with pytest.raises(ValueError, match="limits"):
        Tiny(Options(limits="some"))
    with pytest.raises(UnknownSwitch, match="known: lag, missing, strict"):
        Tiny(Options(switches={"colour": "red"}))


def test_switches_are_typed_and_change_together_or_not_at_all() -> None:
    switches = TinySwitches.parse({"missing": 404, "lag": "7"})
    assert switches.as_dict() == {"missing": "404", "lag": 7, "strict": True}
    with pytest.raises(UnknownSwitch):
        switches.change({"lag": 1, "strict": "perhaps"})
    with pytest.raises(UnknownSwitch):
        switches.change({"lag": "many"})
    assert switches.lag == 7


def test_a_generated_world_is_loaded_quickly() -> None:
    """Ten thousand contacts with everything about them in well under the 15 s a hundred thousand may take."""
    world, store, began = GeneratedWorld(10_000, 1), Store(), time.process_time()
    for kind in ("companies", "people", "deals", "tasks", "talks"):
        store.put_many(kind, _rows(getattr(world, kind)()))
    assert time.process_time() - began < 5
    assert store.kinds() == {kind: world.counts[kind] for kind in ("companies", "deals", "people", "talks", "tasks")}
    store.close()


def _rows(records: Iterator[Any]) -> Iterator[tuple[int, int, int, str, str]]:
    for record in records:
        at = getattr(record, "created", None) or record.at
        yield record.key, at, getattr(record, "updated", at), "", orjson.dumps({"id": record.key, "agent": record.agent}).decode()
