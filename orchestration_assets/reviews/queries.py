"""The pull requests that want a review, and where GitHub says that branches stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestration_assets.activity.model import BRANCHES, PULL_REQUESTS

if TYPE_CHECKING:
    from resources.github.facts import PullRequest
    from resources.warehouse import Session


def open_pull_requests(session: Session) -> list[PullRequest]:
    """By repository and number, drafts among them."""
    return session.rows(PULL_REQUESTS, where="state = 'open'", order_by="repository, number")


def branch_tips(session: Session) -> dict[tuple[str, str], str]:
    """Repository and branch, in small letters the first, to the commit that GitHub last told."""
    return {
        (branch.repository.lower(), branch.ref.removeprefix("refs/heads/")): branch.commit
        for branch in session.rows(BRANCHES, where="commit IS NOT NULL AND starts_with(ref, 'refs/heads/')")
        if branch.commit is not None
    }
