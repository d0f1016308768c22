"""Section (b): how fast rows get from an unlimited stand-in into typed tables, by us, by others, and at best."""

import os
from typing import Any

from crm_pipeline_tests.bench.ground import Ground
from crm_pipeline_tests.bench.sizes import Sizes
from crm_pipeline_tests.bench.stand_ins import StandIn, standing
from crm_pipeline_tests.bench.tables import Section, say
from crm_pipeline_tests.bench.watched import Outcome, run

LESS = "amochka ETL"
AIMS = {"dlt, as documented": 5.0, "dlt, tuned": 3.0, "amochka ETL": 10.0}


def unthrottled(ground: Ground, sizes: Sizes) -> Section:
    """Load both CRMs with everything there is to load them with."""
    section = Section(
        "b", f"Unthrottled initial load, {sizes.unthrottled:,} contacts",
        "5 times dlt as documented, 3 times dlt tuned, 10 times amochka, 1 time fast-bitrix24 + COPY in a tenth of its memory.",
        ("System", "Rows", "Seconds", "Rows/s", "CPU, s", "Peak memory, MB", "Ours is … times as fast"),
    )  # fmt: skip
    amocrm, bitrix24 = StandIn("amocrm", sizes.unthrottled), StandIn("bitrix24", sizes.unthrottled)
    with standing(amocrm, bitrix24):
        _ = amocrm.said, bitrix24.said
        for loads in (_amocrm(ground, amocrm), _bitrix24(ground, bitrix24)):
            _tell(section, loads)
    section.notes = [
        "Ours stores everything: raw payload as jsonb, typed rows, links, phones in E.164, stage history, cursors, the queue of "
        "what is to be reconciled. Its rows/s do not count reconciling into `crm.*`, which follows and is given above.",
        "Our own rate budget would hold us at the vendor's rate; the connection is set to rate=100000 burst=100000, "
        "and asks it for every slot as always.",
        "COPY bound: the rows our load has left, from memory, by COPY to a temporary table and one INSERT … ON CONFLICT a table.",
        "Rows are new records; fast-bitrix24 counts product rows too, which we keep as links of deals. "
        "How many times as fast: by time, for amochka by rows.",
        "CPU: processor seconds of the system's own processes, without Postgres and the stand-in; ours with reconciling.",
        "dlt tuned: flat tables, csv loader, parallel lists, two normalizing processes. dlt and amochka run on amoCRM, "
        "fast-bitrix24 on Bitrix24.",
        "amochka loads contacts, leads, tasks and notes of leads only. Two unique indexes its own statements need and its "
        "migrations lack were added.",
    ]
    return section


def _tell(section: Section, loads: list[Outcome]) -> None:
    ours = loads[0]
    for load in loads:
        times = "" if load is ours or not load.rate else f"{_times(ours, load):.2f}"
        name = f"{load.name}" + (f" (failed: {load.why})" if load.why else "")
        used = ("", "") if "bound" in load.name else (f"{load.facts.get('cpu', 0.0):.1f}", f"{load.peak_mb:.0f}")
        section.rows.append((name, f"{load.rows:,}", f"{load.seconds:.1f}", f"{load.rate:,.0f}", *used, times))
    for load in loads[1:]:
        if load.rate and load.name in AIMS:
            section.ratios.append(f"{load.name}: {_times(ours, load):.1f} times (aim {AIMS[load.name]:.0f}).")
        elif load.rate and "bound" in load.name:
            section.ratios.append(f"{ours.name}: {_times(ours, load):.0%} of the {load.name}.")
        elif load.rate:
            section.ratios.append(
                f"{load.name}: {_times(ours, load):.2f} times as fast at {ours.peak_mb / load.peak_mb:.0%} of its memory."
            )
    reconciling = ours.facts.get("reconcile_seconds", 0.0)
    section.ratios.append(
        f"{ours.name}: reconciling {ours.facts.get('golden', 0):,} golden records takes {reconciling:.1f} s more."
    )


def _times(ours: Outcome, load: Outcome) -> float:
    """Return how many times as fast ours is: by time where both bring the same, by rows where the other brings less."""
    return ours.rate / load.rate if load.name == LESS else load.seconds / ours.seconds if ours.seconds else 0.0


def _amocrm(ground: Ground, stand: StandIn) -> list[Outcome]:
    task = {"url": stand.url, "token": stand.secrets["access_token"], "catalogs": _catalogs(stand)}
    ours = _ours(ground, stand)
    return [
        ours,
        *_bounds(ground, ours, stand.crm),
        _other(ground, "dlt_load", task | {"tuned": False}, "dlt, as documented"),
        _other(ground, "dlt_load", task | {"tuned": True}, "dlt, tuned"),
        _other(ground, "amochka_etl", task, "amochka ETL"),
    ]


def _bitrix24(ground: Ground, stand: StandIn) -> list[Outcome]:
    ours = _ours(ground, stand)
    task = {"webhook": stand.secrets["webhook_url"], "paced": False}
    return [ours, *_bounds(ground, ours, stand.crm), _other(ground, "fast_bitrix24_copy", task, "fast-bitrix24 + COPY")]


def _catalogs(stand: StandIn) -> list[str]:
    return [kind.removeprefix("elements_") for kind in stand.counts if kind.startswith("elements_")]


def _ours(ground: Ground, stand: StandIn) -> Outcome:
    url = ground.connected(f"ours_{stand.crm}", stand)
    task = {"connection": stand.crm, "mode": "initial"}
    return _said(run("ours", task, ground.environment(url), ground.place("ours"), name=f"crm-pipeline, {stand.crm}"))


def _bounds(ground: Ground, ours: Outcome, crm: str) -> list[Outcome]:
    """Measure the bound of the rows just loaded; the rows counted are those the load read."""
    found = []
    for raw, name in ((False, "COPY bound, typed"), (True, "COPY bound, typed and raw jsonb")):
        task = {
            "from": ground.url(f"ours_{crm}"),
            "database": ground.database("bound", f"ours_{crm}"),
            "raw": raw,
            "rows": ours.rows,
        }
        found.append(_said(run("bare_copy", task, os.environ, ground.place("bound"), name=f"{name}, {crm}")))
    return found


def _other(ground: Ground, system: str, task: dict[str, Any], name: str) -> Outcome:
    own = {"database": ground.database(f"other_{system}"), "folder": str(ground.place(system))}
    return _said(run(system, task | own, os.environ, ground.place(system), name=name))


def _said(outcome: Outcome) -> Outcome:
    say(f"  {outcome.name}: {outcome.why or f'{outcome.seconds:.1f} s, {outcome.rate:,.0f} rows/s, {outcome.peak_mb:.0f} MB'}")
    return outcome
