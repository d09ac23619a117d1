"""Objects as Sentry makes them: errors that its SDK really caught, and what webhooks and the REST API make of them.

What belongs here: how Sentry turns one into the other, written from its documentation and its serializers.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import sentry_sdk
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

Json = dict[str, Any]
HOST = "https://sentry.io"


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


class _Kept(Transport):
    """Keeps the bytes of what would be sent."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Json] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        self.events += [json.loads(item.payload.get_bytes()) for item in envelope.items if item.type == "event"]


def caught(work: Callable[[], object], release: str | None = "shelf@1.4.0", environment: str = "production") -> Json:
    """The event that the SDK sends when `work` raises, or when it reports something itself."""
    kept = _Kept()
    client = sentry_sdk.Client(
        dsn="https://key@sentry.invalid/1",
        transport=kept,
        release=release,
        environment=environment,
        default_integrations=False,
        max_request_body_size="never",
    )
    with sentry_sdk.isolation_scope() as isolation, sentry_sdk.new_scope() as scope:
        isolation.set_client(client)
        scope.set_client(client)
        scope.set_tag("shelf", "left")
        try:
            work()
        except Exception:
            sentry_sdk.capture_exception()
    (event,) = kept.events
    if release is None:
        event.pop("release", None)  # the SDK takes the commit of the folder that it runs in
    return event


def webhook_event(sdk: Json, issue: str, project: str = "fern/shelf") -> Json:
    """What `data.event` and `data.error` hold: the SDK's event, with what Sentry adds."""
    organization = project.partition("/")[0]
    at = datetime.fromisoformat(sdk["timestamp"])
    number = sdk["event_id"]
    logged = {"logentry": _logged(sdk)} if "logentry" in sdk else {}
    return (
        sdk
        | logged
        | {
            "datetime": at.isoformat(),
            "timestamp": at.timestamp(),
            "received": at.timestamp() + 0.5,
            "title": _title(sdk),
            "culprit": _culprit(sdk),
            "message": "",
            "project": 1,
            "issue_id": issue,
            "issue_url": f"{HOST}/api/0/issues/{issue}/",
            "url": f"{HOST}/api/0/projects/{project}/events/{number}/",
            "web_url": f"{HOST}/organizations/{organization}/issues/{issue}/events/{number}/",
            "tags": [[name, value] for name, value in _tags(sdk)],
            "metadata": {"title": _title(sdk)},
        }
    )


def rest_event(sdk: Json, issue: str) -> Json:
    """What `GET /organizations/{organization}/issues/{issue}/events/latest/` gives."""
    entries: list[Json] = [{"type": "breadcrumbs", "data": {"values": []}}]
    if "exception" in sdk:
        values = [_rest_exception(each) for each in sdk["exception"]["values"]]
        entries.insert(
            0, {"type": "exception", "data": {"values": values, "excOmitted": None, "hasSystemFrames": True}}
        )
    if "logentry" in sdk:
        entries.append({"type": "message", "data": _logged(sdk)})
    at = datetime.fromisoformat(sdk["timestamp"]).replace(microsecond=0)
    release = sdk.get("release")
    return {
        "id": sdk["event_id"],
        "eventID": sdk["event_id"],
        "groupID": issue,
        "projectID": "1",
        "entries": entries,
        "dist": None,
        "message": _logged(sdk)["formatted"] if "logentry" in sdk else f"{_title(sdk)} {_culprit(sdk)}",
        "title": _title(sdk),
        "culprit": _culprit(sdk),
        "platform": sdk["platform"],
        "type": "error",
        "dateCreated": stamp(at),
        "dateReceived": stamp(at),
        "tags": [{"key": name, "value": value, "query": None} for name, value in _tags(sdk)],
        "release": {"version": release, "shortVersion": release, "projects": []} if release else None,
        "errors": [],
        "user": None,
        "contexts": sdk.get("contexts", {}),
    }


def rest_issue(project: str, issue: str, at: datetime, **members: Any) -> Json:
    """An element of `GET /projects/{organization}/{project}/issues/`."""
    organization, _, slug = project.partition("/")
    return {
        "id": issue,
        "shortId": f"{slug.upper()}-{issue}",
        "title": f"ValueError: no shelf {issue}",
        "culprit": "shelf.put",
        "permalink": f"{HOST}/organizations/{organization}/issues/{issue}/",
        "logger": None,
        "level": "error",
        "status": "unresolved",
        "statusDetails": {},
        "substatus": "new",
        "isPublic": False,
        "platform": "python",
        "project": {"id": "1", "name": slug, "slug": slug, "platform": "python"},
        "type": "error",
        "metadata": {"type": "ValueError", "value": f"no shelf {issue}", "filename": "shelf.py", "function": "put"},
        "numComments": 0,
        "assignedTo": None,
        "annotations": [],
        "isUnhandled": True,
        "count": "0",
        "userCount": 0,
        "firstSeen": stamp(at),
        "lastSeen": stamp(at),
    } | members


def webhook_issue(found: Json, project: str, action: str = "created") -> Json:
    """The payload of the webhook `issue`, of an issue as it is listed."""
    organization = project.partition("/")[0]
    addresses = {
        "url": f"{HOST}/api/0/organizations/{organization}/issues/{found['id']}/",
        "web_url": f"{HOST}/organizations/{organization}/issues/{found['id']}/",
        "project_url": f"{HOST}/api/0/projects/{project}/",
    }
    return {
        "action": action,
        "actor": {"id": "sentry", "name": "Sentry", "type": "application"},
        "data": {"issue": found | addresses},
        "installation": {"uuid": "a8e5d37a-696c-4c54-adb5-b3f28d64c7de"},
    }


def _rest_exception(raised: Json) -> Json:
    stack = raised.get("stacktrace")
    return {
        "type": raised["type"],
        "value": str(raised["value"]) if raised["value"] else None,
        "module": raised.get("module"),
        "mechanism": raised.get("mechanism"),
        "threadId": None,
        "stacktrace": {"frames": [_rest_frame(each) for each in stack["frames"]], "registers": None} if stack else None,
        "rawStacktrace": None,
    }


def _rest_frame(frame: Json) -> Json:
    return {
        "filename": frame.get("filename"),
        "absPath": frame.get("abs_path"),
        "module": frame.get("module"),
        "package": None,
        "platform": None,
        "function": frame.get("function"),
        "context": _rest_context(frame),
        "lineNo": frame.get("lineno"),
        "colNo": None,
        "inApp": frame.get("in_app"),
        "errors": None,
        "vars": dict(reversed((frame.get("vars") or {}).items())),
    }


def _rest_context(frame: Json) -> list[list[Any]]:
    """As Sentry's `get_context` numbers the lines."""
    number, line = frame.get("lineno"), frame.get("context_line")
    before, after = frame.get("pre_context") or [], frame.get("post_context") or []
    if number is None or (line is None and not (before or after)):
        return []
    start = number - len(before)
    return [[start + at, each] for at, each in enumerate([*before, line, *after])]


def _title(sdk: Json) -> str:
    if "exception" not in sdk:
        return str(_logged(sdk)["formatted"])
    last = sdk["exception"]["values"][-1]
    return f"{last['type']}: {last['value']}" if last["value"] else str(last["type"])


def _culprit(sdk: Json) -> str:
    if "exception" not in sdk:
        return "shelf"
    frame = sdk["exception"]["values"][-1]["stacktrace"]["frames"][-1]
    return f"{frame['module']} in {frame['function']}"


def _logged(sdk: Json) -> Json:
    entry = sdk["logentry"]
    params = entry.get("params") or []
    return {"message": entry["message"], "params": params, "formatted": entry["message"] % tuple(params)}


def _tags(sdk: Json) -> list[tuple[str, str]]:
    """What Sentry derives, besides those that were set."""
    derived = {"level": sdk["level"], "environment": sdk.get("environment"), "release": sdk.get("release")}
    return sorted((sdk.get("tags") or {}).items() | {(name, value) for name, value in derived.items() if value})
