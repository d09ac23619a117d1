"""Running tests in the sandbox: what goes in, whether what comes out is the report of our own process, and keeping reports.

What belongs here: one run. The report is believed if it is signed with the key of this run, which the tests cannot have seen: `inside/supervisor.py`
tells why. What the tests themselves could still lie about is held against what is known beforehand, in `reading.py`.

What remains forgeable: code under test runs in the process of its tests, as everywhere in Python. Code that is aimed at this very runner can find
its tests among those of ours and lie about these alone. `tampering.py` names code that reaches for what it would need, and `mutants.py` finds
whatever stays green when the code is broken; code that does so only while it is unbroken, by reading its own source, would get through both.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache as kept
from functools import lru_cache
from pathlib import Path

from orchestration_assets.code.quality.expected import Expected, Planted, expected_tests, plant
from orchestration_assets.code.quality.files import Sources, hash_of, refused, trees
from orchestration_assets.code.quality.model import FOREVER, ReportCache, Strategy, TestFailure, TestReport
from orchestration_assets.code.quality.reading import read_told
from orchestration_assets.code.quality.told import Told, told
from resources.sandbox import Finished, Limits, Sandbox, SandboxUnavailable

MIB = 1 << 20
LIMITS = Limits(
    seconds=60.0, cpu_seconds=60, memory=512 * MIB, disk=64 * MIB, files=5_000, processes=64, output=512 * 1024
)
"""Of one run, unless the caller says otherwise. `output` is of the tests; the report has its own bounds."""

MOST_EVENTS = 8 * MIB
"""Bytes that the process of the tests may tell, coverage among them."""
GRACE = 10.0
"""Seconds that the supervisor has, after the tests have used up theirs, to say so beside processes that still take all they can."""


def run_tests(
    sandbox: Sandbox,
    sources: Sources,
    tests: Sources,
    strategy: Strategy,
    *,
    cache: ReportCache | None = None,
    limits: Limits = LIMITS,
) -> TestReport:
    """Runs the tests in the files `tests`, which may use all files of `sources`, and reports. What is wrong with the files themselves is told
    without running anything. Raises SandboxUnavailable, SandboxFailed where nothing can be run; never for what the files do."""
    sources = {path: data for path, data in sources.items() if path not in tests}
    tools = toolchain(sandbox)
    of = hash_of({**sources, **tests})
    key = _key(hash_of(sources, tests), strategy, tools, limits)
    if cache is not None and (found := cache.get(key)) is not None:
        return found
    report = _run(sandbox, sources, tests, strategy, limits, of, tools)
    if cache is not None and all(failure.kind in FOREVER for failure in report.failures):
        cache.put(key, report)
    return report


def _run(
    sandbox: Sandbox, sources: Sources, tests: Sources, strategy: Strategy, limits: Limits, of: str, tools: str
) -> TestReport:
    empty = TestReport(of=of, strategy=strategy, toolchain=tools, tests=(), failures=())
    if failures := tuple(refused({**sources, **tests})):
        return empty.model_copy(update={"failures": failures})
    parsed = trees(tests)
    expected = [test for path in sorted(parsed) for test in expected_tests(path, parsed[path])]
    if not expected:
        names = ", ".join(sorted(tests)) or "no file"
        nothing = TestFailure(kind="no tests", sentence=f"There is no test to run in {names[:300]}.")
        return empty.model_copy(update={"failures": (nothing,)})
    planted = plant({path: tests[path] for path in sorted(parsed)})
    answer = _asked(sandbox, {**sources, **tests}, planted, expected, strategy, limits)
    return read_told(answer, empty, expected, planted, sources)


def _asked(
    sandbox: Sandbox,
    files: Sources,
    planted: Planted,
    expected: Sequence[Expected],
    strategy: Strategy,
    limits: Limits,
) -> Told:
    """What our own process says of one run; nothing, where it could not say anything."""
    folder, key = f"run-{secrets.token_hex(8)}", secrets.token_bytes(32)
    job = {
        "tests": list(planted.files),
        "ours": sorted(planted.failing | planted.passing),
        "asserting": [test.test for test in expected if test.asserts],
        "coverage": strategy == "coverage",
        "stops_at_first": strategy == "fast",
        "seconds": limits.seconds,
        "output": limits.output,
        "events": MOST_EVENTS,
    }
    carried = {f"{folder}/{name}": data for name, data in _inside().items()}
    carried |= {f"{folder}/job.json": json.dumps(job).encode(), f"{folder}/key": key}
    done = sandbox.run(
        ["python3", "-I", f"{folder}/supervisor.py"],
        {**files, **planted.files, **carried},
        limits=replace(limits, seconds=limits.seconds + GRACE, output=2 * MOST_EVENTS + 4 * limits.output),
    )
    return told(_signed(done, key), done, limits)


def _signed(done: Finished, key: bytes) -> Mapping[str, object] | None:
    signature, _, report = done.stdout.partition(b"\n")
    right = hmac.new(key, report, hashlib.sha256).hexdigest().encode()
    if done.exit_code != 0 or not hmac.compare_digest(signature, right):
        return None
    said: dict[str, object] = json.loads(report)
    return said


@kept
def _inside() -> dict[str, bytes]:
    folder = Path(__file__).parent / "inside"
    return {name: (folder / name).read_bytes() for name in ("supervisor.py", "child.py")}


@lru_cache(maxsize=16)
def toolchain(sandbox: Sandbox) -> str:
    """The versions of what runs tests in a sandbox. Raises SandboxUnavailable where something is missing."""
    code = (
        "import platform, pytest, coverage;"
        "print('Python', platform.python_version(), 'pytest', pytest.__version__, 'coverage', coverage.__version__)"
    )
    done = sandbox.run(["python3", "-I", "-c", code], {})
    if done.exit_code != 0:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise SandboxUnavailable(
            f"The Python of the sandbox cannot run tests ({lines[-1] if lines else 'it says nothing'}); install pytest and "
            "coverage for it, or name another interpreter in the sandbox's configuration."
        )
    return done.stdout.decode().strip()


@kept
def _rules() -> str:
    """The hash of all that decides on an outcome: this package."""
    folder = Path(__file__).parent
    return hash_of({str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.py"))})


def _key(files: str, strategy: Strategy, tools: str, limits: Limits) -> str:
    return hashlib.sha256("\n".join([files, strategy, tools, repr(limits), _rules()]).encode()).hexdigest()
