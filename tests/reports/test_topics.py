from __future__ import annotations

import pytest

from orchestration_assets.reports.composition import compose
from orchestration_assets.reports.model import Topic
from orchestration_assets.reports.topics import MAX_LINES, MAX_SHARE, MAX_TOPICS, is_distinctive
from tests.reports.report_material import History, section

VERBS = ("Parse", "Cache", "Trim", "Reject", "Explain", "Stream", "Measure", "Guard", "Sort", "Merge", "Hide", "Count")
THINGS = ("empty input", "long lines", "broken quotes", "old keys", "large files", "nested lists", "dates before 1970")


def topics_of(history: History) -> list[Topic]:
    return section(compose(history.item()), "Completed").topics


def busy(history: History, scope: str, count: int, kind: str = "feat") -> None:
    for number in range(count):
        what = f"{VERBS[(number * 5 + len(scope)) % len(VERBS)].lower()} {THINGS[number % len(THINGS)]} in {scope} {kind} {number}"
        history.commit(f"{kind}({scope}): {what}", [(f"src/acme/{scope}/{kind}{number}.py", 10 + number, 1)])


def test_few_lines_need_no_headings_and_none_of_them_is_hidden() -> None:
    history = History()
    busy(history, "parser", 2)
    busy(history, "storage", 4)
    history.commit("docs: describe the belt", [("docs/belt.md", 9, 1)])
    assert [topic.title for topic in topics_of(history)] == [""]
    assert section(compose(history.item()), "Completed").remainder == ""


def test_topics_come_from_scopes() -> None:
    history = History()
    for scope in ("parser", "storage", "billing", "search"):
        busy(history, scope, 2)
    assert {topic.title for topic in topics_of(history)} == {"Parser", "Storage", "Billing", "Search"}


def test_a_scope_and_a_folder_of_one_name_are_one_topic_in_whatever_number() -> None:
    history = History()
    busy(history, "billing", 3)
    busy(history, "storage", 3)
    history.commit("feat(parser): read lids", [("src/acme/x.py", 9, 1)])
    history.commit("feat(parser): read labels", [("src/acme/y.py", 9, 1)])
    history.commit("Skip broken seals", [("src/acme/parsers/z.py", 9, 1)])
    titles = [topic.title for topic in topics_of(history)]
    assert titles.count("Parser") == 1
    assert "Parsers" not in titles


def test_headings_spell_names_as_their_owners_do() -> None:
    history = History()
    for scope in ("git", "duckdb", "cli"):
        busy(history, scope, 3)
    assert {topic.title for topic in topics_of(history)} == {"Git", "DuckDB", "CLI"}


def test_topics_come_from_a_shared_issue_before_all() -> None:
    history = History()
    for scope in ("parser", "storage", "billing"):
        busy(history, scope, 2)
    history.commit("feat(parser): read headers\n\nCloses #77", [("src/acme/parser/a.py", 9, 0)])
    history.commit("feat(storage): keep headers\n\nCloses #77", [("src/acme/storage/a.py", 9, 0)])
    assert "Issue #77" in {topic.title for topic in topics_of(history)}


@pytest.mark.parametrize(
    "name",
    [
        "src",
        "index",
        "_data",
        "acme",
        "Acme",
        "acme-core",
        "tests",
        "acme_lib",
        "test_utils_2",
        "belt_test",
        "belt.spec",
    ],
)
def test_generic_and_root_package_names_are_no_topics(name: str) -> None:
    assert not is_distinctive(name, "acme")


@pytest.mark.parametrize("name", ["warehouse", "acme-billing", "parser"])
def test_names_that_tell_something_are(name: str) -> None:
    assert is_distinctive(name, "acme")


def test_a_topic_that_holds_most_of_the_units_is_split() -> None:
    history = History()
    busy(history, "parser", 5)
    busy(history, "parser", 5, "fix")
    busy(history, "storage", 2)
    titles = {topic.title for topic in topics_of(history)}
    assert "Parser" not in titles
    assert {"Parser: features", "Parser: fixes", "Storage"} <= titles
    assert MAX_SHARE == 0.3


def test_a_page_holds_seven_topics_of_three_lines_and_counts_the_rest() -> None:
    history = History()
    for scope in ("parser", "storage", "billing", "search", "mail", "login", "export", "import", "audit", "themes"):
        busy(history, scope, 5)
    report = compose(history.item())
    completed = section(report, "Completed")
    assert len(completed.topics) <= MAX_TOPICS
    assert all(len(topic.claims) <= MAX_LINES for topic in completed.topics)
    assert report.counts["units"] == 50
    assert report.counts["shown"] + report.counts["remainder"] == 50
    assert completed.remainder == f"and {report.counts['remainder']} features"


def test_with_several_repositories_topics_name_theirs() -> None:
    history = History()
    for repository in ("acme", "widgets"):
        for number, verb in enumerate(VERBS[:4]):
            path = f"src/{'parser' if number < 2 else 'storage'}/m{number}.py"
            history.commit(f"{verb} {THINGS[number]}", [(path, 10 + number, 1)], repository=repository)
    assert {topic.title.split(":")[0] for topic in topics_of(history)} == {"acme", "widgets"}
