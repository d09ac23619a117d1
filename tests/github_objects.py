"""GitHub's objects as its REST API gives them, small, the webhook payloads that carry them, and a repository made of them.

What belongs here: shapes and state. What a server does with them is in `github_server.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]
NO_COMMIT = "0" * 40


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def sha(number: int) -> str:
    return f"{number:040x}"


def user(login: str) -> Json:
    return {"login": login, "id": sum(login.encode()), "type": "User"}


def repository(number: int, name: str, at: datetime) -> Json:
    return {
        "id": number,
        "full_name": name,
        "html_url": f"https://github.example/{name}",
        "private": False,
        "has_issues": True,
        "created_at": stamp(at),
        "updated_at": stamp(at),
        "pushed_at": stamp(at),
    }


def pull(name: str, number: int, at: datetime, **members: Any) -> Json:
    """As in a list: no `merged`, no counts."""
    return {
        "id": 1_000_000 + number,
        "number": number,
        "html_url": f"https://github.example/{name}/pull/{number}",
        "state": "open",
        "title": f"Pull request {number}",
        "body": "One line\r\nand another.",
        "user": user("ada"),
        "labels": [{"id": 1, "name": "feature"}],
        "draft": False,
        "created_at": stamp(at),
        "updated_at": stamp(at),
        "closed_at": None,
        "merged_at": None,
        "merge_commit_sha": sha(number + 7000),
        "head": {"ref": f"topic-{number}", "sha": sha(number), "repo": None},
        "base": {"ref": "main", "sha": sha(1)},
    } | members


def issue(name: str, number: int, at: datetime, **members: Any) -> Json:
    return {
        "id": 2_000_000 + number,
        "number": number,
        "html_url": f"https://github.example/{name}/issues/{number}",
        "state": "open",
        "state_reason": None,
        "title": f"Issue {number}",
        "body": None,
        "user": user("bob"),
        "assignees": [user("ada")],
        "labels": [{"id": 2, "name": "bug"}],
        "created_at": stamp(at),
        "updated_at": stamp(at),
        "closed_at": None,
    } | members


def review(name: str, pull_number: int, number: int, at: datetime, **members: Any) -> Json:
    return {
        "id": 3_000_000 + number,
        "html_url": f"https://github.example/{name}/pull/{pull_number}#pullrequestreview-{number}",
        "user": user("eve"),
        "body": "Well done.",
        "state": "APPROVED",
        "commit_id": sha(pull_number),
        "submitted_at": stamp(at),
    } | members


def release(name: str, number: int, at: datetime, **members: Any) -> Json:
    return {
        "id": 4_000_000 + number,
        "html_url": f"https://github.example/{name}/releases/tag/v{number}",
        "tag_name": f"v{number}",
        "name": f"Release {number}",
        "body": "What is new.",
        "author": user("ada"),
        "draft": False,
        "prerelease": False,
        "created_at": stamp(at),
        "published_at": stamp(at),
    } | members


def run(name: str, number: int, at: datetime, **members: Any) -> Json:
    return {
        "id": 5_000_000 + number,
        "html_url": f"https://github.example/{name}/actions/runs/{number}",
        "name": "tests",
        "head_branch": "main",
        "head_sha": sha(number),
        "status": "completed",
        "conclusion": "success",
        "run_attempt": 1,
        "created_at": stamp(at),
        "updated_at": stamp(at),
    } | members


def branch(name: str, commit: str) -> Json:
    return {"name": name, "commit": {"sha": commit, "url": ""}, "protected": False}


def delivered(kind: str, where: Json, action: str, **members: Any) -> Json:
    """A webhook's payload; the webhook names a pull request's merge in a member of its own, and states in small letters."""
    payload = {"action": action, "repository": where, "sender": user("ada")} | members
    if kind == "pull_request":
        found = payload["pull_request"]
        payload |= {
            "number": found["number"],
            "pull_request": found | {"merged": found["merged_at"] is not None, "commits": 1},
        }
    if kind == "pull_request_review":
        payload["review"] = payload["review"] | {"state": payload["review"]["state"].lower()}
    return payload


def pushed(where: Json, ref: str, before: str, after: str) -> Json:
    """The payload of a push, which writes instants of the repository as seconds."""
    at = int(datetime.fromisoformat(where["pushed_at"]).timestamp())
    return {
        "ref": ref,
        "before": before,
        "after": after,
        "created": before == NO_COMMIT,
        "deleted": after == NO_COMMIT,
        "forced": False,
        "commits": [],
        "head_commit": None,
        "repository": where | {"pushed_at": at, "created_at": at},
    }


_SHAPES: dict[str, Callable[..., Json]] = {"pull": pull, "issue": issue, "release": release, "run": run}


class Repository:
    """State of one repository; every change takes a tick of the server's clock, but for one that is given its instant."""

    def __init__(self, tick: Callable[[], datetime], number: int, name: str) -> None:
        self._tick, self.name = tick, name
        self.object = repository(number, name, tick())
        self.pulls: dict[int, Json] = {}
        self.issues: dict[int, Json] = {}
        self.reviews: defaultdict[int, list[Json]] = defaultdict(list)
        self.runs: dict[int, Json] = {}
        self.releases: dict[int, Json] = {}
        self.branches: dict[str, str] = {}
        self._numbers = 0

    def put(self, kind: str, number: int | None = None, at: datetime | None = None, **members: Any) -> Json:
        """A pull, issue, run or release, new or changed now."""
        at = at or self._tick()
        kept: dict[int, Json] = getattr(self, f"{kind}s")
        if number is None or number not in kept:
            self._numbers = max(self._numbers + 1, number or 0)
            number = number or self._numbers
            kept[number] = self._owned(_SHAPES[kind](self.name, number, at))
        kept[number] = kept[number] | ({"updated_at": stamp(at)} if "updated_at" in kept[number] else {}) | members
        return kept[number]

    def review(self, pull: int, **members: Any) -> Json:
        at = self._tick()
        found = self._owned(review(self.name, pull, pull * 1000 + len(self.reviews[pull]), at, **members))
        self.reviews[pull].append(found)
        self.put("pull", pull, at=at)
        return found

    def _owned(self, found: Json) -> Json:
        """GitHub's numbers are of all repositories together."""
        return found | {"id": found["id"] + 10**8 * int(self.object["id"])}

    def push(self, branch: str, commit: str | None) -> Json:
        """Points a branch to a commit, or removes it; returns the webhook's payload."""
        self.object = self.object | {"pushed_at": stamp(self._tick())}
        before = self.branches.pop(branch, NO_COMMIT)
        if commit is not None:
            self.branches[branch] = commit
        return pushed(self.object, f"refs/heads/{branch}", before, commit or NO_COMMIT)
