"""The programs of the corpus of incidents, each from its genuine event to a test: how many are reproduced without a model, by kind, what
is refused and why, and whether the mended program passes what was kept.

`python tests/benchmarks/incidents.py` prints the table; `--corpus FOLDER` takes programs that lie elsewhere, in the same form.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2])]

from orchestration_assets.incidents.examining import examine  # noqa: E402
from orchestration_assets.incidents.reproducing import run_test  # noqa: E402
from resources.sandbox import Sandbox  # noqa: E402
from resources.sentry_issues.facts import ErrorEvent  # noqa: E402
from tests.incidents import corpus  # noqa: E402
from tests.incidents.corpus import Program, error_event  # noqa: E402

AT_ONCE = 2
BAR = 0.8
SECONDS = 300.0


@dataclass(frozen=True)
class Tried:
    """`refusal`: "" where a test was kept. `is_wrong`: it was kept and passes on the faulty program. `is_mended`: it passes on the mended
    one. `seconds` without running the program itself."""

    program: Program
    refusal: str
    what: str = ""
    is_wrong: bool = False
    is_mended: bool = False
    tries: int = 0
    seconds: float = 0.0


def tried(program: Program, event: ErrorEvent, sandbox: Sandbox) -> Tried:
    began = time.perf_counter()
    examined = examine(event, program.sources(), sandbox)
    seconds = time.perf_counter() - began
    if examined.kept is None or examined.prepared is None:
        return Tried(program, examined.reason, tries=examined.tries, seconds=seconds)
    test, roots = examined.kept.attempt, examined.prepared.roots
    faulty, mended = (
        run_test(sandbox, tree, test.path, test.text, roots, seed=2) for tree in (program.sources(), program.fixed())
    )
    is_wrong = faulty is None or faulty.error is None or faulty.error.type != event.exceptions[-1].type
    is_mended = mended is not None and mended.outcome == "passed"
    return Tried(program, "", test.what, is_wrong, is_mended, examined.tries, seconds)


def measure(scale: float = 1.0) -> tuple[list[Tried], float]:
    """All programs, or a share of each kind, and the seconds that their tests took, two at once; without crashing the programs, and with
    the two runs that prove each kept test."""
    sandbox = Sandbox()
    sandbox.examine()
    chosen = [each for number, each in enumerate(corpus.programs()) if scale >= 1 or number % round(1 / scale) == 0]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        events = list(pool.map(error_event, chosen))
        began = time.perf_counter()
        outcomes = list(pool.map(lambda program, event: tried(program, event, sandbox), chosen, events))
    return outcomes, time.perf_counter() - began


def table(outcomes: list[Tried]) -> str:
    """By kind, then the refusals."""
    kinds: dict[str, list[Tried]] = defaultdict(list)
    for each in outcomes:
        kinds[each.program.kind].append(each)
    lines = [f"{'kind':<24}{'programs':>9}{'reproduced':>12}{'rate':>7}{'mended passes':>15}{'kept wrongly':>14}"]
    for kind, found in [*sorted(kinds.items()), ("all", outcomes)]:
        kept = [each for each in found if not each.refusal]
        wrong, mended = sum(each.is_wrong for each in kept), sum(each.is_mended for each in kept)
        lines.append(f"{kind:<24}{len(found):>9}{len(kept):>12}{len(kept) / len(found):>7.0%}{mended:>15}{wrong:>14}")
    reasons = Counter(_kind_of(each.refusal) for each in outcomes if each.refusal)
    lines += ["", "refused:"] + [f"  {count} {reason}" for reason, count in reasons.most_common()]
    lines += [f"    {each.program.identity}: {each.refusal}" for each in outcomes if each.refusal]
    lines += ["", "kept, but the mended program fails it:"]
    lines += [
        f"    {each.program.identity}: {each.what}" for each in outcomes if not each.refusal and not each.is_mended
    ]
    return "\n".join(lines)


def results(scale: float) -> Iterator[dict[str, object]]:
    from measuring import at_least, at_most_by

    outcomes, seconds = measure(scale)
    sys.stderr.write(table(outcomes) + "\n")
    kept = [each for each in outcomes if not each.refusal]
    yield at_least("incidents: reproduced without a model", len(kept), len(outcomes), BAR)
    yield at_least(
        "incidents: kept tests that the mended program passes", sum(each.is_mended for each in kept), len(kept), BAR
    )
    yield at_most_by("incidents: tests kept wrongly", sum(each.is_wrong for each in kept), 1e-9)
    yield at_most_by("incidents: seconds for all, two at once", seconds, SECONDS)


def _kind_of(refusal: str) -> str:
    """A refusal without its names."""
    return re.sub(r"`[^`]*`|'[^']*'|\d+|\b[\w.]+\.py\b", "…", refusal.partition(":")[0])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, help="a folder of programs in the form of tests/incidents/programs")
    parser.add_argument("--scale", type=float, default=1.0)
    options = parser.parse_args()
    if options.corpus is not None:
        corpus.PROGRAMS = options.corpus
    outcomes, seconds = measure(options.scale)
    sys.stdout.write(f"{table(outcomes)}\n\n{seconds:.0f} s, {AT_ONCE} at once\n")
    kept = [each for each in outcomes if not each.refusal]
    return 0 if len(kept) >= BAR * len(outcomes) and not any(each.is_wrong for each in kept) else 1


if __name__ == "__main__":
    sys.exit(main())
