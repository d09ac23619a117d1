"""What is true of entries and analyses, or else nothing may rest on them."""

from typing import TYPE_CHECKING

from orchestration_assets.check_support import none_of, stored_check
from orchestration_assets.verdicts import Judgement
from orchestration_assets.worklogs.assets import worklog_analyses, worklog_entries
from orchestration_assets.worklogs.grounding import broken_quotes
from orchestration_assets.worklogs.model import ANALYSES, ENTRIES
from orchestration_assets.worklogs.queries import entries_by_id, excerpts_by_entry, pages

if TYPE_CHECKING:
    from resources.warehouse import Session


def _ids_are_unique(session: "Session") -> Judgement:
    twice = session.count("SELECT count(*) - count(DISTINCT entry_id) FROM worklog_entries")
    return none_of(twice, "entry ids occur more than once")


def _text_is_complete(session: "Session") -> Judgement:
    broken = session.count(
        """SELECT count(*) FROM worklog_entries WHERE (source = 'git') <> (commit_hash IS NOT NULL)
        OR month <> date_trunc('month', month) OR NOT starts_with(ltrim(text), ltrim(subject))"""
    )
    return none_of(broken, "entries do not fit their schema")


def _quotes_are_verbatim(session: "Session") -> Judgement:
    quoting = 'len(activities) > 0 OR len(blockers) > 0 OR len(follow_ups) > 0 OR len("references") > 0'
    analyses = {row.entry_id: row for row in session.rows(ANALYSES, where=quoting)}
    broken = 0
    for page in pages(list(analyses)):
        entries, excerpts = entries_by_id(session, page), excerpts_by_entry(session, page)
        for key in page:
            analysis = analyses[key]
            quotes = [
                statement.evidence for statement in (*analysis.activities, *analysis.blockers, *analysis.follow_ups)
            ]
            quotes += [reference.evidence for reference in analysis.references]
            broken += len(broken_quotes(quotes, entries, excerpts))
    return none_of(broken, "quotes are not verbatim at their offsets")


CHECKS = (
    stored_check(
        worklog_entries, "entry_ids_are_unique", ENTRIES.name, "No two rows are the same entry.", _ids_are_unique
    ),
    stored_check(
        worklog_entries,
        "entries_fit_their_schema",
        ENTRIES.name,
        "Commits have hashes, months are first days, and subjects begin their texts.",
        _text_is_complete,
    ),
    stored_check(
        worklog_analyses,
        "analysis_quotes_are_verbatim",
        ANALYSES.name,
        "Every quote stands in its entry, letter for letter, at its offsets.",
        _quotes_are_verbatim,
    ),
)
