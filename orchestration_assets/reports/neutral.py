"""Text from outside that goes to GitHub: data in Markdown, in HTML and in a comment on GitHub, where it may call nobody and lead nowhere.

What belongs here: what GitHub makes of a comment besides Markdown. What Markdown itself would make of a text is kept from it in
`markup.py`.
"""

from __future__ import annotations

import re
from urllib.parse import quote

from orchestration_assets.reports import markup
from orchestration_assets.reports.phrasing import clip, one_line

LONGEST = 600
"""Characters of a text that are shown, more than a finding or a title has."""
NO_CHECKS = "[skip ci]"
"""By which GitHub Actions, and most others, leave a commit alone: for code that nobody has read yet."""
_REFERENCE = re.compile(
    r"(?<![\w`])(?:[\w.-]+(?:/[\w.-]+)?)?#\d+\b|\bGH-\d+\b|(?<![\w`])[\w.-]+/[\w.-]+@[0-9a-f]{7,40}\b|\b[0-9a-f]{40}\b",
    re.IGNORECASE,
)
"""What GitHub makes links of, and tells those who are named there: issues and commits."""
_WEB_ADDRESS = re.compile(r"https?://[^\s<>\"'()\[\]]+")


def markdown(text: str) -> str:
    """Markdown, within a paragraph, that renders as the text. Handles, addresses and references are set as code, which GitHub leaves alone."""
    made: list[str] = []
    for segment in markup.segments(clip(text, LONGEST)):
        if segment.is_code:
            made.append(code(segment.text))
            continue
        end = 0
        for found in _REFERENCE.finditer(segment.text):
            made += [_escaped(segment.text[end : found.start()]), code(found[0])]
            end = found.end()
        made.append(_escaped(segment.text[end:]))
    return "".join(made)


def html(text: str) -> str:
    return markup.html(clip(text, LONGEST))


def plain(text: str) -> str:
    """One line of text, for where its marks mean nothing."""
    return clip(one_line(text), LONGEST)


def title(text: str, most: int) -> str:
    """For a title, which is shown without Markdown, and is a commit's message where it is squashed: letters, digits and a few signs, so that
    it mentions nobody, leads nowhere and closes nothing."""
    words = re.sub(r"[^\w .,;'()+*%-]+|\bGH-(?=\d)", " ", one_line(text))
    return clip(" ".join(words.split()), most)


def code(text: str) -> str:
    """The text as code within a line."""
    text = one_line(text) or " "
    ticks = "`" * (_longest_run(text) + 1)
    space = " " if text[0] == "`" or text[-1] == "`" else ""
    return f"{ticks}{space}{text}{space}{ticks}"


def block(text: str, indent: str = "") -> str:
    """The text as a block of code, which nothing in it can end."""
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{indent}{fence}\n{indent}{plain(text)}\n{indent}{fence}"


def web_address(text: str) -> str:
    """The text where it is a plain web address, else ""."""
    return text if _WEB_ADDRESS.fullmatch(text) else ""


def line_address(pull_request: str, commit: str, path: str, line: int | None) -> str:
    """Where a line of a commit is to be seen on the site of a pull request's address; "" where that is no such address."""
    site = web_address(pull_request).partition("/pull/")[0]
    if not site or "/pull/" not in pull_request or not re.fullmatch(r"[0-9a-f]{7,64}", commit):
        return ""
    return f"{site}/blob/{commit}/{quote(path)}" + (f"#L{line}" if line is not None else "")


def _escaped(text: str) -> str:
    """As `markup.markdown`, with the spaces at both ends kept."""
    bare = text.strip()
    if not bare:
        return " " if text else ""
    return f"{' ' if text[0].isspace() else ''}{markup.markdown(bare)}{' ' if text[-1].isspace() else ''}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall(r"`+", text)), default=0)
