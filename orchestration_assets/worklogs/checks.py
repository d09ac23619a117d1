"""What is true of entries and analyses, or else nothing may rest on them."""

from orchestration_assets.check_support import failure_check, stored_check
from orchestration_assets.worklogs.assets import worklog_analyses, worklog_entries

_JUDGEMENTS = "orchestration_assets.worklogs.judgements"

CHECKS = (
    stored_check(
        worklog_entries, "entry_ids_are_unique", "worklog_entries", _JUDGEMENTS, "No two rows are the same entry."
    ),
    stored_check(
        worklog_entries,
        "entries_fit_their_schema",
        "worklog_entries",
        _JUDGEMENTS,
        "Commits have hashes, months are first days, and subjects begin their texts.",
    ),
    stored_check(
        worklog_analyses,
        "analysis_quotes_are_verbatim",
        "worklog_analyses",
        _JUDGEMENTS,
        "Every quote stands in its entry, letter for letter, at its offsets.",
    ),
    failure_check(worklog_analyses, "few_analyses_fail", "worklog_analysis"),
)
