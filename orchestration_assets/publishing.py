"""Publishing, as the command line and the job do it: what waits in the outbox goes to GitHub and Sentry, if the settings let it."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING

from orchestration_assets.connections import open_outbox
from resources.errors import SoloistError

if TYPE_CHECKING:
    from resources.outbox.publisher import Planned, Published
    from resources.settings import Settings

BUDGET_SECONDS = 300.0


class AnotherPublishes(SoloistError):
    """A publisher is at work in this home folder already."""


def publish_waiting(settings: Settings, budget_s: float = BUDGET_SECONDS) -> Published:
    """Sends what is due, whatever SOLOIST_PUBLISH says: whoever calls this has looked. Raises AnotherPublishes, BadInput for settings that do
    not fit together, and SoloistError where the outbox cannot be used."""
    from resources.github.client import open_github
    from resources.outbox.policy import Policy
    from resources.outbox.publisher import publish
    from resources.sentry_issues.client import open_sentry

    with ExitStack() as opened:
        opened.enter_context(_only_publisher(settings))
        outbox = opened.enter_context(closing(open_outbox(settings)))
        github = opened.enter_context(open_github(settings))
        sentry = opened.enter_context(open_sentry(settings)) if settings.sentry_token else None
        return publish(outbox, github, sentry, Policy.of(settings), budget_s)


def planned(settings: Settings) -> list[Planned]:
    """What would be sent now. Asks nobody, and changes nothing."""
    from resources.outbox.policy import Policy
    from resources.outbox.publisher import plan

    if not settings.has_inbox:
        return []
    with closing(open_outbox(settings)) as outbox:
        return plan(outbox, Policy.of(settings))


@contextmanager
def _only_publisher(settings: Settings) -> Iterator[None]:
    """GitHub wants to be written to by one after another. Publishers elsewhere are kept apart by their leases alone."""
    settings.home.mkdir(parents=True, exist_ok=True)
    with (settings.home / "publish.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AnotherPublishes(
                "Another process publishes what waits in the outbox; it takes up what was put meanwhile too."
            ) from None
        yield
