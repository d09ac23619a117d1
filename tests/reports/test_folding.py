from __future__ import annotations

from datetime import timedelta

from orchestration_assets.reports.composition import compose
from tests.reports.report_material import History, claims, texts


def test_a_fix_folds_into_the_change_of_the_same_files_that_it_follows() -> None:
    history = History()
    history.commit("feat: add retries to the uploader", [("src/acme/upload.py", 80, 2)])
    history.commit("fix: count attempts from one", [("src/acme/upload.py", 1, 1)])
    report = compose(history.item())
    assert texts(report) == ["Added retries to the uploader [2 commits]"]
    assert [evidence.quote for evidence in claims(report, "Completed")[0].evidence] == [
        "feat: add retries to the uploader",
        "fix: count attempts from one",
    ]
    assert report.counts["units"] == 1


def test_a_fix_of_other_files_of_another_day_or_larger_than_the_change_stands_for_itself() -> None:
    history = History()
    history.commit("feat: add retries to the uploader", [("src/acme/upload.py", 20, 2)])
    history.commit("fix: close the pool", [("src/acme/pool.py", 1, 1)])
    history.commit("fix: rewrite how uploads are signed", [("src/acme/upload.py", 90, 40)])
    history.clock += timedelta(days=1)
    history.commit("fix: count attempts from one", [("src/acme/upload.py", 1, 1)])
    assert len(texts(compose(history.item()))) == 4


def test_tests_and_formatting_fold_into_their_change() -> None:
    history = History()
    history.commit("feat: add retries to the uploader", [("src/acme/upload.py", 80, 2)])
    history.clock += timedelta(days=1)
    history.commit("test: cover the uploader", [("tests/test_upload.py", 120, 0)])
    history.commit("style: format", [("src/acme/upload.py", 4, 4)])
    assert texts(compose(history.item())) == ["Added retries to the uploader [3 commits]"]


def test_tests_of_something_else_are_told() -> None:
    history = History()
    history.commit("feat: add retries to the uploader", [("src/acme/upload.py", 80, 2)])
    history.commit("test: cover the parser", [("tests/test_parser.py", 120, 0)])
    assert len(texts(compose(history.item()))) == 2


def test_a_vague_commit_folds_into_the_change_of_the_same_file() -> None:
    history = History()
    history.commit("Add retries to the uploader", [("src/acme/upload.py", 80, 2)])
    history.commit("wip", [("src/acme/upload.py", 4, 1)])
    assert texts(compose(history.item())) == ["Added retries to the uploader [2 commits]"]


def test_fixup_commits_fold_into_what_they_name() -> None:
    history = History()
    history.commit("Add retries to the uploader", [("src/acme/upload.py", 80, 2)])
    history.commit("fixup! Add retries to the uploader", [("src/acme/other.py", 4, 1)])
    assert texts(compose(history.item())) == ["Added retries to the uploader [2 commits]"]


def test_nothing_folds_into_a_mass_commit() -> None:
    history = History()
    history.commit("Move everything", [(f"src/acme/file{n}.py", 1, 1) for n in range(150)])
    history.commit("fix: count attempts from one", [("src/acme/file3.py", 1, 1)])
    assert len(texts(compose(history.item()))) == 2
