"""What doing an effect came to.

What belongs here: the words that those who do effects share with the publisher.
"""

from __future__ import annotations

from dataclasses import dataclass

from resources.errors import SoloistError


class Refused(SoloistError):
    """The effect is not done, now or later: its target or its content forbids it."""


@dataclass(frozen=True)
class Done:
    """`address` of what the effect came to; `remark` is a sentence where there is more to tell than that it is there now."""

    address: str
    remark: str | None = None
