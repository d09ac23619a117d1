"""The configured timezone, by itself: schedules need its name when they are imported, before any other setting is read."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

VARIABLE = "SOLOIST_TIMEZONE"


def timezone_name() -> str:
    """The IANA name that `SOLOIST_TIMEZONE` gives, else the machine's, else UTC; UTC also for a name that no timezone has (whoever
    reads the settings is told of that)."""
    name = os.environ.get(VARIABLE) or machine_timezone()
    return name if zone_named(name) is not None else "UTC"


def machine_timezone() -> str:
    """The IANA name of the machine's timezone, or UTC where it has none."""
    if name := os.environ.get("TZ", "").lstrip(":"):
        return name
    target = str(Path("/etc/localtime").resolve())
    name = target.split("/zoneinfo/", 1)[1] if "/zoneinfo/" in target else "UTC"
    return "UTC" if name in ("Etc/UTC", "Etc/UCT", "UCT", "Zulu") else name


@cache
def zone_named(name: str) -> ZoneInfo | None:
    """The timezone of an IANA name, or None."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
