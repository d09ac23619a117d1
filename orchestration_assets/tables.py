"""Every table of the warehouse, and the migrations between the versions of their schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchestration_assets.batch_records import BATCHED_QUESTIONS, MODEL_BATCHES
from orchestration_assets.derivation import DERIVATIONS
from orchestration_assets.model_records import MODEL_CALLS, REPLIES
from orchestration_assets.reports.model import DOCUMENTS
from orchestration_assets.skills.model import SKILL_EVIDENCE, SKILLS
from orchestration_assets.usage.model import MODEL_USAGE
from orchestration_assets.verdicts import VERDICTS
from orchestration_assets.worklogs.model import ANALYSES, ENTRIES, EXCERPTS, NOTES, REPOSITORIES
from resources.warehouse import Migration, TableSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

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
)

MIGRATIONS: Sequence[Migration] = ()
"""Forward only, in order of version; a warehouse made by an earlier version is brought here after a backup."""
