"""Running code that a model wrote or a pull request brought: no network, no secrets, a read-only system, and limits.

Plain values in and out; nothing here knows what is run. `interface.py` has the values, `bubblewrap.py` and `container.py`
tell how code is kept in. Where no sandbox works, SandboxUnavailable is raised and nothing is run.
"""

from resources.sandbox.interface import (
    JOB,
    Configuration,
    Finished,
    Limits,
    SandboxFailed,
    SandboxRefused,
    SandboxUnavailable,
)
from resources.sandbox.sandbox import Sandbox

__all__ = [
    "JOB",
    "Configuration",
    "Finished",
    "Limits",
    "Sandbox",
    "SandboxFailed",
    "SandboxRefused",
    "SandboxUnavailable",
]
