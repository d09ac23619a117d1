"""The Conventional Commits grammar: each rule of the specification, and that rendering and parsing are inverse."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration_assets.worklogs.conventional import Part, parse


def test_a_full_message_is_taken_apart_with_offsets() -> None:
    message = "feat(parser)!: read arrays\n\nArrays may nest.\n\nThey may be empty.\n\nReviewed-by: Z\nRefs #133"
    found = parse(message)
    assert found is not None
    assert (found.type.text, found.bang, found.description.text) == ("feat", True, "read arrays")
    assert found.scope is not None and found.scope.text == "parser"
    assert found.body is not None and found.body.text == "Arrays may nest.\n\nThey may be empty."
    assert [(f.token.text, f.separator, f.value.text) for f in found.footers] == [
        ("Reviewed-by", ": ", "Z"),
        ("Refs", " #", "133"),
    ]
    parts = [found.type, found.scope, found.description, found.body, *(f.value for f in found.footers)]
    assert all(message[part.start : part.end] == part.text for part in parts)


@pytest.mark.parametrize(
    "message",
    [
        "add a parser",
        "feat:add a parser",
        "feat add: a parser",
        "feat(): add a parser",
        "feat(a: b",
        "feat: ",
        ": add",
        "",
        "Merge branch 'x': y",
        "http://example.com",
    ],
)
def test_what_has_no_conventional_header_is_none(message: str) -> None:
    assert parse(message) is None


@pytest.mark.parametrize("header", ["FEAT: x", "Fix(Core): x", "deps-dev: x", "docs(docs/README): x", "fix(a, b): x"])
def test_types_are_read_in_any_case_and_scopes_as_written(header: str) -> None:
    assert parse(header) is not None


@pytest.mark.parametrize(
    ("message", "breaking"),
    [
        ("feat!: x", True),
        ("feat(a)!: x", True),
        ("feat: x\n\nBREAKING CHANGE: y", True),
        ("feat: x\n\nBREAKING-CHANGE: y", True),
        ("feat: x\n\nbreaking change: y", False),
        ("feat: x\n\nbreaking-change: y", False),
        ("feat: x\n\nThis is no BREAKING CHANGE at all", False),
        ("feat: x\nBREAKING CHANGE: not after a blank line", False),
    ],
)
def test_breaking_changes_are_announced_in_capitals_or_by_a_bang(message: str, breaking: bool) -> None:
    found = parse(message)
    assert found is not None and found.is_breaking is breaking


def test_a_footers_value_spans_lines_until_the_next_footer() -> None:
    found = parse("fix: x\n\nBREAKING CHANGE: first line\nsecond line\n\nnew paragraph\nSigned-off-by: A")
    assert found is not None and found.body is None
    assert [f.value.text for f in found.footers] == ["first line\nsecond line\n\nnew paragraph", "A"]


def test_a_line_like_a_footer_inside_a_paragraph_of_the_body_is_body() -> None:
    found = parse("fix: x\n\nThe reason:\nNote: this stays")
    assert found is not None and found.footers == ()
    assert found.body == Part("The reason:\nNote: this stays", 8, 36)


_word = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=8)
_line = st.lists(_word, min_size=1, max_size=5).map(" ".join)
_paragraph = st.lists(_line, min_size=1, max_size=3).map("\n".join)
_footer = st.tuples(
    st.one_of(st.just("BREAKING CHANGE"), st.lists(_word, min_size=1, max_size=3).map("-".join)),
    st.sampled_from([": ", " #"]),
    _paragraph,
)


@given(
    kind=_word,
    scope=st.none() | _line,
    bang=st.booleans(),
    description=_line,
    body=st.none() | st.lists(_paragraph, min_size=1, max_size=3).map("\n\n".join),
    footers=st.lists(_footer, max_size=3),
)
def test_what_is_rendered_is_parsed_to_the_same_parts(
    kind: str,
    scope: str | None,
    bang: bool,
    description: str,
    body: str | None,
    footers: list[tuple[str, str, str]],
) -> None:
    header = f"{kind}{f'({scope})' if scope else ''}{'!' if bang else ''}: {description}"
    tail = "\n".join(f"{token}{separator}{value}" for token, separator, value in footers)
    message = "\n\n".join(part for part in (header, body, tail) if part)
    found = parse(message)
    assert found is not None
    assert (found.type.text, found.bang, found.description.text) == (kind, bang, description)
    assert (found.scope.text if found.scope else None) == scope
    assert (found.body.text if found.body else None) == body
    assert [(f.token.text, f.separator, f.value.text) for f in found.footers] == footers


@given(st.text(max_size=200))
def test_no_text_breaks_the_parser_and_every_part_is_verbatim(message: str) -> None:
    found = parse(message)
    if found is not None:
        for part in (found.type, found.scope, found.description, found.body, *(f.token for f in found.footers)):
            assert part is None or message[part.start : part.end] == part.text
