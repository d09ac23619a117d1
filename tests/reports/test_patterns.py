from __future__ import annotations

from orchestration_assets.reports.composition import compose
from tests.reports.report_material import History, claims, texts

ICONS = ("Twinmotion", "Homarr", "Quarto", "Fedora", "Zig", "Gleam")


def told(*subjects: str, files: bool = True) -> list[str]:
    history = History()
    for number, subject in enumerate(subjects):
        history.commit(subject, [(f"src/part{number}/x{number}.py", 30 - number, 0)] if files else [])
    return texts(compose(history.item()))


def test_three_units_of_one_sentence_pattern_share_a_line() -> None:
    history = History()
    for number, icon in enumerate(ICONS):
        history.commit(f"Add {icon} icon (#{number + 1})", [(f"icons/{icon}.svg", 1, 0), ("data/icons.json", 5, 0)])
    report = compose(history.item())
    assert texts(report) == ["Added Twinmotion, Homarr, Quarto and 3 more icons [6 PRs]"]
    assert len(claims(report, "Completed")[0].evidence) == 6


def test_two_units_do_not() -> None:
    assert len(told("Add Twinmotion icon", "Add Homarr icon")) == 2


def test_equal_headlines_of_several_scopes_name_the_scopes() -> None:
    subjects = [
        f"feat({scope}): Gate GraphQL data collection behind data_collection (#{n})"
        for n, scope in enumerate(("ariadne", "gql", "graphene", "strawberry"), start=6886)
    ]
    assert told(*subjects) == [
        "Gated GraphQL data collection behind `data_collection` (ariadne, gql, graphene and strawberry) [4 PRs]"
    ]


def test_versions_that_differ_are_left_out() -> None:
    subjects = [f"Bump {name} from 1.{n} to 1.{n + 1}" for n, name in enumerate(("attrs", "click", "rich"))]
    assert told(*subjects) == ["Bumped attrs, click and rich [3 commits]"]


def test_nouns_without_a_plural_stay() -> None:
    assert told("Add GraphQL support", "Add Redis support", "Add Kafka support") == [
        "Added GraphQL, Redis and Kafka support [3 commits]"
    ]


def test_a_verb_alone_is_no_pattern() -> None:
    assert len(told("Add retries", "Add metrics", "Add caches")) == 3


def test_hashes_are_no_names() -> None:
    subjects = [f"Deploy the site at {hash_} today" for hash_ in ("0354a9d41e0d", "6656cb490f0a", "672ff94cf7eb")]
    assert not any("672ff94cf7eb" in text and "0354a9d41e0d" in text for text in told(*subjects))
