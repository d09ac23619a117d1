"""Sends what waits in the outbox, one effect after another: deterministic, from typed effects alone.

What belongs here: who does an effect, and what becomes of it when that fails. A process that is killed anywhere here leaves an effect whose
lease runs out; whoever takes it over looks first for what was done already.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from resources.errors import BadInput, SoloistError
from resources.github.client import GitHub
from resources.outbox.effects import (
    AddLabels,
    Effect,
    GitHubEffect,
    KeepComment,
    LinkSentryIssue,
    OpenIssue,
    OpenPullRequest,
    read_effect,
)
from resources.outbox.github_effects import Desk, add_labels, keep_comment, open_issue
from resources.outbox.outcome import Done, Refused
from resources.outbox.policy import Policy
from resources.outbox.pull_requests import open_pull_request
from resources.outbox.sentry_effects import link_issue
from resources.outbox.store import LEASE, Kept, Outbox
from resources.rest.errors import Denied, RateLimited, RestError, Unauthorized, Unreachable
from resources.scrubbing import scrub
from resources.sentry_issues.client import SentryApi

SECONDS_AN_EFFECT = 120.0
"""Until nothing more is asked for it; a lease lasts longer."""
LEAST_SECONDS = 5.0
"""With less left of the budget nothing is begun."""
LOOK_AGAIN = timedelta(minutes=1)
CREDENTIALS_PAUSE = timedelta(minutes=15)
_SENTRY_VERBS = ("link_sentry_issue",)
_GITHUB_VERBS = ("open_pull_request", "keep_comment", "add_labels", "open_issue")

assert LEASE.total_seconds() > SECONDS_AN_EFFECT * 2


@dataclass
class Published:
    """How many effects were sent, died, and wait still; `sentences` tell of each that was not simply sent."""

    sent: int = 0
    dead: int = 0
    waiting: int = 0
    failed: int = 0
    """Of those that wait, those that were tried in vain this time."""
    sentences: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Planned:
    """What would become of an effect that is due. `refused` says why it would not be sent; `effect` is None then."""

    kept: Kept
    effect: Effect | None
    refused: str | None


class _NotYet(SoloistError):
    """What the effect rests on is not there yet."""


def plan(outbox: Outbox, policy: Policy) -> list[Planned]:
    """What `publish` would begin with now. Asks nobody, and changes nothing."""
    planned = []
    for kept in outbox.due():
        try:
            effect = read_effect(kept.payload)
            policy.require(kept.key, effect)
            planned.append(Planned(kept, effect, None))
        except (BadInput, Refused) as error:
            planned.append(Planned(kept, None, scrub(str(error))))
    return planned


def publish(
    outbox: Outbox, github: GitHub, sentry: SentryApi | None, policy: Policy, budget_s: float = 50.0
) -> Published:
    """Sends what is due, for `budget_s` seconds at most but for the effect that is at work then. `sentry` is None where no token is set."""
    told, ends = Published(), time.monotonic() + budget_s
    publisher = _Publisher(outbox, github, sentry, policy, told)
    while ends - time.monotonic() > LEAST_SECONDS and publisher.one():
        pass
    told.waiting = outbox.counts().get("waiting", 0)
    return told


class _Publisher:
    """One round. A service that lets nobody in, or that nothing is to be had of now, is not asked again in it."""

    def __init__(
        self, outbox: Outbox, github: GitHub, sentry: SentryApi | None, policy: Policy, told: Published
    ) -> None:
        self._outbox, self._github, self._sentry, self._policy, self._told = outbox, github, sentry, policy, told
        self._without: set[str] = set()

    def one(self) -> bool:
        """Takes the next effect and settles it; False where none is due."""
        kept = self._outbox.lease(self._without)
        if kept is None:
            return False
        with self._settled(kept):
            effect = read_effect(kept.payload)
            self._policy.require(kept.key, effect)
            done = self._do(kept, effect)
            if self._outbox.sent(kept, done.address, done.remark):
                self._told.sent += 1
            if done.remark:
                self._told.sentences.append(f"{kept.target}: {done.remark}")
        return True

    def _do(self, kept: Kept, effect: Effect) -> Done:
        deadline = time.monotonic() + SECONDS_AN_EFFECT
        if isinstance(effect, LinkSentryIssue):
            if self._sentry is None:
                raise Unauthorized("SOLOIST_SENTRY_TOKEN is not set, so nothing is noted in Sentry.")
            url = effect.url or self._result_of(str(effect.result_of))
            return link_issue(self._sentry, effect, url, self._policy.sentry_projects, deadline)
        return _on_github(Desk(self._github, kept.key, kept.created_at, deadline), effect)

    def _result_of(self, key: str) -> str:
        """The address that another effect came to. Raises Refused where it will come to none, _NotYet where it may."""
        other = self._outbox.under(key)
        if other is not None and other.state == "sent" and other.result:
            return other.result
        if other is None or other.state in ("sent", "dead", "expired"):
            raise Refused("What it should link to was not sent, so there is nothing to link to.")
        raise _NotYet("What it should link to is not sent yet.")

    @contextmanager
    def _settled(self, kept: Kept) -> Iterator[None]:
        """Settles the effect as what is raised says. What a service answers is never trusted to be what it should."""
        try:
            yield
        except _NotYet as error:
            self._outbox.put_off(kept, str(error), self._outbox.now() + LOOK_AGAIN)
        except RateLimited as error:
            self._outbox.put_off(kept, str(error), error.until)
            self._leave(kept, str(error))
        except Unauthorized as error:
            self._outbox.put_off(kept, str(error), self._outbox.now() + CREDENTIALS_PAUSE)
            self._leave(kept, str(error))
        except Unreachable as error:
            self._fail(kept, str(error), transient=True)
            self._leave(kept)
        except (BadInput, Refused, Denied) as error:
            self._fail(kept, str(error), transient=False)
        except RestError as error:
            self._fail(kept, str(error), transient=True)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            reason = (
                f"The answer for {kept.target} cannot be read ({type(error).__name__}); it is asked for again later."
            )
            self._fail(kept, reason, transient=True)

    def _fail(self, kept: Kept, reason: str, *, transient: bool) -> None:
        settled = self._outbox.failed(kept, reason, transient=transient)
        self._told.sentences.append(scrub(f"{kept.target}: {reason}"))
        if settled:
            is_dead = self._outbox.get(kept.id).state == "dead"
            self._told.dead += is_dead
            self._told.failed += not is_dead

    def _leave(self, kept: Kept, sentence: str | None = None) -> None:
        self._without |= set(_SENTRY_VERBS if kept.verb in _SENTRY_VERBS else _GITHUB_VERBS)
        if sentence is not None:
            self._told.failed += 1
            self._told.sentences.append(sentence)


def _on_github(desk: Desk, effect: GitHubEffect) -> Done:
    match effect:
        case OpenPullRequest():
            return open_pull_request(desk, effect)
        case KeepComment():
            return keep_comment(desk, effect)
        case AddLabels():
            return add_labels(desk, effect)
        case OpenIssue():
            return open_issue(desk, effect)
