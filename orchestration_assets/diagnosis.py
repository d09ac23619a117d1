"""`soloist doctor`: what is configured, what answers, and what serves instead. Every finding is one sentence that says what to do."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from orchestration_assets.contracts import ShownComponent
from orchestration_assets.worklogs.identities import alike
from orchestration_assets.worklogs.model import REPOSITORIES
from orchestration_assets.worklogs.scope import resolve_scope
from resources import clock, git
from resources.errors import SoloistError
from resources.sources import load_sources

if TYPE_CHECKING:
    from orchestration_assets.session import Connections

State = Literal["ok", "fallback", "off", "broken"]
Finding = tuple[State, str]
SILENCE_SECONDS = 120
"""After which a daemon that beats every half minute is not there."""
ASKED_SECONDS = 5.0
"""The longest that GitHub or Sentry is waited for; each is asked once."""


def examine(connections: Connections) -> list[ShownComponent]:
    """One finding for every component; whatever goes wrong in looking is a finding too."""
    looks: list[tuple[str, Callable[[Connections], Finding]]] = [
        ("git", _git),
        ("settings", _settings),
        ("warehouse", _warehouse),
        ("authors", _authors),
        ("object store", _object_store),
        ("language model", _language_model),
        ("profile", _profile),
        ("dagster", _dagster),
        ("inbox", _inbox),
        ("webhooks", _webhooks),
        ("github", _github),
        ("sentry issues", _sentry_issues),
        ("publishing", _publishing),
        ("sandbox", _sandbox),
        ("sentry", _sentry),
    ]
    found = [_component(name, look, connections) for name, look in looks]
    found[2:2] = list(_repositories(connections))
    return found


def _component(name: str, look: Callable[[Connections], Finding], connections: Connections) -> ShownComponent:
    try:
        state, detail = look(connections)
    except SoloistError as error:
        state, detail = "broken", str(error)
    except OSError as error:
        state, detail = (
            "broken",
            f"{error.strerror or error}: {error.filename or 'unknown file'}; check that it exists and may be read.",
        )
    return ShownComponent(component=name, state=state, detail=detail)


def _git(connections: Connections) -> Finding:
    if shutil.which("git") is None:
        return "broken", "git is not installed; install it with your system's package manager."
    version = subprocess.run(["git", "--version"], capture_output=True, text=True, check=False).stdout.strip()
    return "ok", version


def _settings(connections: Connections) -> Finding:
    settings = connections.settings
    clock.now()  # raises for a time that is none
    return "ok", f"home {settings.home}, timezone {settings.zone}"


def _repositories(connections: Connections) -> Iterator[ShownComponent]:
    try:
        sources = load_sources(connections.settings)
    except SoloistError as error:
        yield ShownComponent(component="sources", state="broken", detail=str(error))
        return
    if not sources.repositories:
        yield ShownComponent(
            component="repositories", state="off", detail="None is watched; `soloist run --repo PATH` watches one."
        )
    for path in sources.repositories:

        def look(_: Connections, path: Path = path) -> Finding:
            repository = git.open_repository(path)
            notes = ", shallow" if repository.is_shallow else ""
            return "ok", f"{repository.id}, default branch {repository.default_branch or 'none'}{notes}"

        yield _component(f"repository {path.name}", look, connections)


def _warehouse(connections: Connections) -> Finding:
    with connections.warehouse.read() as session:
        entries = session.scalar("SELECT count(*) FROM worklog_entries WHERE NOT vanished")
    size = connections.warehouse.size_bytes / 1024**2
    return (
        "ok",
        f"{entries} entries, {size:.1f} MB in {connections.settings.warehouse_path}",
    )


def _authors(connections: Connections) -> Finding:
    """Whose work the documents tell of, and other identities that may be the same person's."""
    with connections.warehouse.read() as session:
        scope = resolve_scope(session, load_sources(connections.settings))
        known = scope.names or [name for row in session.rows(REPOSITORIES) if row.watched for name in row.self_names]
        told = session.query("SELECT DISTINCT author_name, author_email FROM worklog_entries WHERE source = 'git'")
    others = alike(known, ((row["author_name"], row["author_email"]) for row in told.to_pylist()))
    if not others:
        return "ok", scope.line
    shown = ", ".join(f"{name} <{email}>" for name, email in others[:5])
    return "ok", f"{scope.line}; these may be you too, and count where --author or SOLOIST_AUTHORS names them: {shown}"


def _object_store(connections: Connections) -> Finding:
    connections.store.check()
    if connections.settings.s3_endpoint is None:
        return "fallback", f"no S3 server configured; documents are kept in {connections.settings.objects_path}"
    return "ok", f"bucket {connections.settings.s3_bucket} at {connections.settings.s3_endpoint}"


def _language_model(connections: Connections) -> Finding:
    model, settings = connections.language_model, connections.settings
    if model.config.way != "extractive":
        return "ok", model.examine()
    if settings.model_backend == "extractive":
        return "fallback", "SOLOIST_MODEL_BACKEND is extractive; no model is asked"
    if model.config.model is not None:
        return (
            "fallback",
            f"SOLOIST_MODEL names {model.config.model}, but SOLOIST_MODEL_URL does not say where it is; set it, until then every agent "
            "works extractively",
        )
    return "fallback", "no model configured; every agent works extractively (set SOLOIST_MODEL_URL and SOLOIST_MODEL)"


def _profile(connections: Connections) -> Finding:
    from orchestration_assets.reports.profile import load_profile

    path = connections.settings.profile_path
    if connections.settings.profile is not None and not path.exists():
        return (
            "broken",
            f"SOLOIST_PROFILE names {path}, which does not exist; correct it, or `soloist profile > {path}` writes an example to fill in",
        )
    if not path.exists():
        return "off", f"none; `soloist profile > {path}` writes an example to fill in"
    load_profile(path)
    return "ok", str(path)


def _dagster(connections: Connections) -> Finding:
    home = connections.settings.dagster_home
    starts = "`soloist ui` starts the web UI and the daemon"
    if not (home / "dagster.yaml").exists():
        return "off", f"home {home}; {starts}"
    return "ok", f"home {home}; {_daemon(connections) or f'no daemon runs, so nothing happens by itself: {starts}'}"


def _daemon(connections: Connections) -> str:
    """When the daemon was heard of last, where that is not long ago."""
    from orchestration_assets.dagster_home import opened_instance

    with opened_instance(connections.settings) as instance:
        beats = [beat.timestamp for beat in instance.get_daemon_heartbeats().values()]
    seconds = round(time.time() - max(beats, default=0.0))
    return f"the daemon was heard of {seconds} s ago" if seconds < SILENCE_SECONDS else ""


def _sentry(connections: Connections) -> Finding:
    if connections.settings.sentry_dsn is None:
        return "off", "no DSN configured (set SOLOIST_SENTRY_DSN)"
    return "ok", f"errors are reported as {connections.settings.environment}; prompts and secrets are not sent"


def _inbox(connections: Connections) -> Finding:
    if not connections.settings.has_inbox:
        return "off", "no event came yet; `soloist webhooks` takes deliveries, and the daemon polls"
    counts = connections.inbox.counts()
    told = ", ".join(f"{count:,} {state}" for state, count in sorted(counts.items())) or "empty"
    if dead := counts.get("dead"):
        return (
            "broken",
            f"{dead:,} events are dead letters; `soloist inbox list --state dead` says why, `soloist inbox replay` tries again",
        )
    return (
        "ok",
        f"{told}, in {(connections.settings.inbox_url and 'the configured database') or connections.settings.inbox_path}",
    )


def _webhooks(connections: Connections) -> Finding:
    settings = connections.settings
    live = [
        name
        for name, secret in (("GitHub", settings.github_webhook_secret), ("Sentry", settings.sentry_webhook_secret))
        if secret is not None
    ]
    if not live:
        return "off", "no secret configured (set SOLOIST_GITHUB_WEBHOOK_SECRET or SOLOIST_SENTRY_WEBHOOK_SECRET)"
    return (
        "ok",
        f"deliveries of {' and '.join(live)} are verified; `soloist webhooks` takes them on port {settings.webhook_port}",
    )


def _github(connections: Connections) -> Finding:
    from resources.github.client import open_github

    settings = connections.settings
    # Opened where nothing is polled, too: what is published goes the same way.
    with open_github(settings, ASKED_SECONDS) as client:
        if not settings.github_repositories:
            return "off", "no repository is polled (set SOLOIST_GITHUB_REPOSITORIES)"
        first = settings.github_repositories[0]
        client.examine(first)
    how = (
        "as an app"
        if settings.github_app_id
        else "with a token"
        if settings.github_token
        else "without a token, 60 times an hour"
    )
    return (
        "ok",
        f"{', '.join(settings.github_repositories)} at {settings.github_api_url}, asked {how}; it answers for {first}",
    )


def _publishing(connections: Connections) -> Finding:
    from resources.github.client import open_github

    settings = connections.settings
    counts = connections.outbox.counts() if settings.has_inbox else {}
    told = ", ".join(f"{count:,} {state}" for state, count in sorted(counts.items())) or "nothing waits"
    if dead := counts.get("dead"):
        return (
            "broken",
            f"{dead:,} effects are dead letters; `soloist outbox list --state dead` says why, `soloist outbox replay` tries again",
        )
    if settings.publish == "off":
        return "off", f"{told}; SOLOIST_PUBLISH=dry-run shows what would be sent, on sends it"
    if settings.publish == "on" and settings.github_token is None and settings.github_app_id is None:
        return "broken", f"{told}, and nobody may write on GitHub; set SOLOIST_GITHUB_TOKEN"
    if settings.publish == "on":
        open_github(settings).close()  # raises for settings that do not fit together
    return "ok", f"{settings.publish}; {told}"


def _sandbox(connections: Connections) -> Finding:
    from resources.sandbox import SandboxUnavailable

    try:
        return "ok", connections.sandbox.examine()
    except SandboxUnavailable as error:
        return ("broken" if connections.settings.sentry_repositories else "off"), str(error)


def _sentry_issues(connections: Connections) -> Finding:
    from resources.sentry_issues.client import open_sentry

    settings = connections.settings
    off: Finding = ("off", "no project is polled (set SOLOIST_SENTRY_PROJECTS)")
    if not settings.sentry_projects and settings.sentry_token is None:
        return off
    with open_sentry(settings, ASKED_SECONDS) as client:
        if not settings.sentry_projects:
            return off
        first = settings.sentry_projects[0]
        client.examine(*first.split("/"))
    return "ok", f"{', '.join(settings.sentry_projects)} at {settings.sentry_api_url}; it answers for {first}"
