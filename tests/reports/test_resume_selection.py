"""Which entries a resume speaks of, why the others are left out, and that every one is counted."""

from datetime import date, timedelta

import pytest

from orchestration_assets.reports.resume import draft_resume
from orchestration_assets.reports.resume_model import ResumeDraft
from orchestration_assets.worklogs.model import Category
from tests.reports.resume_material import (
    AS_OF,
    START,
    changelog_work,
    co_author,
    item,
    only,
    shows,
    skill,
    work,
)


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        ("bot", {"is_bot": True}),
        ("merge", {"is_merge": True}),
        ("mass commit", {"is_mass": True}),
        ("vague subject", {"vague": True}),
        ("not landed", {"landed_at": None, "landed_day": None}),
        ("not landed", {"landed_day": AS_OF + timedelta(days=1)}),
        ("vanished", {"vanished": True}),
        ("later than the resume", {"day": AS_OF + timedelta(days=1)}),
        ("build or release plumbing", {"category": Category.BUILD}),
        ("build or release plumbing", {"category": Category.CHORE}),
        ("build or release plumbing", {"is_release": True}),
    ],
)
def test_what_is_no_achievement_is_left_out_and_counted(reason: str, changes: dict[str, object]) -> None:
    rows = changelog_work()
    odd = work(50, "Add zebra stripes to tables", **{"scope": "changelog"} | changes)
    draft = draft_resume(item([*rows, odd]))
    assert draft.left_out == {reason: 1}
    assert only(draft).changes == 7
    assert odd.entry.entry_id not in {quoted.entry_id for quoted in only(draft).evidence}


def test_reverted_work_is_left_out_with_its_revert() -> None:
    wrong = work(20, "Add zebra stripes to tables", scope="changelog")
    revert = work(21, "Add zebra stripes to tables", Category.REVERT, reverts=wrong.entry.commit_hash)
    draft = draft_resume(item([*changelog_work(), wrong, revert]))
    assert draft.left_out == {"reverted": 2}
    assert only(draft).changes == 7


def test_a_revert_on_an_open_branch_takes_nothing_back() -> None:
    kept = work(20, "Add zebra stripes to tables", scope="changelog")
    revert = work(21, "Zebra", Category.REVERT, reverts=kept.entry.commit_hash, landed_at=None, landed_day=None)
    assert only(draft_resume(item([*changelog_work(), kept, revert]))).changes == 8


def test_names_and_addresses_of_others_never_appear() -> None:
    rows = changelog_work()
    odd = [
        work(50, "Add tables designed by Bo Sample", scope="changelog"),
        work(51, "Add stripes, thanks @bosample", scope="changelog"),
        work(52, "Add address bo@sample.example to footers", scope="changelog"),
        work(53, "Add columns to tables", scope="changelog", co_authors=co_author()),
    ]
    draft = draft_resume(item([*rows, *odd], [skill("python", "Python")], [shows(row, "python") for row in rows + odd]))
    everything = draft.model_dump_json()
    for private in ("Bo Sample", "bosample", "sample.example"):
        assert private not in everything
    assert draft.left_out == {"names somebody else": 2, "secret or private address": 1}


def test_secrets_and_private_addresses_are_left_out_and_counted() -> None:
    token = "gh" + "p_" + "a1B2" * 9
    rows = [*changelog_work(), work(50, f"Add token {token} to uploads", scope="changelog")]
    rows += [work(51, "Add link to http://wiki.internal/page", scope="changelog")]
    rows += [work(52, "Add hooks for headings", scope="http://10.0.0.7/x")]
    draft = draft_resume(item(rows))
    assert draft.left_out == {"secret or private address": 3}
    assert token not in draft.model_dump_json()


@pytest.mark.parametrize(
    "text", ["Fix CVE-2026-12345 in uploads", "Add escaping of names\n\nCloses a security hole.", "Fix XSS in names"]
)
def test_security_work_waits_until_it_has_been_public_for_ninety_days(text: str) -> None:
    def draft_of(landed: date | None) -> ResumeDraft:
        odd = work(
            50,
            text.split("\n", maxsplit=1)[0],
            Category.FIX,
            scope="changelog",
            text=text,
            day=START,
            landed_day=landed,
        )
        return draft_resume(item([*changelog_work(), odd], [skill("python", "Python")], [shows(odd, "python")]))

    for fresh in (AS_OF, AS_OF - timedelta(days=89), None):
        draft = draft_of(fresh)
        assert draft.left_out == {"recent security work": 1}
        assert draft.skills == [], "it is not quoted for a skill either"
    assert draft_of(AS_OF - timedelta(days=90)).left_out == {}


def test_a_commit_that_two_repositories_hold_counts_once() -> None:
    rows = changelog_work()
    fork = [
        work(n, row.analysis.headline, scope="changelog", repository="zfork", commit_hash=row.entry.commit_hash)
        for n, row in enumerate(rows)
    ]
    draft = draft_resume(item([*fork, *rows]))
    assert [project.name for project in draft.projects] == ["lantern"]
    assert draft.left_out == {"commit of another repository too": 7}


def test_notes_need_no_landing() -> None:
    rows = [
        work(
            n,
            f"Interview {name} about exports",
            source="note",
            landed_at=None,
            landed_day=None,
            commit_hash=None,
            area="research",
        )
        for n, name in enumerate(["buyers", "packers", "drivers"])
    ]
    draft = draft_resume(
        item(
            [
                row.model_copy(update={"analysis": row.analysis.model_copy(update={"category": Category.OTHER})})
                for row in rows
            ]
        )
    )
    assert only(draft).theme == "Research"
    assert draft.commits == {}
