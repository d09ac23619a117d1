"""What kind of failure it is, in one sentence with file and line, and as much of the traceback as whoever mends it needs.

What belongs here: from what was raised, or from how a run ended, to a `TestFailure`. Texts come from the code under test: they are cut, and lose
what cannot be printed.
"""

from __future__ import annotations

import errno
import signal

from orchestration_assets.code.quality.model import FailureKind, TestFailure
from orchestration_assets.code.quality.told import Raised, Report, Told

LONGEST_DETAIL, LONGEST_SAID = 3_000, 240

_NO_NETWORK = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL}
_MANY = 0.8
"""Of the processes that are allowed: from there on they are what kept a run from ending."""


def failure_of(raised: Raised, test: str, fallback: str, when: str = "") -> TestFailure:
    """Of an exception that ended a test (`test`), or that kept the file `fallback` from being collected ("")."""
    kind = _kind(raised, collecting=not test)
    path, line = _where(raised, fallback)
    what = f"{test} fails" if test else f"{fallback} cannot be imported"
    if when in ("setup", "teardown"):
        what += f" in its {when}"
    place = f" ({path}, line {line})" if line else ""
    said = one_line(f"{raised.type}: {raised.message}" if raised.type else raised.message)
    return TestFailure(
        kind=kind,
        sentence=f"{what}{place}: {_said(kind, said)}",
        path=path,
        line=line,
        test=test,
        detail=clipped(raised.text),
        expected=kind == "assertion" and path == fallback,
    )


def _kind(raised: Raised, *, collecting: bool) -> FailureKind:
    kinds, message = set(raised.kinds), raised.message
    found: FailureKind = "collection" if collecting else "exception"
    if "SyntaxError" in kinds:
        found = "syntax"
    elif "ImportError" in kinds and "partially initialized module" in message:
        found = "circular import"
    elif "ModuleNotFoundError" in kinds:
        found = "missing module"
    elif "ImportError" in kinds:
        found = "missing name"
    elif kinds & {"AssertionError", "Failed"}:
        found = "collection" if collecting else "assertion"
    elif "MemoryError" in kinds:
        found = "memory"
    elif "BlockingIOError" in kinds or "can't start new thread" in message:
        found = "processes"
    elif "gaierror" in kinds or ("OSError" in kinds and _concerns_network(raised)):
        found = "network"
    return found


def _concerns_network(raised: Raised) -> bool:
    return (
        raised.errno in _NO_NETWORK or "Network is unreachable" in raised.message or "Name or service" in raised.message
    )


def _said(kind: FailureKind, said: str) -> str:
    if kind == "network":
        return f"tests have no network but loopback ({said})."
    if kind == "memory":
        return f"it takes more memory than a run may ({said})."
    if kind == "processes":
        return f"it starts more processes or threads than a run may ({said})."
    return said if said.endswith(".") else f"{said}."


def _where(raised: Raised, fallback: str) -> tuple[str, int]:
    if "SyntaxError" in raised.kinds and isinstance(raised.filename, str) and isinstance(raised.lineno, int):
        return one_line(raised.filename.removeprefix("/job/")), raised.lineno
    if raised.frames:
        path, line, _ = raised.frames[-1]
        return one_line(path), line
    return fallback, 0


def ending_of(told: Told, report: Report, running: str) -> TestFailure | None:
    """Why a run ended otherwise than by itself; None where it ended by itself. `running`: the test that had begun and not ended."""
    limits, during = told.limits, f" while {running} ran" if running else ""
    detail = clipped(report.output)

    def failure(kind: FailureKind, sentence: str) -> TestFailure:
        path = running.partition("::")[0]
        return TestFailure(kind=kind, sentence=sentence, path=path, test=running, detail=detail)

    if report.how == "timeout":
        if report.processes >= _MANY * limits.processes:
            return failure(
                "processes",
                f"The tests had {report.processes} processes after {report.seconds:.0f} s{during}, where {limits.processes} may be: "
                "they start processes without end.",
            )
        return failure("timeout", f"The tests did not end within {report.seconds:.0f} s{during}.")
    if report.how == "output":
        return failure("output", f"The tests wrote more than {limits.output:,} bytes of output{during}.")
    if report.how == "events":
        return failure("output", f"The tests told more than can be kept{during}: too many, or with results too long.")
    if told.done.out_of_memory:
        return failure("memory", f"The tests took more than {limits.memory:,} bytes of memory{during}.")
    if report.how == "signal" and -report.status == signal.SIGXCPU:
        return failure("timeout", f"The tests used more than {limits.cpu_seconds} s of the processor{during}.")
    if report.how == "signal":
        return failure("killed", f"The process of the tests was ended by {_signal(-report.status)}{during}.")
    return None


def silence_of(told: Told) -> TestFailure:
    """Why there is no report that our own process signed."""
    done = told.done
    detail = clipped(done.stderr.decode(errors="replace"))
    kind: FailureKind = "killed"
    why = f"its processes ended with {done.exit_code}"
    if done.out_of_memory:
        kind, why = "memory", f"they took more than {told.limits.memory:,} bytes of memory"
    elif done.timed_out:
        kind, why = "timeout", f"they did not end within {told.limits.seconds:.0f} s"
    elif done.truncated:
        kind, why = "output", "they wrote without end"
    elif done.exit_code == 0:
        kind, why = "forged", "what came in its place was signed by nobody"
    return TestFailure(kind=kind, sentence=f"The tests left no report: {why}.", detail=detail)


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def one_line(text: str) -> str:
    """Text from outside, for a sentence."""
    words = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return words if len(words) <= LONGEST_SAID else f"{words[:LONGEST_SAID]}…"


def clipped(text: str, longest: int = LONGEST_DETAIL) -> str:
    """Text from outside in lines: its beginning and its longer end."""
    kept = "".join(each if each.isprintable() or each in "\n\t" else "�" for each in text)
    if len(kept) <= longest:
        return kept
    return f"{kept[: longest // 3]}\n[...]\n{kept[-(longest - longest // 3) :]}"
