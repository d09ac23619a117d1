"""Who is logged in, and for how long."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path


@dataclass
class Session:
    user: str
    started: datetime
    lifetime: timedelta = timedelta(hours=8)

    @classmethod
    def of(cls, told: dict) -> Session:
        return cls(told["user"], datetime.fromisoformat(told["started"]), timedelta(hours=told["hours"]))

    @property
    def ends(self) -> datetime:
        return self.started + self.lifetime


class Sessions:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.by_key = {key: Session.of(told) for key, told in json.loads(path.read_text()).items()}

    @staticmethod
    def is_expired(session: Session) -> bool:
        return session.ends < datetime.now(session.ends.tzinfo)

    def user(self, key: str) -> str | None:
        session = self.by_key.get(key)
        return None if session is None or self.is_expired(session) else session.user
