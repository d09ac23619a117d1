"""Where the database is; the environment says so."""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True)
class Database:
    host: str = "localhost"
    port: int = 5432
    name: str = "app"
    password: str = ""

    @classmethod
    def from_environment(cls, prefix: str = "DATABASE_") -> Database:
        return cls(
            host=os.environ.get(prefix + "HOST", cls.host),
            port=int(os.environ.get(prefix + "PORT", cls.port)),
            name=os.environ.get(prefix + "NAME", cls.name),
            password=os.environ.get(prefix + "PASSWORD", ""),
        )

    @property
    def url(self) -> str:
        password = f":{quote(self.password)}" if self.password else ""
        return f"postgresql://app{password}@{self.host}:{self.port}/{self.name}"
