"""Documents and comments: what came from outside stays text, whatever it is made of."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from orchestration_assets.reports import neutral
from orchestration_assets.reviews.model import Category, DependencyChange, Finding, Review, Severity
from orchestration_assets.reviews.rendering import (
    LONGEST_COMMENT,
    NOTHING_FOUND,
    comment_body,
    findings_table,
    render_html,
    render_markdown,
    resolved_body,
    review_json,
)

HOSTILE = (
    "@octocat please ![x](https://evil.example/p.png) [click](javascript:alert(1)) <img src=x onerror=alert(1)> <!-- hidden --> "
    "fern/ledger#1 #12 GH-3 https://evil.example www.evil.example a@evil.example </sub></details>\n# Heading\n- [x] done ```\u202e"
)


SITE = "https://github.example/fern/ledger/blob/"


def finding(**changes: Any) -> Finding:
    values: dict[str, Any] = {
        "category": Category.SECURITY,
        "severity": Severity.HIGH,
        "path": "app/reader.py",
        "line": 12,
        "quote": "eval(text)",
        "why": "`eval` runs whatever its text says.",
        "action": "Parse it.",
        "rule": "S307",
    }
    return Finding(**(values | changes))


def review(*findings: Finding, **changes: Any) -> Review:
    values: dict[str, Any] = {
        "repository": "fern/ledger",
        "number": 12,
        "title": "Retry loading",
        "url": "https://github.example/fern/ledger/pull/12",
        "head_commit": "a" * 40,
        "base_commit": "b" * 40,
        "findings": list(findings),
        "files": 2,
        "added": 30,
        "removed": 4,
    }
    return Review(**(values | changes))


def test_a_review_is_a_checklist_with_places_reasons_and_actions() -> None:
    text = render_markdown(review(finding(), finding(category=Category.TESTS, severity=Severity.LOW, rule="no-tests")))
    assert "# Review of `fern/ledger#12`: Retry loading" in text
    assert "2 findings, 1 of high severity, in 2 changed files (+30, -4)." in text
    address = f"https://github.example/fern/ledger/blob/{'a' * 40}/app/reader.py#L12"
    assert f"- [ ] [`app/reader.py:12`]({address}) (high): `eval` runs whatever its text says. Parse it.\n" in text
    assert "  ```\n  eval(text)\n  ```" in text
    assert text.index("## Security") < text.index("## Tests")


def test_nothing_found_is_one_line_and_wants_no_comment() -> None:
    nothing = review()
    assert comment_body(nothing) is None
    lines = [line for line in render_markdown(nothing).splitlines() if line and line != "---"]
    assert lines[1:-1] == [NOTHING_FOUND]
    assert findings_table([nothing]) == NOTHING_FOUND
    assert NOTHING_FOUND in resolved_body(nothing)


def test_packages_are_told_in_the_document() -> None:
    changes = [
        DependencyChange(path="package.json", name="left", before="^1", after="^2"),
        DependencyChange(path="package.json", name="right", before=None, after="^1"),
        DependencyChange(path="package.json", name="gone", before="^1", after=None),
    ]
    text = render_markdown(review(dependencies=changes))
    assert "- `left` in `package.json`: ^1 → ^2" in text
    assert "- `right` in `package.json`: added (^1)" in text
    assert "- `gone` in `package.json`: removed (^1)" in text
    assert comment_body(review(dependencies=changes)) is None


HOSTILE_REVIEW = review(
    finding(path="app/[x](y)`@team`.py", quote=HOSTILE, why=HOSTILE, action=HOSTILE, document=HOSTILE, line=3),
    title=HOSTILE,
    dependencies=[DependencyChange(path=HOSTILE, name=HOSTILE, before=HOSTILE, after=None)],
    read_by="model@<b>",
    architecture="docs/@team.md",
)


@pytest.mark.parametrize(
    "text", [render_markdown(HOSTILE_REVIEW), comment_body(HOSTILE_REVIEW) or "", findings_table([HOSTILE_REVIEW])]
)
def test_no_text_from_outside_becomes_a_link_a_picture_a_tag_a_heading_or_a_mention(text: str) -> None:
    read = Read.of(text)
    assert read.images == []
    assert [address for address in read.links if not address.startswith(SITE)] == []
    assert set(read.tags) <= {"<sub>", "</sub>"}
    assert not any(heading.startswith("Heading") for heading in read.headings)
    assert not re.search(r"(?<!\w)@\w", read.words)
    assert not re.search(r"#\d|GH-\d", read.words)
    assert "evil.example" not in read.words
    assert "\u202e" not in text
    assert not any(line.lstrip().startswith("- [x]") for line in text.splitlines())


@dataclass
class Read:
    """What a reader of CommonMark makes of a text. `words` are those outside of code: where GitHub looks for mentions and addresses."""

    words: str = ""
    links: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    headings: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, text: str) -> Read:
        read = cls()
        tokens = MarkdownIt().enable("table").parse(text)
        for before, token in zip([None, *tokens], tokens, strict=False):
            if before is not None and before.type == "heading_open":
                read.headings.append(token.content)
            if token.type == "html_block":
                read.tags.append(token.content)
            for child in token.children or []:
                read.words += child.content if child.type == "text" else "\n" if child.type == "softbreak" else " "
                if child.type == "link_open":
                    read.links.append(str(child.attrs["href"]))
                if child.type == "image":
                    read.images.append(str(child.attrs["src"]))
                if child.type == "html_inline":
                    read.tags.append(child.content)
        return read


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src")]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]


def test_the_page_holds_no_tag_and_no_address_of_a_strangers() -> None:
    page = _Page()
    page.feed(render_html(HOSTILE_REVIEW))
    assert not page.tags & {"img", "script", "iframe", "object", "form", "svg"}
    assert all(address.startswith("https://github.example/fern/ledger/") for address in page.addresses)
    assert page.handlers == []
    assert "\u202e" not in render_html(HOSTILE_REVIEW)


def test_an_address_that_is_none_is_not_linked() -> None:
    hostile = review(finding(), url='javascript:alert(1)//"/pull/12')
    assert "javascript:" not in render_html(hostile).replace("&#", "")
    assert Read.of(render_markdown(hostile)).links == []


@settings(max_examples=60)
@given(st.text(st.one_of(st.sampled_from("@#`<>[]()!\\*_~|-\n 1ab:/."), st.characters(codec="utf-8")), max_size=60))
def test_any_text_in_a_finding_leaves_its_line_and_its_block_as_they_are(text: str) -> None:
    made = comment_body(review(finding(why=text or "x", action="Mend it.", quote=text, document=text))) or ""
    read = Read.of(made)
    assert len([line for line in made.splitlines() if line.startswith("- [ ] ")]) == 1
    assert len(read.links) == 1
    assert read.images == []
    assert read.headings == []
    assert set(read.tags) == {"<sub>", "</sub>"}
    assert not re.search(r"(?<!\w)@\w", read.words)
    assert made.endswith("It is kept up to date in this place.</sub>\n")


def test_a_comment_is_as_long_as_github_takes() -> None:
    long = [finding(line=number, path="ä" * 2000, why="x" * 20_000, quote="y" * 3000) for number in range(10)]
    body = comment_body(review(*long)) or ""
    assert 0 < len(body) <= LONGEST_COMMENT
    assert "of less weight are not told" in body
    assert body.endswith("</sub>\n")


def test_equal_reviews_make_equal_bytes_and_the_json_holds_all() -> None:
    one, other = review(finding()), review(finding())
    assert render_html(one) == render_html(other)
    assert Review.model_validate(orjson.loads(review_json(one))) == one


def test_code_is_set_so_that_nothing_in_it_ends_it() -> None:
    assert neutral.code("a`b``c") == "```a`b``c```"
    assert neutral.code("`a`") == "`` `a` ``"
    assert neutral.block("```\nx") == "````\n``` x\n````"
