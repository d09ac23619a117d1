"""From one event and the tree of its release to the tests that may show it again, in the order in which they are worth trying.

What belongs here: putting together frames, candidates and what surrounds them. Nothing is run.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from orchestration_assets.incidents import candidates, environment, frames, inverting, rendering, scripts
from orchestration_assets.incidents.candidates import Candidate
from orchestration_assets.incidents.frames import Level, Place
from orchestration_assets.incidents.inverting import Fact
from orchestration_assets.incidents.rendering import About
from orchestration_assets.incidents.reproducing import Attempt
from orchestration_assets.incidents.reprs import Unrebuildable
from orchestration_assets.incidents.sources import Sources
from orchestration_assets.incidents.surroundings import World
from resources.git.trees import Tree
from resources.sentry_issues.facts import ErrorEvent, RaisedException


@dataclass
class Prepared:
    """An event on a tree. `reasons`: why what was not tried was not."""

    event: ErrorEvent
    raised: RaisedException
    sources: Sources
    places: list[Place]
    levels: list[Level]
    about: About
    reasons: list[str] = field(default_factory=list)

    @property
    def roots(self) -> list[str]:
        """Folders of the tree that its modules are imported from."""
        return sorted({"", *(place.module.root for place in self.places)})

    @property
    def own_modules(self) -> frozenset[str]:
        paths = (path.removeprefix("src/") for path in self.sources.paths)
        own = {path.partition("/")[0].removesuffix(".py") for path in paths}
        own |= {place.module.name.partition(".")[0] for place in self.places}
        return frozenset(own)


def prepare(event: ErrorEvent, tree: Tree) -> Prepared | str:
    """Or a sentence that says why nothing can be made of it."""
    if not event.exceptions:
        return "The event holds no exception."
    raised = event.exceptions[-1]
    sources = Sources(tree)
    places = frames.places(raised.frames, sources)
    if not places:
        return "No frame of the event is in the source of its release."
    about = About(raised.type, raised.value, event.url, event.release or "", _slug(raised, places), _short_id(event))
    return Prepared(event, raised, sources, places, frames.levels(raised.frames, places), about)


def attempts(prepared: Prepared) -> Iterator[Attempt]:
    """The most faithful first."""
    known = inverting.facts(prepared.levels, prepared.sources, prepared.raised.value)
    runs = scripts.runs(prepared.levels, prepared.sources, known, prepared.reasons)
    is_run_first = bool(prepared.levels) and _is_best_run(prepared.levels[0])
    called = candidates.calls(prepared.levels, prepared.sources, prepared.reasons)
    for candidate in chain(runs if is_run_first else [], called, [] if is_run_first else runs):
        for world in _worlds(prepared, candidate, known):
            try:
                scripts.require_told(prepared.levels[candidate.number], world.argv, world.stdin)
                text = rendering.render(candidate, world, prepared.about, prepared.own_modules)
            except Unrebuildable as error:
                prepared.reasons.append(f"{candidate.what}: {error}")
                continue
            yield Attempt(prepared.about.path, text, candidate.what, candidate.approximations)


def _is_best_run(entry: Level) -> bool:
    """Whether a script cannot be imported, or handles errors around its call: what is raised when all is well may be one of them."""
    if entry.function is not None:
        return False
    line = entry.place.line
    return not entry.module.is_importable or any(
        isinstance(each, ast.Try) and each.handlers and each.body[0].lineno <= line <= (each.body[-1].end_lineno or 0)
        for each in ast.walk(entry.module.tree)
    )


def _worlds(prepared: Prepared, candidate: Candidate, known: Sequence[Fact]) -> Iterator[World]:
    """What surrounds the call: all that it read, and then, where it read files, without these."""
    near = prepared.levels[candidate.number].module
    reachable = environment.reachable(near, prepared.sources)
    clocks = environment.clocks(reachable)
    if prepared.levels[candidate.number].function is None:
        # The module itself is about to be run: only what it imports its clock from can be replaced before.
        clocks = environment.clocks(reachable[1:]) | environment.origins(environment.clocks([near]))
    told = [fact for fact in known if fact.number >= candidate.number]
    files = {
        str(fact.key): fact.value
        for fact in told
        if fact.kind == "file" and str(fact.key) not in prepared.sources.all_paths
    }
    world = World(
        environment={str(fact.key): fact.value for fact in told if fact.kind == "environment"},
        files=files,
        argv=scripts.command_line(told, prepared.levels[0].module.path),
        stdin=next((fact.value for fact in told if fact.kind == "stdin"), None),
        now=prepared.event.happened_at if clocks else None,
        clocks=clocks,
        is_logged=bool(prepared.raised.handled and prepared.event.message),
    )
    yield world
    if files or world.is_logged:
        yield replace(world, files={}, is_logged=False)


def _slug(raised: RaisedException, places: list[Place]) -> str:
    last = places[-1]
    function = last.function.node.name if last.function else last.module.name.rpartition(".")[2]
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", f"{function}_{raised.type}").lower()
    return re.sub(r"[^a-z0-9]+", "_", words).strip("_")[:60] or "error"


def _short_id(event: ErrorEvent) -> str:
    return re.sub(r"[^a-z0-9]+", "", event.event_id.lower())[:8] or "event"
