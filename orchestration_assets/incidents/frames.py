"""From the frames of an event to places in the source of its release.

What belongs here: finding a frame's file by the end of its path, trusting it only where the line that Sentry shows is really there, and
grouping the frames of one call with those of the comprehensions in it.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import PurePosixPath

from orchestration_assets.incidents.sources import Function, Module, Sources
from resources.sentry_issues.facts import Frame

FURTHEST = 200
"""Lines that code may have moved between the release and the commit that stands for it."""
INLINE = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>", "<lambda>"})
MODULE = "<module>"
_LIBRARIES = ("site-packages", "dist-packages")


@dataclass(frozen=True)
class Place:
    """A frame and where its code is. `line` counts in the source of the tree. `number` is the frame's in the event."""

    number: int
    frame: Frame
    module: Module
    line: int
    function: Function | None
    """None at the top level of a module."""

    @property
    def is_inline(self) -> bool:
        return self.frame.function in INLINE


@dataclass(frozen=True)
class Level:
    """One call: its own frame, and those of comprehensions and lambdas that run in it, outermost first."""

    places: tuple[Place, ...]
    below: tuple[Frame, ...] = ()
    """Frames of libraries between it and the next one."""

    @property
    def place(self) -> Place:
        return self.places[0]

    @property
    def module(self) -> Module:
        return self.place.module

    @property
    def function(self) -> Function | None:
        return self.place.function

    @property
    def variables(self) -> dict[str, str]:
        """By name; those of the comprehensions count less than the function's own."""
        found: dict[str, str] = {}
        for place in self.places:
            found = place.frame.vars | found
        return found

    @property
    def statement(self) -> ast.stmt | None:
        """What was running: the innermost statement that holds the line."""
        return statement_at(self.body, self.places[-1].line)

    @property
    def body(self) -> list[ast.stmt]:
        return self.module.tree.body if self.function is None else self.function.node.body


def statement_at(body: list[ast.stmt], line: int) -> ast.stmt | None:
    """The innermost statement of a function's body that holds the line, never one of a function within."""
    for statement in body:
        if statement.lineno <= line <= (statement.end_lineno or statement.lineno):
            for inner in blocks(statement):
                if found := statement_at(inner, line):
                    return found
            return statement
    return None


def blocks(statement: ast.stmt) -> list[list[ast.stmt]]:
    """The bodies within a compound statement."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return []
    found = [getattr(statement, name) for name in ("body", "orelse", "finalbody") if getattr(statement, name, None)]
    found += [handler.body for handler in getattr(statement, "handlers", [])]
    found += [case.body for case in getattr(statement, "cases", [])]
    return found


def places(frames: list[Frame], sources: Sources) -> list[Place]:
    """Those frames whose code is in the tree, outermost first. Frames of libraries and of generated code are left out."""
    paths = {}
    for number, frame in enumerate(frames):
        if path := path_of(frame, sources):
            paths[number] = path
            sources.place(path, frame.module)
    found = []
    for number, path in paths.items():
        frame, module = frames[number], sources.module(path)
        if module is None or (line := _line_of(frame, module)) is None:
            continue
        function = None if frame.function == MODULE else module.function_at(frame.function, line)
        if function is None and frame.function not in {MODULE, *INLINE}:
            continue
        found.append(Place(number, frame, module, line, function))
    return found


def levels(frames: list[Frame], found: list[Place]) -> list[Level]:
    """Calls, outermost first."""
    groups: list[list[Place]] = []
    for place in found:
        last = groups[-1][0] if groups else None
        is_within = (
            last is not None
            and place.is_inline
            and place.module is last.module
            and (place.function.node if place.function else None) is (last.function.node if last.function else None)
        )
        if is_within:
            groups[-1].append(place)
        else:
            groups.append([place])
    ends = [group[0].number for group in groups[1:]] + [len(frames)]
    return [
        Level(tuple(group), tuple(frames[group[-1].number + 1 : end])) for group, end in zip(groups, ends, strict=True)
    ]


def path_of(frame: Frame, sources: Sources) -> str | None:
    """The file of the tree that the frame's path ends in, if the line that it shows is in it. None where none can be told."""
    written = (frame.abs_path or frame.filename).replace("\\", "/")
    parts = PurePosixPath(written).parts
    if not parts or parts[-1].startswith("<"):
        return None
    is_library = not frame.in_app or any(each in parts for each in _LIBRARIES)
    rated = []
    for path in sources.paths:
        if path.rpartition("/")[2] != parts[-1]:
            continue
        own = PurePosixPath(path).parts
        common = 0
        while common < min(len(own), len(parts)) and own[-1 - common] == parts[-1 - common]:
            common += 1
        is_named = frame.module not in {"", "__main__"} and path.removesuffix(".py").removesuffix("/__init__").endswith(
            frame.module.replace(".", "/")
        )
        rated.append((_shows(frame, path, sources), is_named, common == len(own), common, -len(own), path))
    shown, is_named, is_whole, *_, path = max(rated, default=(False, False, False, 0, 0, ""))
    if is_library and not (shown and is_whole and is_named):
        return None
    return path if shown or (path and not frame.context_line) else None


def _shows(frame: Frame, path: str, sources: Sources) -> bool:
    wanted = frame.context_line.strip()
    return bool(wanted) and any(_is_shown(wanted, line) for line in (sources.text(path) or "").splitlines())


def _is_shown(wanted: str, line: str) -> bool:
    """Sentry may have cut a long line at either end."""
    line = line.strip()
    return line == wanted or (len(wanted) > 60 and wanted.strip(". {}'") in line)


def _line_of(frame: Frame, module: Module) -> int | None:
    """Where the frame's line is now: at its number, or near it."""
    wanted, told = frame.context_line.strip(), frame.lineno
    if not wanted:
        return told if told is not None and 0 < told <= len(module.lines) else None
    same = [number for number, line in enumerate(module.lines, start=1) if _is_shown(wanted, line)]
    if told is None:
        return same[0] if len(same) == 1 else None
    nearest = min(same, key=lambda number: abs(number - told), default=None)
    return nearest if nearest is not None and abs(nearest - told) <= FURTHEST else None
