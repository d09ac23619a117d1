"""One sandbox for all tests of quality; they are skipped where bubblewrap is not there or works for nobody."""

from __future__ import annotations

import pytest

from resources.sandbox import Sandbox
from tests.resources.sandbox.conftest import why_not


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    if reason := why_not():
        pytest.skip(reason)
    return Sandbox()
