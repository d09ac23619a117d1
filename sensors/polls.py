"""Asks GitHub and Sentry what changed, and puts it into the inbox: what webhooks tell as well, or missed.

They ask for no runs; the sensor that drains the inbox does.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from resources.inbox import Inbox
    from resources.settings import Settings

SECONDS_A_TICK = 15.0

Look = Callable[["Settings", "Inbox", float], str]
"""Looks until an instant of `time.monotonic`; says in a sentence what it brought."""


def _poll_sensor(name: str, listed: str, each: str, description: str, look: Look) -> dg.SensorDefinition:
    """A sensor that looks where the setting `listed` names any `each`, and skips with a sentence whatever happens."""

    @dg.sensor(
        name=name,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Where SOLOIST_{listed.upper()} names any: {description}",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        from orchestration_assets.connections import open_inbox
        from resources.errors import SoloistError
        from resources.settings import load_settings

        settings, deadline = load_settings(), time.monotonic() + SECONDS_A_TICK
        if not getattr(settings, listed):
            return dg.SkipReason(f"SOLOIST_{listed.upper()} names no {each}.")
        try:
            inbox = open_inbox(settings)
            try:
                return dg.SkipReason(look(settings, inbox, deadline))
            finally:
                inbox.close()
        except SoloistError as error:
            return dg.SkipReason(str(error))

    return sensor


def _look_at_github(settings: "Settings", inbox: "Inbox", deadline: float) -> str:
    from resources.clock import now
    from resources.github.client import open_github
    from resources.github.polling import poll

    with open_github(settings) as client:
        report = poll(client, inbox, settings.github_repositories, deadline, now(), settings.github_poll_days)
    return report.sentence


def _look_at_sentry(settings: "Settings", inbox: "Inbox", deadline: float) -> str:
    from resources.clock import now
    from resources.sentry_issues.client import open_sentry
    from resources.sentry_issues.polling import poll

    with open_sentry(settings) as client:
        report = poll(client, inbox, settings.sentry_projects, deadline, now(), settings.sentry_poll_days)
    return report.sentence


github_poll_sensor = _poll_sensor(
    "github_poll_sensor",
    "github_repositories",
    "repository",
    "puts what changed there into the inbox.",
    _look_at_github,
)
sentry_poll_sensor = _poll_sensor(
    "sentry_poll_sensor",
    "sentry_projects",
    "project",
    "puts into the inbox how their issues stand, and an error of those that are new.",
    _look_at_sentry,
)
