"""What is taken from Sentry, in one shape whichever way it came: webhooks, the SDK and the REST API say the same in different objects.

There are two facts of one issue, because Sentry tells them apart: how the issue stands (the webhook `issue`, the list of issues), and an
error that shows it (the webhooks `error` and `event_alert`, an event that is asked for). Neither tells of the other, so each is a subject
of its own: the newest of one must not cover the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar, Self

from pydantic import Field

from resources.language_model.agent import content_hash
from resources.rows import Row

LABEL = "needs-test"
"""The tag of an error, or the alert rule that it met, by which somebody asks for a test of it."""


class Fact(Row):
    """What Sentry told of an issue, as it was at `happened_at`. Instants are whole seconds: not every way tells more."""

    kind: ClassVar[str]

    id: str
    """The issue's."""
    organization: str
    project: str
    """Slugs; "" where a payload does not tell."""
    title: str
    culprit: str
    level: str
    url: str
    """Of the issue, for a person."""
    happened_at: datetime

    @property
    def subject(self) -> str:
        return f"sentry:{self.kind}:{self.id}"

    @property
    def says(self) -> str:
        """Hash of what something is made of. What changes with each further error of the same kind is not part of it."""
        raise NotImplementedError

    def after(self, earlier: Self) -> Self:
        """The fact, with what an earlier one of the same issue told and this one's way does not tell again."""
        return self


class SentryIssue(Fact):
    """How an issue stands."""

    kind = "issue"

    short_id: str
    """Such as `SHELF-9`."""
    error_type: str
    """Such as `ValueError`; "" where it is no exception."""
    status: str
    """`unresolved`, `resolved` or `ignored` (archived)."""
    substatus: str | None
    """`new`, `regressed`, `escalating`, `ongoing`, `archived_forever`, ...; None where an older server has none."""
    labels: list[str]
    """Names of its tags, where it tells them; [] where it does not."""
    first_seen: datetime
    last_seen: datetime | None
    count: int | None

    @property
    def says(self) -> str:
        """The title of an exception holds its message, which may be another each time: its type stands for it. Of the labels one alone makes
        a difference; a list of issues tells none of them."""
        marks = [LABEL] if self.is_marked else []
        return content_hash(self.id, self.status, self.substatus, self.error_type or self.title, *marks)

    @property
    def is_marked(self) -> bool:
        return _is_marked(self.labels)

    def after(self, earlier: Self) -> Self:
        return self if self.labels else self.model_copy(update={"labels": earlier.labels})

    @property
    def is_open(self) -> bool:
        return self.status == "unresolved"


class Frame(Row):
    """One call of a stack, as Sentry kept it."""

    filename: str
    abs_path: str
    module: str
    function: str
    lineno: int | None
    pre_context: list[str]
    context_line: str
    post_context: list[str]
    in_app: bool
    vars: dict[str, str]
    """Local variables by name, as `repr` wrote them: text from outside."""


class RaisedException(Row):
    """`frames`: the outermost call first. `handled`: None where it is not told."""

    type: str
    value: str
    module: str
    handled: bool | None
    frames: list[Frame]


class ErrorEvent(Fact):
    """An error that shows an issue. `happened_at` is when it happened."""

    kind = "error"

    event_id: str
    platform: str
    release: str | None
    environment: str | None
    message: str
    """What was logged; "" where there is nothing but the exceptions."""
    tags: dict[str, str]
    exceptions: list[RaisedException]
    """A cause before what it caused."""
    rules: list[str] = Field(default_factory=list)
    """Alert rules that it met, where that is told; and `needs-test` where an earlier error of the issue bore it."""

    @property
    def is_marked(self) -> bool:
        return _is_marked([*self.tags, *self.rules])

    @property
    def subject(self) -> str:
        """One that is marked is a subject of its own: the same error is told by several ways, and not all of them tell the rule."""
        return f"{super().subject}:{LABEL}" if self.is_marked else super().subject

    @property
    def shows(self) -> str:
        """Hash of what a test is made of."""
        return content_hash(self.id, self.release, [[each.module, each.type] for each in self.exceptions])

    @property
    def says(self) -> str:
        """A further error of the issue says the same, unless it comes from another release or is the first that is marked."""
        return content_hash(self.shows, LABEL) if self.is_marked else self.shows

    def after(self, earlier: Self) -> Self:
        if self.is_marked or not earlier.is_marked:
            return self
        return self.model_copy(update={"rules": [*self.rules, LABEL]})


def _is_marked(names: Iterable[str]) -> bool:
    return any(name.strip().lower() == LABEL for name in names)


FACTS: dict[str, type[Fact]] = {fact.kind: fact for fact in (SentryIssue, ErrorEvent)}
