"""Every table of the warehouse, and the migrations between the versions of their schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchestration_assets.activity.model import TABLE_OF
from orchestration_assets.batch_records import BATCHED_QUESTIONS, MODEL_BATCHES
from orchestration_assets.code.model import BUILD_PLANS, RELEASE_BUNDLES, SPECIFICATIONS
from orchestration_assets.derivation import DERIVATIONS
from orchestration_assets.incidents.model import INCIDENTS, REGRESSION_TESTS
from orchestration_assets.model_records import MODEL_CALLS, REPLIES
from orchestration_assets.reports.model import DOCUMENTS
from orchestration_assets.skills.model import SKILL_EVIDENCE, SKILLS
from orchestration_assets.usage.model import MODEL_USAGE
from orchestration_assets.verdicts import VERDICTS
from orchestration_assets.worklogs.model import ANALYSES, ENTRIES, EXCERPTS, NOTES, REPOSITORIES
from resources.sentry_issues.facts import ErrorEvent
from resources.warehouse import Migration, TableSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resources.warehouse import Session

TABLES: Sequence[TableSpec[Any]] = (
    REPOSITORIES,
    NOTES,
    ENTRIES,
    EXCERPTS,
    ANALYSES,
    SKILL_EVIDENCE,
    SKILLS,
    DOCUMENTS,
    DERIVATIONS,
    VERDICTS,
    MODEL_CALLS,
    MODEL_USAGE,
    REPLIES,
    BATCHED_QUESTIONS,
    MODEL_BATCHES,
    *TABLE_OF.values(),
    INCIDENTS,
    REGRESSION_TESTS,
    SPECIFICATIONS,
    BUILD_PLANS,
    RELEASE_BUNDLES,
)


def _give_entries_numbers(session: Session) -> None:
    nothing = "NULL::BIGINT AS number, NULL AS url, NULL::TIMESTAMPTZ AS opened_at, NULL AS merge_commit"
    session.rebuild(ENTRIES, f"SELECT *, {nothing} FROM old")


def _count_attempts_and_keep_rules(session: Session) -> None:
    _add(session, TABLE_OF[ErrorEvent], "rules", "[]::VARCHAR[]")
    _add(session, INCIDENTS, "attempts", "0")


def _add(session: Session, spec: TableSpec[Any], column: str, value: str) -> None:
    """Gives a table of an earlier version a column; one that is not there yet is made with it."""
    known = session.query("SELECT column_name FROM duckdb_columns() WHERE table_name = ?", [spec.name])
    names = known["column_name"].to_pylist()
    if names and column not in names:
        session.rebuild(spec, f"SELECT *, {value} AS {column} FROM old")


MIGRATIONS: Sequence[Migration] = (
    Migration(2, "entries of pull requests and issues", _give_entries_numbers),
    Migration(3, "rules of alerts and attempts at incidents", _count_attempts_and_keep_rules),
)
"""Forward only, in order of version; a warehouse made by an earlier version is brought here after a backup."""
