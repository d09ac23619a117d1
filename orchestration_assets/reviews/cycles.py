"""Circles of imports that a change closes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from orchestration_assets.reviews.change import Change
from orchestration_assets.reviews.imports import Modules, imports_of, new_imports
from orchestration_assets.reviews.model import Finding
from orchestration_assets.reviews.rules import applies, finding

MOST_FILES = 4000
"""Looked at on the way round; where a circle is longer than that, it is not found."""
_LONGEST_CIRCLE = 6
"""Modules named in a sentence."""


def cycle_findings(change: Change) -> Iterator[Finding]:
    """For each import that runs while its file is loaded and that leads back to the file: where there was no circle through both before."""
    after, before = Modules(change.paths), Modules(change.old_paths)
    walks = _Walks(change, after, is_after=True), _Walks(change, before, is_after=False)
    told: set[frozenset[str]] = set()
    for path, _, each in new_imports(change, after):
        target = after.file_of(after.target(each))
        if not each.runs or target is None or target == path or not applies("import-cycle", path):
            continue
        way = walks[0].way(target, path)
        if way is None or frozenset(way) in told:
            continue
        if walks[1].way(path, target) is not None and walks[1].way(target, path) is not None:
            continue
        told.add(frozenset(way))
        names = [after.name_of(step) for step in [path, *way]]
        shown = names if len(names) <= _LONGEST_CIRCLE else [*names[:3], "…", *names[-2:]]
        circle = " → ".join(f"`{name}`" if name != "…" else name for name in shown)
        yield finding("import-cycle", path, each.line, line_at(change, path, each.line), circle)


def line_at(change: Change, path: str, line: int) -> str:
    lines = (change.text(path) or "").split("\n")
    return lines[line - 1] if 0 < line <= len(lines) else ""


class _Walks:
    """Ways along the imports of one tree. A file is read when somebody gets to it, and once."""

    def __init__(self, change: Change, modules: Modules, *, is_after: bool) -> None:
        self._change, self._modules, self._is_after = change, modules, is_after
        self._targets: dict[str, list[str]] = {}

    def way(self, start: str, end: str) -> list[str] | None:
        """The files on a shortest way, both ends among them; None where there is none."""
        came_from = {start: start}
        level = [start]
        while level and end not in came_from:
            self._read(path for path in level if path not in self._targets)
            following = []
            for path in level:
                for target in self._targets.get(path, []):
                    if target not in came_from:
                        came_from[target] = path
                        following.append(target)
            level = following
        if end not in came_from:
            return None
        way = [end]
        while way[-1] != start:
            way.append(came_from[way[-1]])
        return way[::-1]

    def _read(self, paths: Iterable[str]) -> None:
        room = MOST_FILES - len(self._targets)
        wanted = list(paths)[: max(0, room)]
        self._targets.update({path: [] for path in wanted})
        for path, text in self._change.texts(wanted, after=self._is_after):
            module = self._modules.name_of(path)
            found = (
                self._modules.file_of(self._modules.target(each))
                for each in imports_of(path, text, module)
                if each.runs
            )
            self._targets[path] = [target for target in dict.fromkeys(found) if target is not None and target != path]
