"""What a production machine does to a program that knows nothing of it: reports its errors to Sentry, and has a clock.

Python imports this file by itself where its folder is in PYTHONPATH. What belongs here: only what surrounds a program.
Events are written to the file that INCIDENT_EVENTS names, one JSON object a line; INCIDENT_NOW sets the clock, which
then goes on; INCIDENT_RELEASE is the release. The program sees none of the three.
"""

from __future__ import annotations

import datetime
import os
import time
from pathlib import Path
from typing import Any


def set_clock(now: str) -> None:
    """From here on it is `now`, for everything that asks Python. What the datetime module gives is of its own types."""
    real_date, real_datetime, real_time = datetime.date, datetime.datetime, time.time
    real_localtime, real_gmtime, real_strftime = time.localtime, time.gmtime, time.strftime
    shift = real_datetime.fromisoformat(now).timestamp() - real_time()

    class Kind(type):
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, cls.__mro__[1])

    class date(real_date, metaclass=Kind):
        def __new__(cls, *parts: Any, **named: Any) -> Any:
            return real_date(*parts, **named)

        @classmethod
        def today(cls) -> Any:
            return real_date.fromtimestamp(time.time())

    class moment(real_datetime, metaclass=Kind):
        def __new__(cls, *parts: Any, **named: Any) -> Any:
            return real_datetime(*parts, **named)

        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return real_datetime.fromtimestamp(time.time(), tz)

        @classmethod
        def today(cls) -> Any:
            return cls.now()

        @classmethod
        def utcnow(cls) -> Any:
            return cls.now(datetime.UTC).replace(tzinfo=None)

    moment.__name__ = moment.__qualname__ = "datetime"
    moment.__module__ = date.__module__ = "datetime"
    date.__qualname__ = "date"
    time.time = lambda: real_time() + shift
    time.time_ns = lambda: int(time.time() * 1e9)
    time.localtime = lambda seconds=None: real_localtime(time.time() if seconds is None else seconds)
    time.gmtime = lambda seconds=None: real_gmtime(time.time() if seconds is None else seconds)
    time.strftime = lambda form, parts=None: real_strftime(form, time.localtime() if parts is None else parts)
    datetime.date, datetime.datetime = date, moment


def report_errors(events: Path, release: str) -> None:
    """As a program's own `sentry_sdk.init` would, but it does not look for installed libraries: no program uses any."""
    import sentry_sdk
    from sentry_sdk.envelope import Envelope
    from sentry_sdk.transport import Transport

    class Kept(Transport):
        def capture_envelope(self, envelope: Envelope) -> None:
            with events.open("ab") as file:
                for item in envelope.items:
                    if item.type == "event":
                        file.write(item.payload.get_bytes() + b"\n")

    sentry_sdk.init(
        dsn="https://key@sentry.invalid/1", transport=Kept, release=release, auto_enabling_integrations=False
    )


if "INCIDENT_EVENTS" in os.environ:
    if at := os.environ.pop("INCIDENT_NOW", ""):
        set_clock(at)
    report_errors(Path(os.environ.pop("INCIDENT_EVENTS")), os.environ.pop("INCIDENT_RELEASE"))
    os.environ.pop("PYTHONPATH", None)
