from __future__ import annotations

from datetime import timedelta

import pytest

from orchestration_assets.reports.composition import compose
from orchestration_assets.reports.model import Report
from orchestration_assets.reports.units import merge_title, sort_out
from tests.reports.report_material import History, claims, everything, section, texts


def report_of(history: History) -> Report:
    return compose(history.item())


def test_a_merged_pull_request_is_one_unit_under_its_title() -> None:
    history = History()
    history.pull_request(1808, "Exclude RateLimitError from retry", ["add a test", "do not retry", "typo"])
    report = report_of(history)
    assert texts(report) == ["Excluded RateLimitError from retry (#1808)"]
    evidence = claims(report, "Completed")[0].evidence
    assert evidence[0].quote == "Exclude RateLimitError from retry"
    assert len(evidence) == 4
    assert report.counts["units"] == 1


def test_a_title_that_only_repeats_the_branch_is_no_headline() -> None:
    history = History()
    history.pull_request(
        7, "Retry uploads", ["Retry uploads that time out", "Log each attempt"], branch="retry-uploads"
    )
    report = report_of(history)
    assert sorted(texts(report)) == ["Logged each attempt", "Retried uploads that time out"]
    assert report.counts["merges"] == 1


def test_a_merge_without_a_title_falls_back_to_its_commits() -> None:
    history = History()
    history.pull_request(7, "", ["Retry uploads that time out"])
    assert texts(report_of(history)) == ["Retried uploads that time out"]


def test_a_squash_is_one_unit_with_its_number() -> None:
    history = History()
    history.commit("feat(upload): retry what times out (#12)\n\n* first try\n* fix the test")
    assert texts(report_of(history)) == ["Retried what times out (#12)"]


def test_commits_that_a_squash_brought_in_are_its_members() -> None:
    history = History()
    squash = history.commit("Retry uploads (#12)\n\n* count attempts")
    history.commit("back off between attempts", merged_by=squash)
    history.commit("count attempts", landed=None)
    item = history.item()
    units = sort_out(item.entries).units
    assert [len(unit.members) for unit in units] == [3]


def test_merging_somebody_elses_pull_request_claims_the_merge_and_not_the_work() -> None:
    history = History()
    history.commit("Merge pull request #4 from bea/cache\n\nAdd an on-disk cache", [], is_merge=True)
    assert texts(report_of(history)) == ["Merged pull request #4: add an on-disk cache"]
    history.commit("Merge pull request #5 from bea/docs\n\nDescribe the cache", [], is_merge=True)
    assert texts(report_of(history)) == ["Merged 2 pull requests (#4 and #5)"]


def test_bots_get_one_line() -> None:
    history = History()
    for number in range(5):
        history.commit(f"Bump left-pad from 1.0.{number} to 1.0.{number + 1}", is_bot=True)
    history.commit("Add caches")
    report = report_of(history)
    assert texts(report) == ["Added caches", "5 dependency updates by bots"]
    assert report.counts["bots"] == 5


def test_a_bots_pull_request_merged_by_hand_is_the_bots() -> None:
    history = History()
    merge = history.commit("Merge pull request #4 from dependabot/pip/x\n\nBump x from 1 to 2", [], is_merge=True)
    history.commit("Bump x from 1 to 2", merged_by=merge, is_bot=True)
    assert texts(report_of(history)) == ["2 dependency updates by bots"]


def test_releases_get_one_line_with_their_candidates() -> None:
    history = History()
    for candidate in range(3, 11):
        history.commit(f"chore(release): prepare for v0.1.0-rc.{candidate}")
    history.commit("Release v0.0.9")
    assert texts(report_of(history)) == ["Prepared releases v0.0.9 and v0.1.0-rc.10 (8 candidates)"]


def test_a_reverted_pair_is_not_completed_by_hash_or_by_subject() -> None:
    history = History()
    first = history.commit("Add caches")
    history.commit(f'Revert "Add caches"\n\nThis reverts commit {first.entry.commit_hash}.')
    history.commit("Add metrics")
    history.commit('Revert "Add metrics"')
    report = report_of(history)
    assert texts(report) == []
    assert report.counts["reverted"] == 4
    assert section(report, "Completed").remainder == "and 4 entries that cancel each other out"


def test_the_revert_of_a_revert_gives_the_work_back() -> None:
    history = History()
    history.commit("Add caches")
    revert = history.commit('Revert "Add caches"')
    history.commit(f'Reapply "Add caches"\n\nThis reverts commit {revert.entry.commit_hash}.')
    assert texts(report_of(history)) == ["Added caches"]


def test_the_revert_of_a_merge_takes_back_all_of_the_pull_request() -> None:
    history = History()
    merge = history.pull_request(3, "Add caches", ["Add a cache", "Fill the cache"])
    history.commit(
        f'Revert "Merge pull request #3 from ada/topic"\n\nThis reverts commit {merge.entry.commit_hash}, reversing it.'
    )
    assert texts(report_of(history)) == []


def test_a_revert_of_older_work_is_news() -> None:
    history = History()
    history.commit('Revert "Add caches"\n\nThis reverts commit 0123456789abcdef0123456789abcdef01234567.')
    assert [text for text in texts(report_of(history)) if "caches" in text] != []


def test_ordinary_work_that_is_typed_revert_is_told() -> None:
    history = History()
    history.commit("revert: use the old colours in the header")
    assert len(texts(report_of(history))) == 1


def test_manual_undo_is_seen_by_net_diff() -> None:
    history = History()
    history.commit("Rename the column to owner", [("db/schema.sql", 2, 1)])
    history.commit("Set back the column name", [("db/schema.sql", 1, 2)])
    report = report_of(history)
    assert texts(report) == []
    assert report.counts["reverted"] == 2


def test_a_mirrored_diff_alone_proves_no_undo() -> None:
    history = History()
    history.commit("Raise the limit", [("conf.py", 1, 1)])
    history.commit("Lower the time-out", [("conf.py", 1, 1)])
    assert report_of(history).counts["reverted"] == 0


def test_an_undo_much_later_is_work_of_its_own() -> None:
    history = History()
    history.commit("Rename the column to owner", [("db/schema.sql", 2, 1)])
    history.clock += timedelta(hours=2)
    history.commit("Set back the column name", [("db/schema.sql", 1, 2)])
    assert report_of(history).counts["reverted"] == 0


def test_repeated_small_copy_edits_do_not_cancel_each_other() -> None:
    history = History()
    for _ in range(6):
        history.commit("copy", [("website/index.md", 1, 1)])
    report = report_of(history)
    assert report.counts["reverted"] == 0
    assert texts(report) == ["6 website copy edits"]


def test_vague_subjects_count_by_area_and_never_headline() -> None:
    history = History()
    history.commit("Add caches")
    for subject in ("wip", "fix", "more"):
        history.commit(subject, [("warehouse/tables.py", 4, 4)])
    report = report_of(history)
    said = "3 changes to warehouse (described only as “fix” and “more”, 1 not at all)"
    assert texts(report) == ["Added caches", said]
    assert report.counts["units"] == 4


@pytest.mark.parametrize(
    ("subject", "told"),
    [
        ("docs/ssl: fix typo (#3703)", "(described only as “fix typo”)"),
        ("3.11+ (#3730)", "(described only as “3.11+”)"),
        ("LEDGER-12", "(described only as “LEDGER-12”)"),
        ("fix #31", "(described only as “fix”)"),
        ("", "(no description)"),
        (".", "(no description)"),
        ("wip", "(no description)"),
        ("WIP!", "(no description)"),
        ("asdfgh", "(no description)"),
    ],
)
def test_only_what_has_no_words_is_told_to_have_none(subject: str, told: str) -> None:
    history = History()
    history.commit(subject, [("docs/advanced/ssl.md", 1, 1)])
    report = report_of(history)
    assert texts(report) == [f"1 change to advanced {told}"]
    known = history.by_id()
    for evidence in (piece for claim in claims(report, "Completed") for piece in claim.evidence):
        if evidence.where == "message":
            assert known[evidence.entry_id].text[evidence.start : evidence.end] == evidence.quote


def test_many_little_words_are_told_by_the_first_of_them() -> None:
    history = History()
    for subject in ("fix", "more", "Fix", "tweaks", "nits", "cleanup again"):
        history.commit(subject, [("warehouse/tables.py", 4, 4)])
    assert texts(report_of(history)) == [
        "6 changes to warehouse (described only as “Fix”, “more”, “tweaks” and 2 others)"
    ]


def test_a_merged_branch_that_says_little_is_told_in_its_words() -> None:
    history = History()
    history.pull_request(4002, "docs/ssl: fix typo", ["Mend a word"])
    assert texts(report_of(history)) == ["1 change to part4002 (described only as “fix typo”)"]


def test_open_work_that_says_little_is_told_in_its_words() -> None:
    history = History()
    history.commit("fix typo", [("docs/advanced/ssl.md", 1, 1)], landed=None)
    assert texts(report_of(history), "In progress") == [
        "Work in advanced that has not landed (described only as “fix typo”)"
    ]


def test_a_mass_commit_is_told_by_its_size_because_its_subject_is_unreliable() -> None:
    history = History()
    history.commit("Fix the timeout constant", [(f"src/file{n}.py", 3, 1) for n in range(247)])
    assert texts(report_of(history)) == ["Changed 247 files at once, recorded as “Fix the timeout constant”"]


def test_closing_words_are_told_as_a_reference() -> None:
    history = History()
    history.commit("Fix #31 Pass the coder to the repository")
    history.commit("Retry uploads (#12)\n\nCloses #9")
    report = report_of(history)
    assert set(texts(report)) == {
        "Passed the coder to the repository (references #31)",
        "Retried uploads (#12, references #9)",
    }
    assert "lose" not in everything(report)


def test_people_times_and_addresses_are_not_told() -> None:
    history = History()
    history.commit("Add caches, thanks to @bea (mail bea@example.com) at 23:45")
    said = everything(report_of(history))
    assert "bea" not in said
    assert "23:45" not in said
    assert "@" not in " ".join(
        evidence.quote for claim in claims(report_of(history), "Completed") for evidence in claim.evidence
    )


def test_praise_of_oneself_is_not_told() -> None:
    history = History()
    history.commit("Add caches - LIVE DEPLOYMENT VERIFIED, fully operational")
    said = everything(report_of(history)).lower()
    assert "verified" not in said
    assert "operational" not in said


@pytest.mark.parametrize(
    ("message", "title"),
    [
        ("Merge pull request #4 from bea/belt\n\nOil the belt", "Oil the belt"),
        ("Merge branch 'belt' into 'main'\n\nOil the belt\n\nSee merge request depot!4", "Oil the belt"),
        ("Merged in bea/belt (pull request #4)\n\nOil the belt", "Oil the belt"),
        ("Oil the belt (#4)\n\nIt squeaked for weeks, as everybody in the hall could hear.", "Oil the belt (#4)"),
        (
            "Merge `belt` into `main` after the move (#4)\n\nThe halls had drifted apart.",
            "Merge `belt` into `main` after the move (#4)",
        ),
        ("Merged PR 12: Oil the belt\n\nRelated work items: #3", "Oil the belt"),
        ("Merge branch 'main' into belt", None),
        ("Merge main into belt", None),
        ("Merge pull request #4 from bea/belt\n\nbelt", None),
    ],
)
def test_the_title_of_a_merge_is_what_its_author_called_it(message: str, title: str | None) -> None:
    entry = History().commit(message, [], is_merge=True).entry
    span = merge_title(entry)
    assert (entry.text[slice(*span)] if span else None) == title
