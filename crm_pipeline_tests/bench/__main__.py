"""`make bench`: measure, print, write `docs/benchmarks.md`.

`--only a,c` chooses sections: those are replaced in the document. `--quick` is a smoke run and does not write it.
"""

import argparse
import os
import time
from contextlib import ExitStack

from crm_pipeline_tests.bench.draining import draining
from crm_pipeline_tests.bench.ground import Ground, ground
from crm_pipeline_tests.bench.growth import fill, growth
from crm_pipeline_tests.bench.matching import matching
from crm_pipeline_tests.bench.queueing import queueing
from crm_pipeline_tests.bench.real_limits import real_limits
from crm_pipeline_tests.bench.serving import serving
from crm_pipeline_tests.bench.sizes import FULL, QUICK, Sizes
from crm_pipeline_tests.bench.stand_ins import standing
from crm_pipeline_tests.bench.tables import DOCUMENT, Section, measured_now, say, write
from crm_pipeline_tests.bench.unthrottled import unthrottled

LETTERS = "abcdefg"
QUIET = 0.7
"""Load average of a machine that does nothing else."""


def main() -> None:
    """Run the sections asked for."""
    asked = _asked()
    began, load = time.monotonic(), os.getloadavg()[0]
    if load > QUIET:
        say(f"Something else is at work here (load {load:.1f}): the numbers will be worse than they are.")
    with ground() as place:
        sections = _measure(place, QUICK if asked.quick else FULL, set(asked.only.split(",")))
        postgres = place.server_version()
    for section in sections:
        section.show()
    minutes = (time.monotonic() - began) / 60
    if not asked.quick:
        command = "make bench" if set(asked.only.split(",")) == set(LETTERS) else f"make bench ONLY={asked.only}"
        write(sections, measured_now(command, minutes, load), postgres)
        say(f"Written to docs/{DOCUMENT.name}, {minutes:.1f} minutes.")


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m crm_pipeline_tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, nothing written")
    parser.add_argument("--only", default=",".join(LETTERS), help="sections, such as a,b")
    asked = parser.parse_args()
    if not set(asked.only.split(",")) <= set(LETTERS):
        parser.error(f"--only takes some of {', '.join(LETTERS)}")
    return asked


def _measure(place: Ground, sizes: Sizes, letters: set[str]) -> list[Section]:
    """Do (b), (e), (f), (g) on a quiet machine; (a) hardly uses it, so the big stand-ins of (c) and (d) are filled meanwhile."""
    found: list[Section] = []
    with ExitStack() as stack:
        if "b" in letters:
            say("(b) unthrottled")
            found.append(unthrottled(place, sizes))
        if "e" in letters:
            say("(e) matching and reconciling")
            found += matching(place, sizes)
        if "f" in letters:
            say("(f) writing back")
            found += [queueing(place, sizes), *draining(place, sizes)]
        if "g" in letters:
            say("(g) the API")
            found += serving(place, sizes)
        stands = fill(sizes) if letters & {"c", "d"} else []
        stack.enter_context(standing(*stands))
        if "a" in letters:
            say("(a) real limits")
            found.append(real_limits(place, sizes))
        if stands:
            say("(c) and (d) growth")
            found += growth(place, sizes, stands)
    return sorted((section for section in found if section.letter in letters), key=lambda section: section.letter)


if __name__ == "__main__":
    main()
