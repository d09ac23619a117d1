"""What of the findings is told: nothing twice, the gravest first, at most ten."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration_assets.reviews.model import MOST_FINDINGS, Category, Finding, Severity
from orchestration_assets.reviews.ranking import MOST_OF_A_RULE, ranked


def finding(**changes: Any) -> Finding:
    values: dict[str, Any] = {
        "category": Category.CORRECTNESS,
        "severity": Severity.MEDIUM,
        "path": "app.py",
        "line": 10,
        "why": "The total is wrong where the list is empty.",
        "action": "Check for an empty list.",
    }
    return Finding(**(values | changes))


def test_a_model_that_says_what_was_computed_says_it_in_vain() -> None:
    computed = finding(rule="S307", category=Category.SECURITY, why="`eval` runs whatever its text says.")
    model = finding(category=Category.SECURITY, severity=Severity.HIGH, why="eval executes text that a user chose.")
    assert ranked([model, computed]) == ([computed], 0)


def test_a_model_that_misses_tests_where_none_changed_repeats_the_rule() -> None:
    computed = finding(rule="no-tests", category=Category.TESTS, path="app/money.py", line=1)
    model = finding(category=Category.TESTS, path="app/other.py", line=70, why="The new branch is not tested.")
    assert ranked([model, computed]) == ([computed], 0)


def test_two_sentences_that_say_the_same_of_a_place_are_one() -> None:
    graver = finding(severity=Severity.HIGH)
    near = finding(line=11, why="An empty list makes a wrong total here.")
    alike = finding(line=80, why="Where the list is empty, the total is wrong.")
    other = finding(line=80, why="Nobody closes the connection.")
    assert ranked([near, alike, other, graver]) == ([graver, other], 0)


def test_of_one_rule_a_few_are_enough() -> None:
    many = [finding(rule="F821", line=10 * number, why=f"`name_{number}` is not defined.") for number in range(8)]
    told, more = ranked([*many, many[0].model_copy(update={"line": 99})])
    assert (len(told), more) == (MOST_OF_A_RULE, 8 - MOST_OF_A_RULE)


FINDINGS = st.builds(
    finding,
    category=st.sampled_from(Category),
    severity=st.sampled_from(Severity),
    path=st.sampled_from(["a.py", "b.py"]),
    line=st.one_of(st.none(), st.integers(1, 400)),
    why=st.text("abcdefg ", min_size=3, max_size=40),
    rule=st.sampled_from(["", "S307", "S113", "no-tests"]),
)


@settings(max_examples=40)
@given(st.lists(FINDINGS, max_size=30), st.randoms())
def test_whatever_is_found_at_most_ten_are_told_in_order_and_the_order_of_finding_does_not_matter(
    findings: list[Finding], chance: Any
) -> None:
    told, more = ranked(findings)
    assert len(told) <= MOST_FINDINGS
    assert len(told) + more <= len(findings)
    severities = list(Severity)
    ranks = [severities.index(each.severity) for each in told]
    assert ranks == sorted(ranks)
    assert ranked(told) == (told, 0)
    shuffled = list(findings)
    chance.shuffle(shuffled)
    assert ranked(shuffled)[0] == told
