"""When the shop is open, in its own time zone."""

from datetime import datetime, time, timedelta, timezone

ZONE = timezone(timedelta(hours=2), "CEST")
WEEK = {
    "Monday": (time(9), time(18)),
    "Tuesday": (time(9), time(18)),
    "Wednesday": (time(9), time(13)),
    "Thursday": (time(9), time(20)),
    "Friday": (time(9), time(18)),
    "Saturday": (time(10), time(14)),
    "Sunday": (time(0), time(0)),
}


def now():
    return datetime.now(ZONE)


def hours_today():
    return WEEK[f"{now():%A}"]


def is_open():
    opens, closes = hours_today()
    return opens <= now().time() < closes
