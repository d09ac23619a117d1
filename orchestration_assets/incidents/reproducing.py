"""Trying candidates in the sandbox until one fails as the error did.

What belongs here: one run and its report; which try is kept. What is believed of a report: see `driver.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestration_assets.incidents.frames import Place
from orchestration_assets.incidents.judging import Report, Verdict, judge
from resources.sandbox import JOB, Finished, Limits, Sandbox
from resources.sentry_issues.facts import RaisedException

MOST_TRIES = 12
MOST_SILENT = 3
"""Tests that were killed, most often for their time, after which no other one is tried."""
ENOUGH = 0.75
"""Share of the values in all calls that have to be the same. Not all of them: of the calls that show the error the outermost is worth
most, for its mend may lie anywhere within, and what was gone through before is often not told."""
LIMITS = Limits(seconds=30.0, cpu_seconds=25)
_DRIVER = Path(__file__).with_name("driver.py")
_DRIVER_NAME = ".regression/driver.py"
_REPORT = ".regression/report.json"


@dataclass(frozen=True)
class Attempt:
    """A test, and how it is called in an account."""

    path: str
    text: str
    what: str
    approximations: int = 0


@dataclass(frozen=True)
class Reproduced:
    """`tries`: how many tests were run, the kept one with its second run."""

    attempt: Attempt
    verdict: Verdict
    tries: int


@dataclass(frozen=True)
class NotReproduced:
    """`is_silent`: of some test nothing came back, so that it may have been killed through no fault of its own."""

    reason: str
    tries: int
    is_silent: bool = False


def run_test(
    sandbox: Sandbox, tree: Mapping[str, bytes], path: str, text: str, roots: Iterable[str], seed: int = 0
) -> Report | None:
    """One test on one tree. None where nothing readable came back."""
    return Report.read(_run(sandbox, tree, path, text, roots, seed).files.get(_REPORT))


def _run(
    sandbox: Sandbox, tree: Mapping[str, bytes], path: str, text: str, roots: Iterable[str], seed: int
) -> Finished:
    files = {**tree, path: text.encode(), _DRIVER_NAME: _DRIVER.read_bytes()}
    command = ["python3", "-B", _DRIVER_NAME, JOB, f"{JOB}/{_REPORT}", path, *[root or "." for root in roots]]
    environment = {
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONHASHSEED": str(seed),
        "TZ": "UTC",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return sandbox.run(command, files, limits=LIMITS, collect=[_REPORT], environment=environment)


def reproduce(
    sandbox: Sandbox,
    tree: Mapping[str, bytes],
    attempts: Iterable[Attempt],
    raised: RaisedException,
    places: list[Place],
    most: int = MOST_TRIES,
    heard: Callable[[Attempt, str], None] = lambda attempt, complaint: None,
) -> Reproduced | NotReproduced:
    """The first that fails as the error did with nearly all the same values, twice, the second time with another order of sets. Raises
    SandboxUnavailable, SandboxRefused, SandboxFailed."""
    roots = sorted({"", *(place.module.root for place in places)})
    complaints: list[str] = []
    seen: set[str] = set()
    tries = silent = 0
    for attempt in attempts:
        if attempt.text in seen:
            continue
        if tries >= most or silent >= MOST_SILENT:
            break
        seen.add(attempt.text)
        complaint = ""
        for seed in (0, 1):
            tries += 1
            report = run_test(sandbox, tree, attempt.path, attempt.text, roots, seed)
            silent += report is None
            verdict = judge(report, raised, places)
            complaint = verdict.complaint
            if verdict.is_same and verdict.whole < ENOUGH:
                complaint = f"only {verdict.whole:.0%} of the values are the same"
            if complaint:
                complaint = f"another time {complaint}" if seed else complaint
                break
        heard(attempt, complaint)
        if not complaint:
            return Reproduced(attempt, verdict, tries)
        complaints.append(f"{attempt.what}: {complaint}")
    return NotReproduced(complaints[0] if complaints else "", tries, silent > 0)
