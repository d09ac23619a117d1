"""The quality of what was written: its tests, run in the sandbox, and the gate that says whether it may be kept.

`run_tests` (`running.py`) runs tests and reports, `run_in_parts` (`parts.py`) does so with many files at once; `Gate` (`gate.py`) judges sources and their report; `surviving` (`mutants.py`) plants faults that
the tests must notice. All three are plain functions of bytes, safe to call from many threads at once.
"""

from orchestration_assets.code.quality.gate import Gate
from orchestration_assets.code.quality.model import (
    Constraints,
    FileCoverage,
    GateSettings,
    Reason,
    ReportCache,
    Strategy,
    TestFailure,
    TestReport,
    TestResult,
    Verdict,
)
from orchestration_assets.code.quality.mutants import surviving
from orchestration_assets.code.quality.parts import run_in_parts
from orchestration_assets.code.quality.running import run_tests

__all__ = [
    "Constraints",
    "FileCoverage",
    "Gate",
    "GateSettings",
    "Reason",
    "ReportCache",
    "Strategy",
    "TestFailure",
    "TestReport",
    "TestResult",
    "Verdict",
    "run_in_parts",
    "run_tests",
    "surviving",
]
