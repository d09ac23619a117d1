"""The one clock: `SOLOIST_NOW` sets it, so that a run can be repeated to the byte."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from resources.errors import BadInput

VARIABLE = "SOLOIST_NOW"
AHEAD = timedelta(days=1)
"""How far somebody else's clock may run ahead; what is dated later is not believed."""


def now() -> datetime:
    """The current instant in UTC, or the one that `SOLOIST_NOW` (ISO 8601, with a zone) names."""
    fixed = os.environ.get(VARIABLE)
    if not fixed:
        return datetime.now(UTC)
    try:
        instant = datetime.fromisoformat(fixed)
        return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise BadInput(f"{VARIABLE} is {fixed!r}, which is no time; write it as 2026-11-20T09:00:00+00:00.") from error
