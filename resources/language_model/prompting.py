"""Prompts: templates in files of their own, and how much of an item fits into one.

What belongs here: loading a template, estimating tokens, and choosing what is shown. What a prompt says is the agent's.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

CONTEXT = 16_384
"""Tokens of question and answer together, where neither the settings nor the endpoint tell how many the model takes."""
OVERHEAD = 200
"""Tokens of a chat template, and of the words round an item."""
CHARACTERS_A_TOKEN = 3
"""A cautious estimate: prose has some four, paths, identifiers and code fewer."""


class Prompt:
    """A Jinja template of macros, each of which makes one message. What is not given to a macro is an error."""

    def __init__(self, path: Path, filters: dict[str, Callable[..., object]] | None = None) -> None:
        from jinja2 import Environment, StrictUndefined

        environment = Environment(
            autoescape=False,  # noqa: S701 - a prompt is no page
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters |= filters or {}
        self.text = path.read_text(encoding="utf-8")
        self._module = environment.from_string(self.text).module

    @lru_cache(maxsize=16)  # noqa: B019 - a prompt lives as long as the process
    def shared(self, macro: str) -> str:
        """The message of a macro that takes nothing: the same for every item."""
        return self.render(macro)

    def render(self, macro: str, *values: object) -> str:
        return str(getattr(self._module, macro)(*values)).strip()


def tokens(text: str) -> int:
    """Tokens of a text, rather too many than too few."""
    return len(text) // CHARACTERS_A_TOKEN + 1


def characters(room: int) -> int:
    """Characters that fit into so many tokens."""
    return max(0, room) * CHARACTERS_A_TOKEN


def fitting(lines: Sequence[str], room: int, what: str) -> list[str]:
    """The first lines that fit into `room` characters, and where some do not, a line that says how many of `what` are left out."""
    shown: list[str] = []
    for number, line in enumerate(lines):
        room -= len(line) + 1
        if room < 0:
            return [*shown, f"[... {len(lines) - number:,} more {what} ...]"]
        shown.append(line)
    return shown
