"""What a look at Sentry brought, as a sentence for whoever watches the sensor."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

SHOWN = 3
"""Problems in a report's sentence."""


@dataclass
class PollReport:
    """What a look brought. `problems` are sentences; `waits_until` where Sentry wants no more questions before."""

    new: int = 0
    """Facts that were not in the inbox."""
    looked_at: int = 0
    """Projects that were read to their end."""
    problems: list[str] = field(default_factory=list)
    waits_until: datetime | None = None
    unfinished: bool = False
    """The time ran out; the next look goes on where this one ended."""

    def problem(self, sentence: str) -> None:
        if sentence not in self.problems:
            self.problems.append(sentence)

    @property
    def sentence(self) -> str:
        parts = []
        if self.looked_at or self.new or not self.problems:
            parts.append(f"{self.new} new facts; {self.looked_at} projects were read to their end.")
        if self.unfinished:
            parts.append("The time ran out; the next tick goes on.")
        parts += self.problems[:SHOWN]
        if len(self.problems) > SHOWN:
            parts.append(f"{len(self.problems) - SHOWN} more problems.")
        return " ".join(parts)
