"""A build in a folder of its own: a scripted model on loopback, a ledger, a warehouse for replies, and a checker."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestration_assets.code.building import Build, Standing, Terms
from orchestration_assets.code.checking import Checked, Checker, Reason, Work
from orchestration_assets.code.ledger import Ledger
from orchestration_assets.code.making import wire_limit
from orchestration_assets.code.model import Plan
from orchestration_assets.code.paths import is_test
from orchestration_assets.code.quality import TestReport, TestResult
from orchestration_assets.code.quality.files import hash_of
from orchestration_assets.code.state import Built
from orchestration_assets.code.static_checks import criteria_shown, tests_of
from orchestration_assets.derivation import DERIVATIONS
from orchestration_assets.model_records import MODEL_CALLS, REPLIES, KeptReplies, keep
from resources.language_model.asking import Asking
from resources.language_model.backend import EndpointBackend
from resources.language_model.configuration import LanguageModelConfig
from resources.warehouse import Warehouse

WRONG = "# wrong"
"""In a file, for the scripted checker: it fails."""


LONGEST_S = 120.0
"""A build that takes longer hangs."""


@dataclass
class ScriptedChecker:
    """Takes `seconds` for each check, and fails files that hold `# wrong`; `# wrong, says PATH` blames another file's task for it."""

    seconds: Callable[[str], float] = lambda task: 0.0
    works: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    spent: dict[str, list[float]] = field(default_factory=dict)
    broken: list[Exception] = field(default_factory=list)
    breaks_for: tuple[str, ...] = ()
    """The tasks whose checks break; of none, all."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def check(self, work: Work) -> Checked:
        with self._lock:
            self.works.append((work.task.id, tuple(work.tests)))
            if self.broken and (not self.breaks_for or work.task.id in self.breaks_for):
                raise self.broken.pop()
        seconds = self.seconds(work.task.id)
        time.sleep(seconds)
        self.spent.setdefault(work.task.id, []).append(seconds)
        own = {path: work.sources[path] for path in (*work.task.paths, *work.tests)}
        return self._verdict(own, work.sources)

    def integrate(self, plan: Plan, sources: Mapping[str, str]) -> Checked:
        with self._lock:
            self.works.append(("(integration)", ()))
            if self.broken and "(integration)" in self.breaks_for:
                raise self.broken.pop()
        return self._verdict(sources, sources).model_copy(update={"report": _report(plan, sources)})

    def _verdict(self, files: Mapping[str, str], sources: Mapping[str, str]) -> Checked:
        reasons = [
            Reason(
                sentence=f"{path} is wrong.",
                path=text.partition(f"{WRONG}, says ")[2].split()[0] if ", says " in text else path,
                test=f"{path}::test" if is_test(path) else "",
            )
            for path, text in files.items()
            if WRONG in text
        ]
        return Checked(passed=not reasons, reasons=reasons, report={"files": sorted(files)})


def _report(plan: Plan, sources: Mapping[str, str]) -> dict[str, Any]:
    """As a checker would report that ran all tests and saw them pass."""
    tests = [
        TestResult(test=f"{path}::{test}", line=1, asserts=True, outcome="passed", forms=1)
        for path in sorted(sources)
        if is_test(path)
        for test in tests_of(sources[path])
    ]
    files = {path: text.encode() for path, text in sources.items()}
    report = TestReport(of=hash_of(files), strategy="coverage", toolchain="scripted", tests=tuple(tests), failures=())
    shown = criteria_shown(sources, [criterion.id for criterion in plan.criteria])
    return {"tests": report.model_dump(mode="json"), "criteria": shown}


@dataclass
class Workshop:
    """Where builds of one project happen, one after another."""

    folder: Path
    url: str
    checker: Checker = field(default_factory=ScriptedChecker)
    in_flight: int = 8
    context: int = 32_768
    checks: int = 2
    longest_s: float = LONGEST_S
    time_budget_s: float = 300.0
    """Of one call with all its tries."""
    standings: list[Standing] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.warehouse = Warehouse(
            self.folder / "warehouse.duckdb", specs=(DERIVATIONS, MODEL_CALLS, REPLIES), lingers=True
        )

    def build(self, plan: Plan, project: str = "project", **options: Any) -> Built:
        """One build, from where the last one was left."""
        return asyncio.run(asyncio.wait_for(self._build(plan, project, **options), self.longest_s))

    async def _build(self, plan: Plan, project: str, **options: Any) -> Built:
        most = wire_limit(self.in_flight)
        config = LanguageModelConfig(base_url=self.url, max_in_flight=most, time_budget_s=self.time_budget_s)
        ledger = Ledger(self.folder / "builds.db")
        try:
            async with Asking(EndpointBackend(config), 1, KeptReplies(self.warehouse), self._commit) as asking:
                terms = Terms(self.in_flight, self.checks, self.context, chance=lambda: 0.0)
                build = Build(project, ledger, asking, "scripted@r1", self.checker, terms, self.standings.append)
                return await build.run(plan, **options)
        finally:
            ledger.close()

    def _commit(self, group: Sequence[Any]) -> None:
        with self.warehouse.write() as session:
            keep(session, group)

    def query(self, sql: str) -> list[dict[str, Any]]:
        with self.warehouse.read() as session:
            return list(session.query(sql).to_pylist())

    def ledger(self) -> Ledger:
        return Ledger(self.folder / "builds.db")
