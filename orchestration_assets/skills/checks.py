"""What is true of skills and their evidence, or else nothing may rest on them."""

from orchestration_assets.check_support import failure_check, stored_check
from orchestration_assets.skills.assets import skill_evidence, skills

_JUDGEMENTS = "orchestration_assets.skills.judgements"

CHECKS = (
    stored_check(
        skill_evidence,
        "skill_quotes_are_verbatim",
        "skill_evidence",
        _JUDGEMENTS,
        "Every quote stands in its entry, letter for letter, at its offsets.",
    ),
    stored_check(
        skill_evidence,
        "every_skill_is_in_the_taxonomy",
        "skill_evidence",
        _JUDGEMENTS,
        "No skill is named that the taxonomy does not hold.",
    ),
    failure_check(skill_evidence, "few_skill_extractions_fail", "skill_extraction"),
    stored_check(skills, "every_skill_has_evidence", "skills", _JUDGEMENTS, "No skill stands without evidence."),
)
