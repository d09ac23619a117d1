"""Whether a text holds a secret, so that it must not be sent.

What belongs here: the difference between masking and refusing. `scrub` hides generously, because a word too many that is hidden costs
nothing; a text that is refused costs a review. So what follows a secret's name counts only where it can be a value: `token: str` and
`password = form.password` are code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from resources.scrubbing import scrub

SHORTEST = 6
"""Characters of a known value below which finding it would mean nothing."""

_ANNOTATION = re.compile(
    r":\s{0,4}[A-Za-z_][A-Za-z_.]{0,80}(?:\[[\w\s,.|]{0,80}\])?(?:\s{0,4}\|\s{0,4}None)?\s{0,4}=(?![=>])"
)
_CODE = re.compile(
    r"(?:\b(?:set-)?cookies?[\"']?\s{0,4})?(?:=>|:=|={1,3}|:)\s{0,4}"
    r"(?:(?P<name>(?!(?:bearer|basic|digest|negotiate|token)[ \t]+\S)[A-Za-z_]+(?:\.[A-Za-z_]+)*(?!\.?[\w@+/=-])"
    r"|[A-Za-z_][\w.]{0,80}(?=[(\[]))"
    r"|(?P<quote>[\"'])[^\"'\\\n]{0,5}(?P=quote)|\d{1,5}(?!\.?[\w@+/=-])|\{\}|\[\]|\(\))",
    re.IGNORECASE,
)


def holds_secret(text: str, known: Iterable[str] = (), patterns: Iterable[re.Pattern[str]] = ()) -> bool:
    """Whether a text holds one of the `known` values, something that a pattern finds, or what looks like a secret by itself."""
    if any(value in text for value in known if len(value) >= SHORTEST):
        return True
    if any(pattern.search(text) for pattern in patterns):
        return True
    if scrub(text) == text:
        return False
    values = _CODE.sub(_without_code, _ANNOTATION.sub(" =", text))
    return scrub(values) != values


def _without_code(found: re.Match[str]) -> str:
    """A name in the place of a value goes, unless it is a key that is known by its shape."""
    name = found["name"]
    return found[0] if name and scrub(name) != name else "= None"
