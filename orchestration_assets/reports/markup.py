"""Text from outside, made safe to stand in Markdown and in HTML. It is data: nothing in it may become a link, a tag, a heading or a mention.

Identifiers, addresses and flags are set as code in both: a renderer takes code literally.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from typing import NamedTuple

from orchestration_assets.reports.phrasing import one_line


class Segment(NamedTuple):
    text: str
    is_code: bool


_CODE = re.compile(
    r"`(?P<ticked>[^`]+)`"
    r"|(?P<bare>(?:[a-z][a-z0-9+.-]{1,15}://|www\.|mailto:)[^\s`<>]*[^\s`<>()\[\].,;:!?'\"]"
    r"|(?<![\w@])@[\w./-]*\w"
    r"|[\w.+-]+@[\w-]+\.[\w.-]*\w"
    r"|(?<!\w)[\w./]*__\w+?__(?!\w)"
    r"|(?<!\w)[\w./]*[^\W_]_[\w.]*[^\W_](?:\(\))?)",
    re.IGNORECASE,
)
_ALWAYS = re.compile(r"[\\`*_<~$]|\](?=[(\[:])|!(?=\[)|&(?=#?\w+;)")
_AT_START = re.compile(r"[#>+=\-\[|:]|\d{1,9}(?=[.)])")


def segments(text: str) -> Iterator[Segment]:
    """One line of text, cut into code and words."""
    text = one_line(text)
    end = 0
    for found in _CODE.finditer(text):
        if found.start() > end:
            yield Segment(text[end : found.start()], False)
        yield Segment((found["ticked"] or found["bare"]).strip() or " ", True)
        end = found.end()
    if end < len(text):
        yield Segment(text[end:], False)


def markdown(text: str) -> str:
    """Markdown that renders as the text."""
    parts: list[str] = []
    for position, segment in enumerate(segments(text)):
        if segment.is_code:
            parts.append(f"`{segment.text}`")
            continue
        safe = _ALWAYS.sub(lambda found: "\\" + found[0], segment.text)
        if position == 0 and (first := _AT_START.match(safe)):
            cut = first.end() if first[0][0].isdigit() else 0
            safe = f"{safe[:cut]}\\{safe[cut:]}"
        parts.append(safe)
    return "".join(parts)


def html(text: str) -> str:
    """HTML that renders as the text, attributes included."""
    return "".join(
        f"<code>{escape(segment.text)}</code>" if segment.is_code else escape(segment.text)
        for segment in segments(text)
    )
