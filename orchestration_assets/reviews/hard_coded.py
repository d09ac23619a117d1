"""Secrets in the lines that a change adds."""

from __future__ import annotations

from collections.abc import Iterator

from orchestration_assets.reviews.change import Change, added_lines
from orchestration_assets.reviews.model import Finding
from orchestration_assets.reviews.rules import applies, finding
from orchestration_assets.reviews.secrets import secrets_in
from orchestration_assets.worklogs.touched import area_of

_MOST = 5
"""Of one file: it is plain then what kind of file it is."""


def secret_findings(change: Change) -> Iterator[Finding]:
    for file in change.written:
        if not applies("hard-coded-secret", file.path) or area_of(file.path) == "documentation":
            continue
        found = 0
        for number, text in added_lines(file).items():
            secret = next(secrets_in(text), None)
            if secret is not None and text.strip() not in change.removed_texts and found < _MOST:
                found += 1
                yield finding("hard-coded-secret", file.path, number, text, secret.kind)
