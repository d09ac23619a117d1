"""The mark by which a text of ours is found again on GitHub: a comment in HTML, which nobody sees.

What belongs here: writing and reading marks. Whose text it is that holds one is a matter of `resources/github/authorship.py`.
"""

from __future__ import annotations

import re

_MARK = re.compile(r"<!-- soloist:([!-~]{1,800}) -->")


def marked(body: str, key: str) -> str:
    """The body with the mark of its key behind it."""
    return (
        f"{body.rstrip()}\n\n<!-- soloist:{_written(key)} -->" if body.strip() else f"<!-- soloist:{_written(key)} -->"
    )


def bears(body: object, key: str) -> bool:
    """Whether a text is the one of a key. The last mark counts: ours stands behind whatever the text itself quotes."""
    found = _MARK.findall(body) if isinstance(body, str) else []
    return bool(found) and found[-1] == _written(key)


def says_the_same(found: object, wanted: str) -> bool:
    """But for line ends and blanks behind it, which a web form changes."""
    return isinstance(found, str) and found.replace("\r\n", "\n").rstrip() == wanted.replace("\r\n", "\n").rstrip()


def _written(key: str) -> str:
    """Two hyphens in a row would end the comment for some readers."""
    return key.replace("%", "%25").replace("--", "-%2D")
