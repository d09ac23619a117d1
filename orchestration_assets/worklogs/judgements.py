"""The judgements behind the checks of this domain, each named as its check: it looks at the rows and says whether the truth holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestration_assets.verdicts import Judgement, none_of
from orchestration_assets.worklogs.grounding import broken_quotes
from orchestration_assets.worklogs.model import ANALYSES
from orchestration_assets.worklogs.queries import entries_by_id, excerpts_by_entry, pages

if TYPE_CHECKING:
    from resources.warehouse import Session


def entry_ids_are_unique(session: Session) -> Judgement:
    twice = session.count("SELECT count(*) - count(DISTINCT entry_id) FROM worklog_entries")
    return none_of(twice, "entry ids occur more than once")


def entries_fit_their_schema(session: Session) -> Judgement:
    broken = session.count(
        """SELECT count(*) FROM worklog_entries WHERE (source = 'git') <> (commit_hash IS NOT NULL)
        OR month <> date_trunc('month', month) OR NOT starts_with(ltrim(text), ltrim(subject))"""
    )
    return none_of(broken, "entries do not fit their schema")


def analysis_quotes_are_verbatim(session: Session) -> Judgement:
    quoting = 'len(activities) > 0 OR len(blockers) > 0 OR len(follow_ups) > 0 OR len("references") > 0'
    analyses = {row.entry_id: row for row in session.rows(ANALYSES, where=quoting)}
    broken = 0
    for page in pages(list(analyses)):
        entries, excerpts = entries_by_id(session, page), excerpts_by_entry(session, page)
        for key in page:
            analysis = analyses[key]
            stated = [*analysis.activities, *analysis.blockers, *analysis.follow_ups]
            quotes = [each.evidence for each in stated] + [each.evidence for each in analysis.references]
            broken += len(broken_quotes(quotes, entries, excerpts))
    return none_of(broken, "quotes are not verbatim at their offsets")
