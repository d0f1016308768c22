"""Many runs in a row: `make chaos SEED=1 RUNS=200`, or python -m crm_pipeline_tests.whole.chaos --seed 1 --runs 200.

A line per run as it ends, a table at the end, exit code 1 when a promise was broken, with how to see that run again.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from crm_pipeline.database.embedded import ensure_running, erase
from crm_pipeline.database.engine import engine_for
from crm_pipeline.database.migrate import migrate
from crm_pipeline_tests.conftest import administer, url_of
from crm_pipeline_tests.whole.runs import Outcome, Place, open_place, plan_of, run, shortened
from crm_pipeline_tests.whole.steps import Plan

COUNTED = ("steps", "edits", "writes", "kills", "faults")


def main() -> int:
    """Run, print, and return the exit code."""
    asked = _arguments()
    outcomes: list[Outcome] = []
    with TemporaryDirectory(prefix="crm-chaos-home-") as name:
        Path(name).chmod(0o755)
        home = Path(name).resolve() / ".crm"
        try:
            server = ensure_running(home)
            with open_place(server, _template(server), asked.sabotage) as place:
                for number in range(asked.seed, asked.seed + asked.runs):
                    outcomes.append(_one(place, number, asked))
                    if asked.stop and outcomes[-1].violations:
                        break
        finally:
            erase(home)
    print(table(outcomes))
    return 1 if any(one.violations for one in outcomes) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="seed of the first run; the others count on from it")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--sabotage", default="", help="break a promise on purpose")
    parser.add_argument("--only", default="", help="take these steps only, such as revenant,people_edit")
    parser.add_argument("--stop", action="store_true", help="stop at the first run with a violation")
    parser.add_argument("--story", action="store_true", help="print what happened in every run")
    parser.add_argument("--shorten", action="store_true", help="look for the few steps that break the same promise")
    parser.add_argument("--log", default="", help="file to keep the log of the last run in")
    return parser.parse_args()


def _template(server: str) -> str:
    for setting in ("fsync = off", "synchronous_commit = off"):  # processes are killed here, not the server
        administer(server, f"ALTER SYSTEM SET {setting}")
    administer(server, "SELECT pg_reload_conf()")
    administer(server, "CREATE DATABASE {}", "template_chaos")
    engine = engine_for(url_of(server, "template_chaos"))
    migrate(engine)
    engine.dispose()
    return "template_chaos"


def _one(place: Place, number: int, asked: argparse.Namespace) -> Outcome:
    only = [name for name in asked.only.split(",") if name]
    plan = [(name, chance) for chance in range(number * 6, number * 6 + 6) for name in only]
    outcome = run(place, str(number), plan or None)
    counts = " ".join(f"{name} {outcome.counts.get(name, 0)}" for name in COUNTED)
    print(f"seed {number}: {counts} violations {len(outcome.violations)} seconds {outcome.seconds:.1f}", flush=True)
    for sentence in outcome.violations:
        print(f"    {sentence}")
    if asked.story:
        print("\n".join(f"    | {line}" for line in outcome.story))
    if asked.log:
        Path(asked.log).write_text(outcome.log, encoding="utf-8")
    if outcome.violations and asked.shorten:
        _shorten(place, outcome)
    sys.stdout.flush()
    return outcome


def _shorten(place: Place, outcome: Outcome) -> None:
    """Print the shortest plan found that breaks the promise that was broken first."""
    promise = outcome.violations[0].partition(":")[0]

    def still_fails(plan: Plan) -> bool:
        again = run(place, outcome.seed, plan)
        return any(one.startswith(promise) for one in again.violations)

    plan = shortened(plan_of(outcome.seed), still_fails)
    print(f"    the same with: {plan}")
    print("\n".join(f"    | {line}" for line in run(place, outcome.seed, plan).story))


def table(outcomes: list[Outcome]) -> str:
    """Return the tally as a Markdown table, and how to repeat what went wrong."""
    sums: Counter[str] = Counter()
    for one in outcomes:
        sums.update({name: one.counts.get(name, 0) for name in COUNTED} | {"violations": len(one.violations)})
    seconds = sum(one.seconds for one in outcomes)
    lines = ["", "| runs | " + " | ".join((*COUNTED, "violations")) + " | seconds |", "|---:" * (len(COUNTED) + 3) + "|"]
    lines.append(
        f"| {len(outcomes)} | " + " | ".join(str(sums[name]) for name in (*COUNTED, "violations")) + f" | {seconds:.0f} |"
    )
    lines += [f"make chaos SEED={one.seed} RUNS=1" for one in outcomes if one.violations]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
