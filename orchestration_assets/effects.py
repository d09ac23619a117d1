"""From what was made to what is to be said: the effects that reviews, regression tests and builds have on GitHub and Sentry, and their keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from pydantic import ValidationError

from resources.errors import BadInput
from resources.outbox import Effect, KeepComment, LinkSentryIssue, OpenPullRequest
from resources.outbox.effects import read_effect
from resources.outbox.outcome import Refused

if TYPE_CHECKING:
    from orchestration_assets.code.model import BuildComment, ProjectProposal
    from orchestration_assets.incidents.model import RegressionProposal
    from orchestration_assets.reviews.model import ReviewComment
    from resources.outbox import Outbox
    from resources.outbox.policy import Policy


def keep_comments(outbox: Outbox, policy: Policy, comments: Iterable[ReviewComment], problems: list[str]) -> None:
    """Has each comment stand under its pull request. One that cannot be sent, or to whom nothing may be sent, is a sentence in `problems`."""
    for comment in comments:
        where = f"{comment.repository}#{comment.number}"

        def effects(comment: ReviewComment = comment, where: str = where) -> Mapping[str, Effect]:
            return {
                f"review:{where}": KeepComment(repository=comment.repository, number=comment.number, body=comment.body)
            }

        _put(outbox, effects, f"The review of {where}", problems, policy)


def propose_tests(outbox: Outbox, policy: Policy, proposals: Iterable[RegressionProposal], problems: list[str]) -> None:
    """Has a pull request opened for each test, and its issue in Sentry linked to it. What cannot be sent is a sentence in `problems`. A test
    keeps the commit that it was proposed on first, wherever the default branch has gone since: a branch is never moved."""
    for proposal in proposals:
        key = f"regression-test:{proposal.issue}"
        base, base_commit = _first_base(outbox, key, proposal.repository) or (proposal.base, proposal.base_commit)
        if not base:
            problems.append(
                f"The test for {proposal.link or proposal.issue} is not proposed: the default branch of {proposal.repository} is not known."
            )
            continue

        def effects(
            proposal: RegressionProposal = proposal, key: str = key, base: str = base, base_commit: str = base_commit
        ) -> Mapping[str, Effect]:
            found: dict[str, Effect] = {
                key: OpenPullRequest(
                    repository=proposal.repository,
                    branch=proposal.branch,
                    base=base,
                    base_commit=base_commit,
                    title=proposal.title,
                    body=proposal.body,
                    files=dict(proposal.files),
                    commit_message=proposal.commit_message,
                )
            }
            if proposal.organization:
                found[f"regression-link:{proposal.issue}"] = LinkSentryIssue(
                    organization=proposal.organization,
                    issue=proposal.issue,
                    text="A regression test that fails as this error did is proposed.",
                    result_of=key,
                )
            return found

        _put(outbox, effects, f"The test for {proposal.link or proposal.issue}", problems, policy)


def propose_project(outbox: Outbox, policy: Policy, proposal: ProjectProposal, problems: list[str]) -> None:
    """Has a pull request opened that adds a finished project. What cannot be sent is a sentence in `problems`. The same files keep the commit
    that they were proposed on first, wherever the default branch has gone since: a branch is never moved."""
    key = f"build:{proposal.repository}:{proposal.branch}"

    def effects() -> Mapping[str, Effect]:
        base, base_commit = _first_base(outbox, key, proposal.repository) or (proposal.base, proposal.base_commit)
        return {
            key: OpenPullRequest(
                repository=proposal.repository,
                branch=proposal.branch,
                base=base,
                base_commit=base_commit,
                title=proposal.title,
                body=proposal.body,
                files=dict(proposal.files),
                commit_message=proposal.commit_message,
            )
        }

    _put(outbox, effects, f"The project {proposal.project}", problems, policy)


def tell_of_build(outbox: Outbox, policy: Policy, comment: BuildComment, problems: list[str]) -> None:
    """Has one comment stand under the issue that asked for a build. What cannot be sent is a sentence in `problems`."""
    where = f"{comment.repository}#{comment.number}"

    def effects() -> Mapping[str, Effect]:
        return {f"build:{where}": KeepComment(repository=comment.repository, number=comment.number, body=comment.body)}

    _put(outbox, effects, f"What became of {where}", problems, policy)


def _first_base(outbox: Outbox, key: str, repository: str) -> tuple[str, str] | None:
    """Branch and commit that a pull request was proposed on before."""
    known = outbox.under(key)
    with suppress(BadInput):
        earlier = read_effect(known.payload) if known is not None else None
        if isinstance(earlier, OpenPullRequest) and earlier.repository == repository:
            return earlier.base, earlier.base_commit
    return None


def _put(
    outbox: Outbox,
    effects: Callable[[], Mapping[str, Effect]],
    what: str,
    problems: list[str],
    policy: Policy,
) -> None:
    """Those before the first that the policy refuses: what comes after rests on it, and what will never be sent would be a dead letter."""
    allowed: dict[str, Effect] = {}
    try:
        for key, effect in effects().items():
            policy.require_named(effect)
            allowed[key] = effect
    except Refused as error:
        problems.append(f"{what} is not published: {error}")
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"]))
        problems.append(f"{what} cannot be published: {where or 'it'}: {first['msg'].removeprefix('Value error, ')}.")
        return
    outbox.put(allowed)
