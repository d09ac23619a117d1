"""Which errors get a test, and which of them have to be looked at again.

What belongs here: rules on rows, without a look at any source. What is made of an error depends on what its event says and on the code
of this domain; how its issue stands decides only whether it is wanted, so that resolving it makes nothing again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from orchestration_assets.incidents.model import WITHOUT_MODEL, Incident, Wanted
from resources.language_model.agent import content_hash
from resources.sentry_issues.facts import ErrorEvent, SentryIssue

_WITHOUT_EFFECT = frozenset({"assets.py", "checks.py", "judgements.py", "making.py", "account.py", "presentation.py"})
"""Files that decide neither what a test looks like nor which is kept."""


@dataclass(frozen=True)
class Asked:
    """An error that is to be looked at. `repository` is "" where none is named for its project."""

    event: ErrorEvent
    issue: SentryIssue | None
    repository: str
    input_hash: str


def is_wanted(event: ErrorEvent, issue: SentryIssue | None, wanted: Wanted) -> bool:
    """Whether an issue gets a test: with the label or rule `needs-test`, also where it is new or came back, or any that is open."""
    if event.is_marked or (issue is not None and issue.is_marked):
        return True
    if issue is not None and not issue.is_open:
        return False
    return wanted == "all" or (wanted == "new" and issue is not None and issue.substatus in {"new", "regressed"})


def asked_of(event: ErrorEvent, issue: SentryIssue | None, repositories: Mapping[str, str]) -> Asked:
    repository = repositories.get(f"{event.organization}/{event.project}", "")
    return Asked(event, issue, repository, content_hash(event.shows, repository, code_version()))


def is_stale(asked: Asked, known: Incident | None, maker: str) -> bool:
    """A refusal is also looked at again when a model has come to serve."""
    if known is None or known.input_hash != asked.input_hash:
        return True
    return known.status == "refused" and known.maker == WITHOUT_MODEL != maker and bool(known.commit)


@lru_cache(maxsize=1)
def code_version() -> str:
    """Of all that decides what a test looks like and which is kept."""
    digest = hashlib.sha256()
    folder = Path(__file__).parent
    for path in sorted([*folder.glob("*.py"), *folder.glob("prompts/*")]):
        if path.name not in _WITHOUT_EFFECT:
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
