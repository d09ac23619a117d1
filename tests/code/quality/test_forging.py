"""A report that our own process did not sign is none, whatever it says."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets

import pytest

from orchestration_assets.code.quality.running import _signed
from resources.sandbox import Finished

KEY = secrets.token_bytes(32)
REPORT = json.dumps({"how": "exited", "status": 0, "seconds": 1.0, "processes": 0, "events": "", "output": ""}).encode()


def finished(stdout: bytes, exit_code: int = 0) -> Finished:
    return Finished(exit_code, None, stdout, b"", truncated=False, timed_out=False, out_of_memory=False, seconds=1.0)


def signed(report: bytes, key: bytes = KEY) -> bytes:
    return hmac.new(key, report, hashlib.sha256).hexdigest().encode() + b"\n" + report


def test_a_signed_report_is_read() -> None:
    assert _signed(finished(signed(REPORT)), KEY) == json.loads(REPORT)


@pytest.mark.parametrize(
    "stdout",
    [
        b"",
        REPORT,
        b"\n" + REPORT,
        signed(REPORT, secrets.token_bytes(32)),
        signed(REPORT)[:-1],
        signed(REPORT) + b" ",
        b"x" + signed(REPORT),
        signed(REPORT) + signed(REPORT),
        "é\n".encode() + REPORT,
    ],
)
def test_any_other_is_not(stdout: bytes) -> None:
    assert _signed(finished(stdout), KEY) is None


def test_a_process_that_fails_has_no_report() -> None:
    assert _signed(finished(signed(REPORT), exit_code=1), KEY) is None
