"""The process in which the tests run: pytest with a plugin that tells each outcome, a line of JSON each, as it happens.

What belongs here: what runs beside code that nobody trusts. It can be lied to by that code, so that what it says is held against what the host
knows: the tests that there are, and those of our own among them that must fail. What is set up here (no configuration, no plugin, no `conftest.py`
of the project; pytest is loaded before the project can be) only keeps the project from changing the outcome by accident or with ease.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    import pytest
    from coverage import Coverage

LONGEST_TEXT, LONGEST_MESSAGE, MOST_FRAMES = 16_000, 600, 30
PROJECT = str(Path.cwd())

Said = dict[str, Any]


def begin(job: Said, output: int, events: int, go: int, others: Sequence[int]) -> NoReturn:
    """Becomes the process of the tests. `go` tells when the supervisor has the key."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    for number in (null, output, *others):
        os.close(number)
    os.read(go, 1)
    os.close(go)
    # The project may have a module of the same name.
    this = sys.modules.pop(__name__)
    sys.path.remove(str(Path(str(this.__file__)).parent))
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    sys.dont_write_bytecode = True
    teller = Teller(events)
    code = run(job, teller)
    teller.tell(end=code)
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads that the tests left would keep the process from ending.
    os._exit(code)


class Teller:
    """Writes events. Processes that a test forks say nothing."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._process = os.getpid()

    def tell(self, **event: Any) -> None:
        if os.getpid() == self._process:
            data = json.dumps(event).encode() + b"\n"
            while data:
                data = data[os.write(self._number, data) :]


def run(job: Said, teller: Teller) -> int:
    """Runs the tests, and returns pytest's exit code."""
    measuring = None
    if job["coverage"]:
        import coverage

        measuring = coverage.Coverage(
            data_file=None, config_file=False, branch=False, include=[f"{PROJECT}/*"], messages=False
        )
        measuring.set_option("run:disable_warnings", ["no-data-collected", "module-not-measured"])
    import unittest  # noqa: F401  (as pytest: loaded before a module of the project can stand in for it)

    import pytest

    roots = [PROJECT, *([f"{PROJECT}/src"] if Path(PROJECT, "src").is_dir() else [])]
    sys.path[:0] = roots
    # For programs of the project that tests start.
    os.environ["PYTHONPATH"] = os.pathsep.join(roots)
    arguments = ["-c", os.devnull, "--rootdir", PROJECT, "--noconftest", "--import-mode=importlib", "-s"]
    for plugin in ("cacheprovider", "terminal", "doctest", "pastebin", "junitxml", "stepwise"):
        arguments += ["-p", f"no:{plugin}"]
    arguments += ["-o", "python_files=*.py", *job["tests"]]
    if measuring is not None:
        measuring.start()
    code = int(pytest.main(arguments, plugins=[Plugin(job, teller, measuring)]))
    if measuring is not None:
        measuring.stop()
        data = measuring.get_data()
        teller.tell(lines={relative(name): sorted(data.lines(name) or ()) for name in data.measured_files()})
    return code


class Plugin:
    """What pytest tells it, and what it tells the host of that: see the module."""

    def __init__(self, job: Said, teller: Teller, measuring: Coverage | None) -> None:
        self._tell = teller.tell
        self._stops_at_first = job["stops_at_first"]
        self._ours = set(job["ours"])
        self._asserting = set(job["asserting"])
        self._measuring = measuring
        self._raised: dict[str, pytest.ExceptionInfo[BaseException]] = {}
        self._parts: list[Said] = []

    def pytest_configure(self, config: pytest.Config) -> None:
        # A module of tests could name plugins.
        setattr(config.pluginmanager, "consider_module", lambda module: None)  # noqa: B010

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        ours = [item for item in items if base(item.nodeid) in self._ours]
        items[:] = [item for item in items if base(item.nodeid) not in self._ours]
        for item in ours:
            items.insert(random.SystemRandom().choice(places(items, path(item.nodeid))), item)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._tell(collected=[item.nodeid for item in session.items])

    def pytest_exception_interact(
        self, node: pytest.Collector | pytest.Item, call: pytest.CallInfo[Any], report: Any
    ) -> None:
        if report.when == "collect":
            self._tell(uncollected=node.nodeid, raised=describe(call.excinfo, report.longrepr))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.outcome == "skipped":
            self._tell(left_out=report.nodeid, reason=reason_of(report.longrepr))

    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        if call.excinfo is not None:
            self._raised[call.when] = call.excinfo

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        # Parts of a test (`subTest`) have reports of their own, and the test's may say that it passed.
        if hasattr(report, "context") and report.outcome != "passed":
            self._parts.append(self._phase(report))

    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        from _pytest.runner import runtestprotocol

        self._raised, self._parts = {}, []
        is_ours = base(item.nodeid) in self._ours
        measuring = self._measuring if base(item.nodeid) not in self._asserting else None
        self._tell(started=item.nodeid)
        began = time.perf_counter()
        if measuring is not None:
            measuring.stop()
        # What fails of ours is not logged, and so does not count for pytest's exit code.
        reports = runtestprotocol(item, log=not is_ours, nextitem=nextitem)
        if measuring is not None:
            measuring.start()
        phases = [*map(self._phase, reports), *self._parts]
        self._tell(ended=item.nodeid, seconds=time.perf_counter() - began, phases=phases)
        if self._stops_at_first and not is_ours and any(phase["outcome"] != "passed" for phase in phases):
            item.session.shouldstop = "a test failed"
        return True

    def _phase(self, report: pytest.TestReport) -> Said:
        said: Said = {"when": report.when, "outcome": report.outcome, "xfail": hasattr(report, "wasxfail")}
        if report.outcome == "skipped":
            return said | {"reason": getattr(report, "wasxfail", "") or reason_of(report.longrepr)}
        if report.outcome == "failed":
            raised = None if hasattr(report, "context") else self._raised.get(report.when)
            return said | {"raised": describe(raised, report.longrepr)}
        return said


def places(items: Sequence[pytest.Item], file: str) -> list[int]:
    """Where a test may be put among those of its file: never within a class, which would be torn down for it."""
    own = [number for number, item in enumerate(items) if path(item.nodeid) == file]
    if not own:
        return [len(items)]
    between = [number for number in own[1:] if items[number - 1].parent is not items[number].parent]
    between += [number for number in own[1:] if type(items[number].parent).__name__ == "Module"]
    return [own[0], *between, own[-1] + 1]


def describe(raised: pytest.ExceptionInfo[BaseException] | None, long: Any) -> Said:
    """What was raised, as plain values; each of it may be made up by the one who raised it."""
    if raised is None:
        return describe_account(long)
    value = raised.value
    if type(value).__name__ == "CollectError" and value.__cause__ is not None:
        value = value.__cause__
    frames, trace = [], value.__traceback__
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if name.startswith(f"{PROJECT}/"):
            frames.append([relative(name), trace.tb_lineno, trace.tb_frame.f_code.co_name])
        trace = trace.tb_next
    facts = {name: getattr(value, name, None) for name in ("errno", "lineno", "filename")}
    return {
        "type": type(value).__name__,
        "kinds": [kind.__name__ for kind in type(value).__mro__],
        "message": text_of(value)[:LONGEST_MESSAGE],
        "frames": [*frames[:5], *frames[5:][-MOST_FRAMES:]],
        "text": clipped(long),
        **{name: fact if isinstance(fact, str | int) else None for name, fact in facts.items()},
    }


def describe_account(long: Any) -> Said:
    """The same for a part of a test, of which pytest hands on its account alone."""
    crash = getattr(long, "reprcrash", None)
    message = text_of(long)[-LONGEST_MESSAGE:] if crash is None else text_of(crash.message)[:LONGEST_MESSAGE]
    entries = getattr(getattr(long, "reprtraceback", None), "reprentries", ())
    found = [place for entry in entries if (place := getattr(entry, "reprfileloc", None)) is not None]
    frames = [[relative(str(Path(PROJECT, place.path))), place.lineno, ""] for place in found]
    kind, _, rest = message.partition(": ")
    kind, rest = (kind, rest) if kind.isidentifier() else ("", message)
    return {
        "type": kind,
        "kinds": [kind],
        "message": rest,
        "frames": [frame for frame in frames if not str(frame[0]).startswith("/")],
        "text": clipped(long),
    }


def reason_of(long: Any) -> str:
    """Why something was skipped."""
    return text_of(long[2] if isinstance(long, tuple) else long)[:LONGEST_MESSAGE]


def text_of(value: object) -> str:
    try:
        return str(value)
    except BaseException as error:
        return f"<{type(error).__name__} while it was turned into text>"


def clipped(value: object) -> str:
    text, half = text_of(value), LONGEST_TEXT // 2
    text = text if len(text) <= LONGEST_TEXT else f"{text[:half]}\n[...]\n{text[-half:]}"
    return text.replace(f"{PROJECT}/", "")


def base(name: str) -> str:
    return name.partition("[")[0]


def path(name: str) -> str:
    return name.partition("::")[0]


def relative(name: str) -> str:
    return name.removeprefix(f"{PROJECT}/")
