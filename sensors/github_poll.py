"""Asks GitHub what changed in the configured repositories, and puts it into the inbox: what webhooks tell as well, or missed.

It asks for no runs; the sensor that drains the inbox does.
"""

import time

import dagster as dg

SECONDS_A_TICK = 15.0


@dg.sensor(
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Where SOLOIST_GITHUB_REPOSITORIES names any: puts what changed there into the inbox.",
)
def github_poll_sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    from resources.settings import load_settings

    settings = load_settings()
    if not settings.github_repositories:
        return dg.SkipReason("SOLOIST_GITHUB_REPOSITORIES names no repository.")

    from orchestration_assets.connections import open_inbox
    from resources.clock import now
    from resources.errors import SoloistError
    from resources.github.client import open_github
    from resources.github.polling import poll

    deadline = time.monotonic() + SECONDS_A_TICK
    inbox = None
    try:
        inbox = open_inbox(settings)
        with open_github(settings) as client:
            report = poll(client, inbox, settings.github_repositories, deadline, now(), settings.github_poll_days)
    except SoloistError as error:
        return dg.SkipReason(str(error))
    finally:
        if inbox is not None:
            inbox.close()
    return dg.SkipReason(report.sentence)
