"""What the extractive resume says, and what it never says."""

from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration_assets.reports.model import Profile, ReportEntry
from orchestration_assets.reports.resume import MAX_HIGHLIGHTS, MAX_PROJECTS, draft_resume
from orchestration_assets.reports.resume_model import ResumeDraft
from orchestration_assets.skills.model import Level
from orchestration_assets.worklogs.model import Category
from resources.errors import BadInput
from tests.reports.resume_material import (
    START,
    changelog_work,
    co_author,
    example_item,
    highlights,
    item,
    only,
    shows,
    skill,
    told,
    work,
)


def test_sustained_work_is_one_sentence_with_theme_objects_counts_and_years() -> None:
    highlight = only(draft_resume(item(changelog_work())))
    assert highlight.theme == "Changelog"
    assert highlight.text.startswith("Changelog: ")
    assert highlight.text.endswith("; 7 changes (5 features, 2 fixes), 2024")
    assert "templates for headings" in highlight.text
    assert highlight.counts == {"feature": 5, "fix": 2}
    assert len(highlight.evidence) == 7


def test_counts_in_a_sentence_add_up() -> None:
    rows = [*changelog_work(), work(20, "Describe the sections", Category.DOCUMENTATION, scope="changelog")]
    assert "8 changes (5 features, 2 fixes, 1 other)" in told(rows)


def test_a_theme_is_the_scope_then_the_part_of_the_tree_then_the_skill() -> None:
    rows = changelog_work()
    rows += [work(20 + n, f"Add window {n} to the warehouse", area="warehouse") for n in range(3)]
    bare = [work(30 + n, f"Parse table {name} from exports") for n, name in enumerate(("orders", "parcels", "returns"))]
    evidence = [shows(row, "postgresql") for row in bare]
    draft = draft_resume(item([*rows, *bare], [skill("postgresql", "PostgreSQL", "database")], evidence))
    assert {highlight.theme for highlight in highlights(draft)} == {"Changelog", "Warehouse", "PostgreSQL"}


def test_generic_scopes_and_the_projects_own_name_are_no_themes() -> None:
    rows = [work(n, f"Add table {n} of orders", scope="core", area="lantern") for n in range(4)]
    highlight = only(draft_resume(item(rows)))
    assert highlight.theme == ""
    assert highlight.text.startswith("Added table")


def test_fewer_than_three_changes_on_a_theme_are_no_sustained_work() -> None:
    rows = [*changelog_work(), work(20, "Add export of contacts", scope="contacts")]
    assert "ontacts" not in told(rows)


def test_commits_of_one_pull_request_and_backports_count_once() -> None:
    rows = [work(n, f"Add part {n} of the importer", scope="import", merged_by="merge-1") for n in range(5)]
    rows += [work(10 + n, "Add checks for columns", scope="import") for n in range(2)]
    rows += [work(20, "Parse quoted cells", scope="import")]
    highlight = only(draft_resume(item(rows)))
    assert highlight.changes == 3
    assert len(highlight.evidence) == 8


def test_continuous_integration_shows_only_where_a_variant_asks_for_it() -> None:
    rows = [
        work(n, f"Add {name} runners to the pipeline", Category.FEATURE, scope="ci") for n, name in enumerate("abc")
    ]
    rows += [
        work(10 + n, f"Cache wheels for {name} builds", Category.BUILD, scope="ci") for n, name in enumerate("def")
    ]
    assert told(rows) == ""
    profile = Profile(variants={"tooling": ["ci"]})
    highlight = only(draft_resume(item(rows, profile=profile, variant="tooling")))
    assert highlight.theme == "CI"
    assert highlight.changes == 6


def test_verbs_match_what_the_categories_show() -> None:
    rows = [
        work(n, f"Fix wrong totals in {name} tables", Category.REFACTORING, scope="totals")
        for n, name in enumerate("abc")
    ]
    rows += [
        work(10 + n, f"Add totals of {name} columns", Category.FIX, scope="totals") for n, name in enumerate("def")
    ]
    assert told(rows) == "", "no verb of these is borne out by its category"
    fixed = [
        work(n, f"Fix wrong totals in {name} tables", Category.FIX, scope="totals") for n, name in enumerate("abc")
    ]
    assert "fixed wrong totals" in told(fixed)
    assert told(fixed).endswith("; 3 fixes, 2024")


@pytest.mark.parametrize(
    "headline",
    [
        "Led the rewrite of the parser",
        "Architect new storage engine",
        "Improve rendering by 40%",
        "Make exports 3x faster",
        "Finish production-ready importer",
        "Add seamless syncing of calendars",
        "LIVE DEPLOYMENT VERIFIED, FULLY OPERATIONAL",
        "Deploy new search index",
        "Test upload of large parts",
        "Close issue on tables, fixes #12",
        "Fix some bugs",
        "Update stuff",
        "Add zebra...",
    ],
)
def test_boasts_unproven_deeds_and_unspecific_headlines_are_never_shown(headline: str) -> None:
    rows = [*changelog_work(), work(50, headline, scope="changelog", substantive_lines=2000)]
    text = told(rows)
    assert headline.rsplit(maxsplit=1)[-1].casefold() not in text.casefold()
    assert "8 changes" in text, "it still counts"


def test_the_profiles_own_words_may_be_used() -> None:
    rows = [
        *changelog_work(),
        work(50, "Architect the storage of sections", Category.REFACTORING, scope="changelog", substantive_lines=2000),
    ]
    profile = Profile(basics={"summary": "I architect systems."})
    assert "rchitect" not in told(rows)
    assert "rchitect" in told(rows, profile=profile)


@pytest.mark.parametrize("changes", [{"co_authors": co_author()}, {"pull_request": 17}])
def test_shared_and_squashed_work_is_contributed_to_and_named_by_its_titles(changes: dict[str, object]) -> None:
    rows = [*changelog_work(), work(50, "Add zebra stripes to tables", scope="changelog", **changes)]
    highlight = only(draft_resume(item(rows)))
    assert highlight.shared
    assert highlight.text.startswith("Changelog: contributed “")
    assert " added " not in highlight.text


def test_projects_are_ranked_by_sustained_work_not_by_lines() -> None:
    slow = [
        work(n, f"Add table {n} of tides", scope="tides", repository="slow", day=START + timedelta(days=31 * n))
        for n in range(8)
    ]
    burst = [
        work(n, f"Add table {n} of winds", scope="winds", repository="burst", day=START, substantive_lines=90_000)
        for n in range(8)
    ]
    assert [project.name for project in draft_resume(item([*burst, *slow])).projects] == ["slow", "burst"]


def test_at_most_six_projects_of_five_highlights() -> None:
    rows = [
        work(
            1000 * repository + 100 * theme + n,
            f"Add table {n} for theme {theme}",
            scope=f"theme{theme}",
            repository=f"project-{repository}",
            day=START,
        )
        for repository in range(8)
        for theme in range(7)
        for n in range(3)
    ]
    draft = draft_resume(item(rows))
    assert len(draft.projects) == MAX_PROJECTS
    assert all(len(project.highlights) == MAX_HIGHLIGHTS for project in draft.projects)


def test_an_object_is_shown_once() -> None:
    rows = [work(10 * n + m, "Add export of orders", scope=scope) for n, scope in enumerate("abc") for m in range(1)]
    rows += [work(100 + n, f"Add import {n} of parcels", scope="parcels") for n in range(4)]
    text = told(rows)
    assert text.count("export of orders") <= 1


def test_a_project_has_its_name_its_days_and_its_skills() -> None:
    draft = draft_resume(example_item())
    project = next(one for one in draft.projects if one.name == "harbour")
    assert (project.first, project.last) == (date(2024, 12, 26), date(2025, 4, 25))
    assert project.keywords == ["Python", "PostgreSQL"]


def test_skills_keep_rank_level_and_past_use_with_evidence() -> None:
    skills = draft_resume(example_item()).skills
    assert [one.name for one in skills] == ["Python", "PostgreSQL", "Rust", "Redis"], "past skills come last"
    assert skills[0].level is Level.SUSTAINED
    assert skills[-1].past
    assert skills[-1].last_used == date(2025, 2, 1)
    assert all(one.evidence for one in skills)


def test_what_one_entry_shows_and_formats_are_no_skills_of_a_resume_unless_asked_for() -> None:
    rows = [work(n, f"Add table {n}", day=START + timedelta(days=n)) for n in range(4)]
    skills = [
        skill("python", "Python", count=4),
        skill("yaml", "YAML", category="format", count=3),
        skill("linux", "Linux", category="operating_system", count=1),
    ]
    evidence = [
        *(shows(row, "python") for row in rows),
        *(shows(row, "yaml") for row in rows[:3]),
        shows(rows[0], "linux"),
    ]
    assert [one.name for one in draft_resume(item(rows, skills, evidence)).skills] == ["Python"]
    profile = Profile(variants={"ops": ["linux", "yaml"]})
    asked = draft_resume(item(rows, skills, evidence, profile=profile, variant="ops")).skills
    assert {"YAML", "Linux"} <= {one.name for one in asked}
    few = draft_resume(item(rows, skills[2:], evidence[-1:])).skills
    assert [one.name for one in few] == ["Linux"], "better than none"


def test_formats_are_no_keywords_of_a_project_where_it_has_others() -> None:
    rows = [work(n, f"Add table {n} of tides", scope="tides") for n in range(4)]
    skills = [skill("python", "Python", count=4), skill("yaml", "YAML", category="format", count=4)]
    evidence = [shows(row, name) for row in rows for name in ("python", "yaml")]
    (project,) = draft_resume(item(rows, skills, evidence)).projects
    assert project.keywords == ["Python"]
    (project,) = draft_resume(item(rows, skills[1:], evidence)).projects
    assert project.keywords == ["YAML"]


def test_a_headline_in_the_past_tense_is_told_as_it_stands() -> None:
    rows = [work(n, f"Added table {name} of tides", scope="tides") for n, name in enumerate("abc")]
    assert told(rows).startswith("Tides: added table")


def test_a_skill_without_evidence_is_dropped_and_counted() -> None:
    draft = draft_resume(item([], [skill("cobol", "COBOL")]))
    assert draft.skills == []
    assert draft.dropped_claims == 1


def test_a_skill_cites_at_most_twenty_quotes_from_first_to_last() -> None:
    rows = [work(n, f"Add table {n}", day=START + timedelta(days=n)) for n in range(90)]
    (python,) = draft_resume(
        item(rows, [skill("python", "Python", count=90)], [shows(row, "python") for row in rows])
    ).skills
    assert len(python.evidence) == 20
    assert python.evidence[0].entry_id == rows[0].entry.entry_id
    assert python.evidence[-1].entry_id == rows[-1].entry.entry_id
    assert python.count == 90


def test_a_variant_selects_and_reorders() -> None:
    profile = Profile(variants={"backend": ["PostgreSQL", "performance"], "nothing": ["zebra"]})
    backend = draft_resume(example_item(profile=profile, variant="backend"))
    assert [project.name for project in backend.projects] == ["harbour"]
    assert [highlight.theme for highlight in highlights(backend)] == ["API", "Storage"], (
        "what matches more words comes first"
    )
    assert [one.name for one in backend.skills] == ["PostgreSQL", "Python"]
    nothing = draft_resume(example_item(profile=profile, variant="nothing"))
    assert len(nothing.projects) == 2
    assert len(nothing.notes) == 2


def test_an_unknown_variant_names_the_known_ones() -> None:
    with pytest.raises(BadInput, match=r"no variant 'backand' \(it has: backend, tooling\)"):
        draft_resume(item([], profile=Profile(variants={"tooling": [], "backend": []}), variant="backand"))
    with pytest.raises(BadInput, match="it has: none"):
        draft_resume(item([], variant="backend"))


def test_no_entries_make_an_empty_resume() -> None:
    assert draft_resume(item([])) == ResumeDraft()


WORDS = [
    "Add",
    "Fix",
    "Parse",
    "tables",
    "of",
    "orders",
    "led",
    "50%",
    "wip",
    "Größe",
    "émojis 🎉",
    "<b>",
    "#include",
    "it",
    "\u202e",
    "@someone",
]
HEADLINES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=9).map(" ".join)
ROWS = st.builds(
    lambda number, headline, category, scope, repository, day, merged, shared, text: work(
        number,
        headline,
        category,
        scope=scope,
        repository=repository,
        day=START + timedelta(days=day),
        merged_by=merged,
        pull_request=5 if shared else None,
        text=text.format(headline) if text else None,
    ),
    st.integers(0, 10_000),
    HEADLINES,
    st.sampled_from([Category.FEATURE, Category.FIX, Category.OTHER, Category.REVERT, Category.BUILD]),
    st.sampled_from([None, "changelog", "src", "http", "Ünïcode"]),
    st.sampled_from(["lantern", "harbour", ""]),
    st.integers(0, 900),
    st.sampled_from([None, "m1", "m2"]),
    st.booleans(),
    st.sampled_from(["", "feat: {}\r\n\r\nbody", "Something else entirely", "  {}  "]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ROWS, min_size=3, max_size=30, unique_by=lambda row: row.entry.entry_id))
def test_every_highlight_rests_on_verbatim_quotes_and_its_counts_add_up(rows: list[ReportEntry]) -> None:
    texts = {row.entry.entry_id: row.entry.text for row in rows}
    draft = draft_resume(item(rows))
    for highlight in highlights(draft):
        assert highlight.evidence
        for quoted in highlight.evidence:
            assert quoted.quote
            assert texts[quoted.entry_id][quoted.start : quoted.end] == quoted.quote
        assert len({quoted.entry_id for quoted in highlight.evidence}) == len(highlight.evidence)
        assert sum(highlight.counts.values()) == highlight.changes <= len(highlight.evidence)
        assert "led" not in highlight.text.split()
        assert "%" not in highlight.text
        assert "\u202e" not in highlight.text
    used = {quoted.entry_id for highlight in highlights(draft) for quoted in highlight.evidence}
    assert len(used) + sum(draft.left_out.values()) <= len(rows)
    assert draft == draft_resume(item(rows[::-1])), "the order of the rows does not matter"
