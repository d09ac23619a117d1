"""A review for people and for programs: Markdown, a standalone HTML page, JSON, and the comment under the pull request. Equal reviews give
equal bytes."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import orjson

from orchestration_assets.reports import neutral
from orchestration_assets.reports.templating import environment
from orchestration_assets.reviews.model import Category, DependencyChange, Finding, Review, Severity
from orchestration_assets.worklogs.wording import plural

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"
TEMPLATE_NAMES = ("review.md.j2", "review.html.j2", "comment.md.j2", "review.css")
LONGEST_COMMENT = 65_000
"""Characters."""
SHOWN_DEPENDENCIES = 30
NOTHING_FOUND = "Nothing was found that wants a change."


class Group(NamedTuple):
    """The findings of one category, under its name."""

    title: str
    findings: list[Finding]


def render_markdown(review: Review) -> str:
    return _tidy(_environment().get_template("review.md.j2").render(_view(review)))


def render_html(review: Review) -> str:
    """One page without scripts or anything loaded from elsewhere."""
    style = (TEMPLATES / "review.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    view = _view(review) | {"style": style, "style_hash": f"sha256-{digest}"}
    return _environment().get_template("review.html.j2").render(view)


def review_json(review: Review) -> bytes:
    """The contract for programs: all of the review."""
    return orjson.dumps(
        review.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    )


def comment_body(review: Review) -> str | None:
    """What is to stand under the pull request, at most 65,000 characters; None where there is nothing to say."""
    if not review.findings:
        return None
    findings = list(review.findings)
    while True:
        shorter = review.model_copy(
            update={"findings": findings, "more": review.more + len(review.findings) - len(findings)}
        )
        body = _tidy(_environment().get_template("comment.md.j2").render(_view(shorter)))
        if len(body) <= LONGEST_COMMENT or not findings:
            return body[:LONGEST_COMMENT]
        findings.pop()


def resolved_body(review: Review) -> str:
    """What takes the comment's place where an earlier review had something to say and this one has not."""
    return f"{NOTHING_FOUND} What an earlier review found is gone at {neutral.code(review.head_commit[:7])}.\n"


def findings_table(reviews: Sequence[Review]) -> str:
    """A Markdown table of what was found, a line a finding."""
    rows = [
        f"| {neutral.code(review.key)} | {each.severity} | {each.category} | {neutral.code(place_of(each))} | {_cell(each.why)} |"
        for review in reviews
        for each in review.findings
    ]
    if not rows:
        return NOTHING_FOUND
    return "\n".join(["| Pull request | Severity | Category | Place | Why |", "| --- | --- | --- | --- | --- |", *rows])


def place_of(finding: Finding) -> str:
    """`path:12`."""
    return finding.path if finding.line is None else f"{finding.path}:{finding.line}"


def groups(findings: Sequence[Finding]) -> list[Group]:
    """By category: the one with the gravest finding first."""
    found: dict[Category, list[Finding]] = {}
    for each in findings:
        found.setdefault(each.category, []).append(each)
    return [Group(category.value.capitalize(), listed) for category, listed in found.items()]


def summary(review: Review) -> str:
    """`3 findings, 1 of them of high severity, in 4 changed files (+120, -13).`"""
    high = Counter(each.severity for each in review.findings)[Severity.HIGH]
    grave = f", {high:,} of high severity" if high else ""
    return f"{plural(len(review.findings), 'finding')}{grave}, in {_extent(review)}."


def footer(review: Review) -> str:
    """What was looked at, by whom, and what was not."""
    read = f"read by {review.read_by}" if review.read_by else "looked at by rules alone"
    parts = [f"Commit {review.head_commit[:7]} against {review.base_commit[:7]}, {_extent(review)}, {read}"]
    if review.read_by and review.architecture:
        parts.append(f"held against {review.architecture}")
    if review.left_out:
        parts.append(f"{plural(review.left_out, 'generated, locked or binary file')} left out")
    if review.unread:
        parts.append(f"{plural(len(review.unread), 'file')} not read by the model")
    return "; ".join(parts) + "."


def _extent(review: Review) -> str:
    return f"{plural(review.files, 'changed file')} (+{review.added:,}, -{review.removed:,})"


def _view(review: Review) -> dict[str, object]:
    return {
        "review": review,
        "groups": groups(review.findings),
        "summary": summary(review),
        "footer": footer(review),
        "nothing": NOTHING_FOUND,
        "dependencies": list(_dependencies(review.dependencies)),
        "more_dependencies": max(0, len(review.dependencies) - SHOWN_DEPENDENCIES),
        "plural": plural,
        "place": place_of,
        "address": lambda each: neutral.line_address(
            review.url, review.base_commit if each.removed else review.head_commit, each.path, each.line
        ),
        "pull_request": neutral.web_address(review.url),
    }


def _dependencies(changes: Sequence[DependencyChange]) -> Iterator[tuple[str, str, str]]:
    """File, name, and what became of it."""
    for each in changes[:SHOWN_DEPENDENCIES]:
        if each.before is None:
            told = f"added{f' ({each.after})' if each.after else ''}"
        elif each.after is None:
            told = f"removed{f' ({each.before})' if each.before else ''}"
        else:
            told = f"{each.before or 'any version'} → {each.after or 'any version'}"
        yield each.path, each.name, told


def _cell(text: str) -> str:
    return neutral.markdown(text).replace("|", "\\|")


def _tidy(text: str) -> str:
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from markupsafe import Markup

    made = environment(TEMPLATES)
    made.filters["markdown"] = neutral.markdown
    made.filters["code"] = neutral.code
    made.filters["plain"] = neutral.plain
    made.filters["block"] = neutral.block
    made.filters["rich"] = lambda text: Markup(neutral.html(text))  # noqa: S704 - escaped piece by piece
    return made
