"""All that can be told of a change without a model."""

from __future__ import annotations

from orchestration_assets.reviews.change import Change
from orchestration_assets.reviews.complexity import complexity_findings
from orchestration_assets.reviews.cycles import cycle_findings
from orchestration_assets.reviews.dependencies import dependency_findings
from orchestration_assets.reviews.enforced import without_enforced
from orchestration_assets.reviews.files import file_findings
from orchestration_assets.reviews.hard_coded import secret_findings
from orchestration_assets.reviews.javascript import javascript_findings
from orchestration_assets.reviews.layers import layer_findings
from orchestration_assets.reviews.linting import lint_findings
from orchestration_assets.reviews.missing_tests import missing_test_findings
from orchestration_assets.reviews.model import Finding
from orchestration_assets.reviews.sql import sql_findings

_LOOKS = (
    secret_findings,
    sql_findings,
    javascript_findings,
    lint_findings,
    layer_findings,
    cycle_findings,
    missing_test_findings,
    complexity_findings,
    dependency_findings,
    file_findings,
)


def computed_findings(change: Change) -> list[Finding]:
    """What every rule finds, without what the repository's own checks look after. Raises SoloistError where ruff is missing."""
    found = [finding for look in _LOOKS for finding in look(change)]
    return without_enforced(change, found)
