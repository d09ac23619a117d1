"""Whether an error is mended since: the kept test on later commits of the default branch.

What belongs here: bisection over the branch's own line, with a bound on how often anything is run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, log2

from resources.git import Repository
from resources.git.mirrors import default_tips
from resources.git.process import GitFailed, run

MOST_COMMITS = 4096
"""Later commits that are looked at; the error in an older release is compared with the newest of them alone."""


@dataclass(frozen=True)
class Since:
    """`head`: the newest commit of the default branch. `fixed`: the first on which the test passes; None where it fails at the head."""

    head: str
    fixed: str | None
    runs: int


def line_after(repository: Repository, commit: str) -> list[str]:
    """The commits of the default branch's own line after `commit`, oldest first; all where it is not on it."""
    tips = default_tips(repository)
    if not tips:
        return []
    try:
        listed = run(
            [f"--git-dir={repository.git_dir}"],
            ["rev-list", "--first-parent", f"--max-count={MOST_COMMITS}", "--end-of-options", tips[0], f"^{commit}"],
        )
    except GitFailed:
        return []
    return listed.decode().split()[::-1]


def fixed_since(line: Sequence[str], passes: Callable[[str], bool]) -> Since | None:
    """Where along `line` (oldest first) a test began to pass that failed before it and, if it passes at all, passes at its end. None for
    an empty line. At most 1 + log2(len(line)) runs, rounded up."""
    if not line:
        return None
    runs = 1
    if not passes(line[-1]):
        return Since(line[-1], None, runs)
    low, high = -1, len(line) - 1
    while high - low > 1 and runs <= most_runs(len(line)):
        middle = (low + high) // 2
        runs += 1
        if passes(line[middle]):
            high = middle
        else:
            low = middle
    return Since(line[-1], line[high], runs)


def most_runs(length: int) -> int:
    return 1 + ceil(log2(max(1, length)))
