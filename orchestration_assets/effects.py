"""From what was made to what is to be said: the effects that reviews, regression tests and builds have on GitHub and Sentry, and their keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from pydantic import ValidationError

from resources.errors import BadInput
from resources.outbox import Effect, KeepComment, LinkSentryIssue, OpenPullRequest
from resources.outbox.effects import read_effect

if TYPE_CHECKING:
    from orchestration_assets.code.model import BuildComment, ProjectProposal
    from orchestration_assets.incidents.model import RegressionProposal
    from orchestration_assets.reviews.model import ReviewComment
    from resources.outbox import Outbox


def keep_comments(outbox: Outbox, comments: Iterable[ReviewComment], problems: list[str]) -> None:
    """Has each comment stand under its pull request. One that cannot be sent is a sentence in `problems`."""
    for comment in comments:
        where = f"{comment.repository}#{comment.number}"

        def effects(comment: ReviewComment = comment, where: str = where) -> Mapping[str, Effect]:
            return {
                f"review:{where}": KeepComment(repository=comment.repository, number=comment.number, body=comment.body)
            }

        _put(outbox, effects, f"The review of {where}", problems)


def propose_tests(outbox: Outbox, proposals: Iterable[RegressionProposal], problems: list[str]) -> None:
    """Has a pull request opened for each test, and its issue in Sentry linked to it. What cannot be sent is a sentence in `problems`."""
    for proposal in proposals:
        if not proposal.base:
            problems.append(
                f"The test for {proposal.link or proposal.issue} is not proposed: the default branch of {proposal.repository} is not known."
            )
            continue

        def effects(proposal: RegressionProposal = proposal) -> Mapping[str, Effect]:
            key = f"regression-test:{proposal.issue}"
            found: dict[str, Effect] = {
                key: OpenPullRequest(
                    repository=proposal.repository,
                    branch=proposal.branch,
                    base=proposal.base,
                    base_commit=proposal.base_commit,
                    title=proposal.title,
                    body=proposal.body,
                    files=dict(proposal.files),
                    commit_message=proposal.title,
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

        _put(outbox, effects, f"The test for {proposal.link or proposal.issue}", problems)


def propose_project(outbox: Outbox, proposal: ProjectProposal, problems: list[str]) -> None:
    """Has a pull request opened that adds a finished project. What cannot be sent is a sentence in `problems`. The same files keep the commit
    that they were proposed on first, wherever the default branch has gone since: a branch is never moved."""
    key = f"build:{proposal.repository}:{proposal.branch}"

    def effects() -> Mapping[str, Effect]:
        base, base_commit = proposal.base, proposal.base_commit
        with suppress(BadInput):
            earlier = read_effect(known.payload) if (known := outbox.under(key)) is not None else None
            if isinstance(earlier, OpenPullRequest):
                base, base_commit = earlier.base, earlier.base_commit
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

    _put(outbox, effects, f"The project {proposal.project}", problems)


def tell_of_build(outbox: Outbox, comment: BuildComment, problems: list[str]) -> None:
    """Has one comment stand under the issue that asked for a build. What cannot be sent is a sentence in `problems`."""
    where = f"{comment.repository}#{comment.number}"

    def effects() -> Mapping[str, Effect]:
        return {f"build:{where}": KeepComment(repository=comment.repository, number=comment.number, body=comment.body)}

    _put(outbox, effects, f"What became of {where}", problems)


def _put(outbox: Outbox, effects: Callable[[], Mapping[str, Effect]], what: str, problems: list[str]) -> None:
    try:
        outbox.put(effects())
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"]))
        problems.append(f"{what} cannot be published: {where or 'it'}: {first['msg'].removeprefix('Value error, ')}.")
