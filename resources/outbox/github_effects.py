"""Doing an effect on GitHub so that it is there once, however often it is begun: what is there already is looked for before anything is made.

What belongs here: comments, labels and issues, and what they share with pull requests (`pull_requests.py`). Each function may be killed
between any two requests, or never learn the answer of one, and be called again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from resources.github.client import GitHub
from resources.outbox.effects import AddLabels, KeepComment, OpenIssue
from resources.outbox.marks import bears, marked, says_the_same
from resources.outbox.outcome import Done
from resources.rest.errors import Broken, Denied

MOST_PAGES = 100
CLOCKS_DIFFER = timedelta(days=1)
"""By which this machine's clock and GitHub's may at most."""


@dataclass(frozen=True)
class Desk:
    """What doing one effect takes: who is asked, under which key, since when the key is known, and until which reading of
    `time.monotonic`."""

    github: GitHub
    key: str
    since: datetime
    deadline: float

    def get(self, path: str, what: str) -> Any:
        return self.github.get(path, what, deadline=self.deadline).body

    def post(self, path: str, what: str, body: object, *, again: bool = False) -> Any:
        return self.github.post(path, what, body, self.deadline, again=again).body

    def patch(self, path: str, what: str, body: object) -> Any:
        return self.github.patch(path, what, body, self.deadline).body

    def each(self, path: str, what: str, **query: str) -> Iterator[dict[str, Any]]:
        """The objects of a list, page after page. Raises Denied where it has no end."""
        url: str | None = f"{path}?{urlencode({**query, 'per_page': 100})}"
        for _ in range(MOST_PAGES):
            answer = self.github.get(str(url), what, deadline=self.deadline)
            yield from (found for found in listed(answer.body, what) if isinstance(found, dict))
            if (url := answer.next) is None:
                return
        raise Denied(f"There are more than {MOST_PAGES * 100:,} {what}, so ours is not looked for among them.")

    def is_ours(self, found: Mapping[str, Any]) -> bool:
        """Whether it bears the mark of the key, and nobody else wrote it."""
        return bears(found.get("body"), self.key) and self.github.author(self.deadline).wrote(found)


def keep_comment(desk: Desk, effect: KeepComment) -> Done:
    what, body = f"comments on {effect.repository}#{effect.number}", marked(effect.body, desk.key)
    path = at(effect.repository, "issues", str(effect.number), "comments")
    found = next((each for each in desk.each(path, what) if desk.is_ours(each)), None)
    if found is None:
        return Done(address(desk.post(path, what, {"body": body})))
    if not says_the_same(found.get("body"), body):
        desk.patch(at(effect.repository, "issues", "comments", str(number(found, "id", what))), what, {"body": body})
    return Done(address(found))


def add_labels(desk: Desk, effect: AddLabels) -> Done:
    what = f"{effect.repository}#{effect.number}"
    path = at(effect.repository, "issues", str(effect.number))
    found = desk.get(path, what)
    label(desk, effect.repository, effect.number, found, effect.labels)
    return Done(address(found))


def open_issue(desk: Desk, effect: OpenIssue) -> Done:
    what, path = f"issues of {effect.repository}", at(effect.repository, "issues")
    wanted = {"title": effect.title, "body": marked(effect.body, desk.key)}
    query = {"state": "all", "since": (desk.since - CLOCKS_DIFFER).strftime("%Y-%m-%dT%H:%M:%SZ")}
    ours = [each for each in desk.each(path, what, **query) if "pull_request" not in each and desk.is_ours(each)]
    found = min(ours, key=lambda each: (each.get("state") != "open", number(each, "number", what)), default=None)
    if found is None:
        return Done(address(desk.post(path, what, wanted | {"labels": list(effect.labels)})))
    which = number(found, "number", what)
    if found.get("state") != "open" or not is_as_wanted(found, wanted):
        desk.patch(at(effect.repository, "issues", str(which)), what, wanted | {"state": "open"})
    label(desk, effect.repository, which, found, effect.labels)
    return Done(address(found))


def label(desk: Desk, repository: str, which: int, found: Mapping[str, Any], labels: Iterable[str]) -> None:
    """Adds the labels that an issue or pull request lacks. To add one twice is to add it once."""
    known = {str(each.get("name")).casefold() for each in found.get("labels") or [] if isinstance(each, dict)}
    missing = [name for name in labels if name.casefold() not in known]
    if missing:
        path = at(repository, "issues", str(which), "labels")
        desk.post(path, f"labels of {repository}#{which}", {"labels": missing}, again=True)


def is_as_wanted(found: Mapping[str, Any], wanted: Mapping[str, str]) -> bool:
    return all(says_the_same(found.get(name), text) for name, text in wanted.items())


def at(repository: str, *parts: str) -> str:
    """A path of the API; the slashes of a branch's name stay."""
    return "/".join(["repos", repository, *(quote(part, safe="/") for part in parts)])


def address(found: object) -> str:
    """Where a person sees it; "" where GitHub does not say."""
    url = found.get("html_url") if isinstance(found, dict) else None
    return url if isinstance(url, str) and url.startswith(("https://", "http://")) else ""


def number(found: Mapping[str, Any], name: str, what: str) -> int:
    """Raises Broken where there is none."""
    value = found.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise Broken(f"GitHub's answer for {what} has no {name}.")
    return value


def listed(found: object, what: str) -> list[Any]:
    """Raises Broken for what is no list."""
    if not isinstance(found, list):
        raise Broken(f"GitHub's answer for {what} is no list.")
    return found
