"""Specifications that are issues on GitHub: which of them ask for a build, and what they say.

What belongs here: from an issue to a name and a text. Whoever may label an issue is trusted by its repository; the text is data like any other.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from orchestration_assets.activity.entries import without_comments
from orchestration_assets.activity.model import ISSUES

if TYPE_CHECKING:
    from resources.github.facts import Issue
    from resources.warehouse import Session

LABEL = "needs-build"
"""An open issue that has it is a specification to be built."""
LONGEST_PROJECT = 40
_NAME = re.compile(r"(?P<repository>[\w.-]{1,100}/[\w.-]{1,100})#(?P<number>[1-9]\d{0,9})", re.ASCII)
_WORD = re.compile(r"[a-z0-9]+")


def is_issue(name: str) -> bool:
    """Whether this is the name of an issue, `owner/name#12`, and no file's."""
    return _NAME.fullmatch(name) is not None


def parts(name: str) -> tuple[str, int]:
    """The repository and the number in `owner/name#12`."""
    match = _NAME.fullmatch(name)
    assert match is not None, name
    return match["repository"], int(match["number"])


def issue_named(session: Session, name: str) -> Issue | None:
    """The issue as it was last heard of."""
    repository, number = parts(name)
    found = session.rows(ISSUES, where="lower(repository) = lower(?) AND number = ?", params=[repository, number])
    return found[0] if found else None


def wanted(session: Session) -> list[Issue]:
    """The open issues with the label, in the order in which they were opened."""
    found = session.rows(ISSUES, where="state = 'open'", order_by="opened_at, id")
    return [issue for issue in found if LABEL in {label.lower() for label in issue.labels}]


def name_of(issue: Issue) -> str:
    return f"{issue.repository}#{issue.number}"


def project_of(name: str) -> str:
    """The project of an issue, `owner-name-12`. Where that says less than the issue's name, six letters tell it from others."""
    owner, _, rest = name.lower().partition("/")
    own, _, number = rest.partition("#")
    short = "-".join(_WORD.findall(name.lower()))
    if "-" not in owner + own and short == f"{owner}-{own}-{number}" and len(short) <= LONGEST_PROJECT:
        return short
    digest = hashlib.sha256(name.lower().encode()).hexdigest()[:6]
    return f"{short[: LONGEST_PROJECT - len(number) - 8].removesuffix(f'-{number}').strip('-')}-{number}-{digest}"


def fingerprint(issue: Issue) -> str:
    """Of the text that is built; another one for another text."""
    return hashlib.sha256(text_of(issue).encode()).hexdigest()


def text_of(issue: Issue) -> str:
    """Title and text as a Markdown file would have them."""
    return f"# {' '.join(issue.title.split())}\n\n{without_comments(issue.body)}\n"
