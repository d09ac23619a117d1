"""Reading a history: how close the reader comes to git alone, and that its memory does not grow with the history.

`results()` measures on a generated history of 20,000 commits. Git is one process and the parser works beside it, so
that reading should cost what `git log` costs that throws its output away.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypedDict

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from git_repositories import clean_environment, generate  # noqa: E402

from resources.git import open_repository, read_commits, read_graph  # noqa: E402

COMMITS = 20_000
ROUNDS = 5
WALL_BAR = 1.15
MEMORY_BAR = 100.0
WALK_BAR = 2.0


class Result(TypedDict):
    """One figure: `ratio` is ours over the reference, and holds where it is at most `bar` (or where `ours` is, without
    one)."""

    name: str
    ours: float
    reference: float | None
    ratio: float | None
    bar: float
    holds: bool


def results(commits: int = COMMITS, rounds: int = ROUNDS) -> Iterator[Result]:
    """Seconds of reading against `git log --all --numstat -M -z`, seconds of the walk, megabytes that memory grows
    by."""
    with tempfile.TemporaryDirectory(prefix="soloist-benchmark-") as folder:
        big, small = Path(folder) / "big", Path(folder) / "small"
        generate(big, commits)
        generate(small, commits // 10)
        yield _reading(big, rounds)
        yield _walking(big, rounds)
        yield _memory(big, small)


def _reading(path: Path, rounds: int) -> Result:
    repository = open_repository(path)
    ours, reference = [], []
    for _ in range(rounds):
        reference.append(_seconds(lambda: _git_alone(path)))
        ours.append(_seconds(lambda: sum(1 for _ in read_commits(repository))))
    mine, theirs = statistics.median(ours), statistics.median(reference)
    ratio = mine / theirs
    return Result(
        name="git history: seconds to read, against git log alone",
        ours=mine,
        reference=theirs,
        ratio=ratio,
        bar=WALL_BAR,
        holds=ratio <= WALL_BAR,
    )


def _walking(path: Path, rounds: int) -> Result:
    repository = open_repository(path)

    def walk() -> None:
        graph = read_graph(repository)
        graph.landings()
        graph.branch_of()

    seconds = statistics.median(_seconds(walk) for _ in range(rounds))
    name = "git history: seconds to read the graph and tell what landed"
    return Result(name=name, ours=seconds, reference=None, ratio=None, bar=WALK_BAR, holds=seconds <= WALK_BAR)


def _memory(big: Path, small: Path) -> Result:
    growth = _peak_megabytes(big) - _peak_megabytes(small)
    name = "git history: megabytes that memory grows by with ten times the commits"
    return Result(name=name, ours=growth, reference=None, ratio=None, bar=MEMORY_BAR, holds=growth <= MEMORY_BAR)


_MEASURED = """
import sys
from resources.git import open_repository, read_commits
for commit in read_commits(open_repository(sys.argv[1])):
    pass
# Not `ru_maxrss`: that starts with what the parent process had.
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(int(peak.split()[1]) / 1024)
"""


def _peak_megabytes(path: Path) -> float:
    """Of a fresh process that reads everything and keeps nothing."""
    done = subprocess.run([sys.executable, "-c", _MEASURED, path], cwd=ROOT, capture_output=True, text=True, check=True)
    return float(done.stdout)


def _git_alone(path: Path) -> None:
    command = ["git", "-C", str(path), "log", "--all", "--numstat", "-M", "-z"]
    subprocess.run(command, stdout=subprocess.DEVNULL, env=clean_environment(), check=True)


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    for result in results():
        print(result)
