"""Deliveries as GitHub makes them: payloads of its webhooks, small ones of our own, and requests that are signed."""

from __future__ import annotations

import hashlib
import hmac
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

SECRET = "a secret of the tests"
REPOSITORY = {
    "id": 77,
    "full_name": "fern/shelf",
    "html_url": "https://github.com/fern/shelf",
    "default_branch": "main",
    "pushed_at": "2024-03-07T12:00:00Z",
}


def merged(number: int, title: str, at: str, **changes: Any) -> dict[str, Any]:
    """The payload of a pull request that was merged."""
    pull = {
        "id": 1000 + number,
        "number": number,
        "html_url": f"https://github.com/fern/shelf/pull/{number}",
        "state": "closed",
        "title": title,
        "body": None,
        "user": {"login": "fern"},
        "labels": [{"name": "parcels"}],
        "draft": False,
        "base": {"ref": "main"},
        "head": {"ref": "topic", "sha": "a" * 40, "repo": None},
        "merge_commit_sha": "b" * 40,
        "created_at": "2024-03-01T09:00:00Z",
        "updated_at": at,
        "closed_at": at,
        "merged_at": at,
        "merged": True,
    }
    return {
        "action": "closed",
        "number": number,
        "pull_request": pull | changes,
        "repository": REPOSITORY,
        "sender": {"login": "fern"},
    }


def signature(body: bytes, secret: str = SECRET) -> str:
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def headers(body: bytes, kind: str, delivery: str, secret: str = SECRET) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "X-GitHub-Event": kind,
        "X-GitHub-Delivery": delivery,
        "X-Hub-Signature-256": signature(body, secret),
    }


def deliver(url: str, kind: str, delivery: str, payload: Mapping[str, Any]) -> int:
    """The status that a delivery is answered with."""
    body = json.dumps(payload).encode()
    request = urllib.request.Request(f"{url}/webhooks/github", body, headers(body, kind, delivery))
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
