"""What a message points at: issues, pull requests, commits and addresses, and what it says it reverts.

A reference says what the author wrote, never that anything was merged or closed.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Literal

from orchestration_assets.worklogs.conventional import Conventional
from orchestration_assets.worklogs.model import Evidence, Reference

Kind = Literal["issue", "pull_request", "url", "commit"]

MAX_TAIL = 100
"""Characters at the end of a subject in which the number of a squashed pull request is looked for."""

_ADDRESS = r"https?://[^\s<>\"'`)\]}|]+"
_TICKET = r"(?!(?:UTF|SHA|MD|ISO|RFC|PEP|CVE|HTTP|HTTPS|TLS|X|AES|RSA|BASE|WIN|PY|ES|GH|GPT|COVID|CWE|RC|H)-)[A-Z][A-Z0-9]{1,9}-\d{1,6}"
_ONE = rf"(?:{_ADDRESS}|(?:[\w.-]+(?:/[\w.-]+)+)?\#\d{{1,7}}\b|\bGH-\d{{1,7}}\b)"

_REFERENCE = re.compile(
    rf"(?P<url>{_ADDRESS})"
    r"|(?<![\w&/#!])(?P<repository>[A-Za-z0-9][\w.-]{0,60}(?:/[\w.-]{1,60}){1,4})?(?P<sign>[#!])(?P<number>\d{1,7})(?![\w-])"
    r"|\bGH-(?P<gh>\d{1,7})\b",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    rf"\b(?:close|fix|resolve)(?:[sd]|e[sd])?\b:?\s+(?:(?:the\s+)?(?:issues?|bugs?|tickets?)\s+)?"
    rf"(?P<list>(?:{_ONE}|{_TICKET})(?:(?:\s*,\s*(?:and\s+)?|\s+and\s+|\s*&\s*)(?:{_ONE}|{_TICKET}))*)",
    re.IGNORECASE,
)
_NEGATED = re.compile(r"(?:\bnot|n't|\bnever|\bpartially|\bpartly|\bhalf)\s+\Z", re.IGNORECASE)
_TICKETS = re.compile(
    rf"(?:\A\W*|(?i:\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?|refs?|see|jira|issue|ticket)\b:?\s+))(?P<ticket>{_TICKET})\b"
)
_COUNTED = re.compile(
    r"\b(?:step|item|part|attempt|try|phase|round|case|option|rule|chapter|take|number|task|point|batch|priority|color|colour)\s*$",
    re.IGNORECASE,
)
_REQUEST_WORDS = re.compile(r"(?:\b(?:pull[ -]requests?|merge[ -]requests?|PRs?|MRs?)\s+)$", re.IGNORECASE)

_ISSUE_URL = re.compile(
    r"https?://[^/]+/(?P<repository>[\w.~-]+(?:/[\w.~-]+)+?)(?:/-)?/"
    r"(?P<what>issues|pull|pulls|pull-requests|merge_requests|commit|commits)/(?P<target>[0-9a-f]+)(?=$|[/?#])",
    re.IGNORECASE,
)

_MERGES = re.compile(
    r"\AMerge(?:d)? pull request #(?P<github>\d+)\b"
    r"|\AMerged in \S+ \(pull request #(?P<bitbucket>\d+)\)"
    r"|\AMerged PR (?P<azure>\d+):"
    r"|^See merge request (?:[\w.-]+(?:/[\w.-]+)+)?!(?P<gitlab>\d+)",
    re.MULTILINE,
)
_SQUASH_TAIL = re.compile(r"\((?:#|GH-|!|pull request #)(?P<number>\d+)\)[\s.]*$")

_REVERTS_COMMIT = re.compile(r"\bThis reverts (?:merge )?commits?:?\s+(?P<hash>[0-9a-f]{7,40})\b", re.IGNORECASE)
_REVERTS_HASH = re.compile(
    r"\A(?:\w+(?:\([^)\n]*\))?!?: )?revert(?:s|ed|ing)?:?\s+(?:back\s+)?(?:commits?\s+)?(?P<hash>(?=[a-f]*\d)[0-9a-f]{7,40})\b",
    re.IGNORECASE,
)
_TAKES_BACK = re.compile(r"\b(?:revert|reapply|re-?apply|undo|back(?:s|ed)? out|roll(?:s|ed)? back)", re.IGNORECASE)
_REVERTED_SUBJECT = re.compile(
    r"\A(?:revert: )?(?:(?:Automatically )?Revert(?:s|ed|ing)?|Reapply)\s+[\"“](?P<subject>[^\n]+)[\"”]", re.IGNORECASE
)
_HASH = re.compile(r"\b(?=[a-f]*\d)[0-9a-f]{7,40}\b")


def references(entry_id: str, text: str) -> list[Reference]:
    """What the message points at, in the order of the text, each target once (as closing where it is so anywhere)."""
    if "#" not in text and "://" not in text and "-" not in text and "!" not in text:
        return []
    found: dict[tuple[Kind, str], Reference] = {}
    closing = _closing_spans(text)
    tail = _squash_tail(text)
    for start, end, kind, target in _pointers(text, tail):
        nearest = bisect_right(closing, (start, len(text))) - 1
        closes = kind != "commit" and nearest >= 0 and end <= closing[nearest][1]
        evidence = Evidence.model_construct(
            entry_id=entry_id, where="message", index=0, start=start, end=end, quote=text[start:end]
        )
        known = found.get((kind, target))
        if known is None or (closes and not known.closing):
            found[kind, target] = Reference.model_construct(kind=kind, target=target, closing=closes, evidence=evidence)
    return list(found.values())


def pull_request(text: str) -> int | None:
    """The number of the pull request that a commit with this message merges or squashes."""
    if text.startswith("Merge") or "See merge request" in text:
        match = _MERGES.search(text)
        if match is not None:
            return int(next(number for number in match.groups() if number is not None))
    tail = _squash_tail(text)
    return int(tail["number"]) if tail is not None else None


def reverts(text: str, convention: Conventional | None = None) -> str | None:
    """The hash, else the subject, that the message says it reverts. The word alone proves nothing: `revert: use the old colours` is
    ordinary work, and so is a squash that lists a revert among its commits."""
    if "evert" not in text and "REVERT" not in text and "Reapply" not in text:
        return None
    cited = _REVERTS_HASH.match(text) or _REVERTS_COMMIT.search(text)
    if cited is not None and (_TAKES_BACK.search(_subject(text)) or not _is_squash(text, cited.start())):
        return cited["hash"].lower()
    quoted = _REVERTED_SUBJECT.search(text)
    if quoted is not None:
        return quoted["subject"].strip()
    if convention is not None and convention.type.text.lower() == "revert":
        for footer in convention.footers:
            named = _HASH.search(footer.value.text) if footer.token.text.lower() in ("refs", "ref", "reverts") else None
            if named is not None:
                return named[0]
    return None


def closing_spans(text: str) -> list[tuple[int, int]]:
    """Where the message says that it closes something: `fixes #1, #2`. What stands there is no blocker."""
    return _closing_spans(text)


def _closing_spans(text: str) -> list[tuple[int, int]]:
    return [
        match.span()
        for match in _CLOSING.finditer(text)
        if _NEGATED.search(text[max(0, match.start() - 16) : match.start()]) is None
    ]


def _is_squash(text: str, end: int) -> bool:
    """True where what stands before `end` lists commits, or has paragraphs of its own under a subject with a pull request's number."""
    before = text[:end]
    return "\n* " in before or (_squash_tail(text) is not None and before.rstrip() != _subject(text))


def _subject(text: str) -> str:
    return text.partition("\n")[0].rstrip()


def _squash_tail(text: str) -> re.Match[str] | None:
    end = text.find("\n")
    end = len(text) if end < 0 else end
    return _SQUASH_TAIL.search(text, max(0, end - MAX_TAIL), end) if "(" in text else None


def _pointers(text: str, tail: re.Match[str] | None) -> Iterator[tuple[int, int, Kind, str]]:
    """(start, end, kind, target) of everything that the text points at."""
    for match in _REFERENCE.finditer(text):
        start, end = match.span()
        if match["url"] is not None:
            address = match["url"].rstrip(".,;:!?*_")
            end = start + len(address)
            yield (start, end, *_address(address))
            continue
        if match["gh"] is not None:
            yield start, end, "issue", f"#{match['gh']}"
            continue
        if match["sign"] == "!" and match["repository"] is None and not _REQUEST_WORDS.search(text, 0, start):
            continue
        before = text[max(0, start - 24) : start]
        if match["repository"] is None and _COUNTED.search(before):
            continue
        in_tail = tail is not None and tail.start() <= start < tail.end()
        is_request = in_tail or match["sign"] == "!" or _REQUEST_WORDS.search(before) is not None
        target = f"{match['repository'] or ''}{match['sign']}{match['number']}"
        yield start, end, "pull_request" if is_request else "issue", target
    if "-" in text:
        for ticket in _TICKETS.finditer(text):
            yield ticket.start("ticket"), ticket.end("ticket"), "issue", ticket["ticket"]


def _address(address: str) -> tuple[Kind, str]:
    match = _ISSUE_URL.match(address)
    if match is None:
        return "url", address
    what, target = match["what"].lower(), match["target"]
    if what.startswith("commit"):
        return ("commit", target.lower()) if len(target) >= 7 else ("url", address)
    if not target.isdigit():
        return "url", address
    if what == "merge_requests":
        return "pull_request", f"{match['repository']}!{target}"
    return ("issue" if what == "issues" else "pull_request"), f"{match['repository']}#{target}"
