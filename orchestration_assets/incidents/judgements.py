"""The judgements behind the checks of this domain, each named as its check: it looks at the rows and says whether the truth holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestration_assets.incidents.model import INCIDENTS, REGRESSION_TESTS
from orchestration_assets.verdicts import Judgement, none_of
from resources.language_model.agent import content_hash

if TYPE_CHECKING:
    from resources.warehouse import Session


def every_kept_test_has_failed_as_told(session: Session) -> Judgement:
    """A test is kept for an incident that was reproduced, has failed twice, and is the very text that was run."""
    incidents = {row.issue: row for row in session.rows(INCIDENTS)}
    broken = 0
    for test in session.rows(REGRESSION_TESTS):
        incident = incidents.get(test.issue)
        broken += (
            incident is None
            or incident.status not in {"reproduced", "fixed"}
            or test.runs < 2
            or test.hash != content_hash(test.text)
            or (incident.test_hash, incident.test_path) != (test.hash, test.path)
        )
    return none_of(broken, "tests were not seen to fail as they are kept")


def every_refusal_has_its_reason(session: Session) -> Judgement:
    """What was refused says why, and has no test."""
    broken = session.count(
        """SELECT count(*) FROM incidents AS i WHERE (i.status = 'refused') <> (i.reason <> '')
        OR (i.status = 'refused' AND EXISTS (SELECT 1 FROM regression_tests AS t WHERE t.issue = i.issue))"""
    )
    return none_of(broken, "incidents are refused without a reason, or kept with one")
