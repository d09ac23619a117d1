"""Asks Sentry what changed in the configured projects, and puts it into the inbox: what webhooks tell as well, or missed.

It asks for no runs; the sensor that drains the inbox does.
"""

import time

import dagster as dg

SECONDS_A_TICK = 15.0


@dg.sensor(
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Where SOLOIST_SENTRY_PROJECTS names any: puts into the inbox how their issues stand, and an error of those that are new.",
)
def sentry_poll_sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    from resources.settings import load_settings

    settings = load_settings()
    if not settings.sentry_projects:
        return dg.SkipReason("SOLOIST_SENTRY_PROJECTS names no project.")

    from orchestration_assets.connections import open_inbox
    from resources.clock import now
    from resources.errors import SoloistError
    from resources.sentry_issues.client import open_sentry
    from resources.sentry_issues.polling import poll

    deadline = time.monotonic() + SECONDS_A_TICK
    inbox = None
    try:
        inbox = open_inbox(settings)
        with open_sentry(settings) as client:
            report = poll(client, inbox, settings.sentry_projects, deadline, now(), settings.sentry_poll_days)
    except SoloistError as error:
        return dg.SkipReason(str(error))
    finally:
        if inbox is not None:
            inbox.close()
    return dg.SkipReason(report.sentence)
