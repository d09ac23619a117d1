"""Which repositories are watched and whose work is told, as last said by `soloist run --repo ... --author ...`.

Kept as one small file, so that schedules, sensors and the UI watch what the command line asked for. The settings, where given, win.
"""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from resources.errors import BadInput
from resources.settings import ROOT, Settings

EVERYBODY = "all"


class Sources(BaseModel):
    """`repositories` are absolute paths; `authors` as in the settings."""

    model_config = ConfigDict(frozen=True)

    repositories: list[Path] = []
    authors: list[str] = []
    login: str | None = None
    """The name on GitHub of whoever this is."""


def load_sources(settings: Settings) -> Sources:
    """What is watched now: the settings' word, else what was remembered, else the repository that this installation lies in."""
    remembered = _remembered(settings.sources_path)
    repositories = settings.repositories or remembered.repositories
    if not repositories and (ROOT / ".git").exists():
        repositories = [ROOT]
    return Sources(
        repositories=[path.resolve() for path in repositories],
        authors=settings.authors or remembered.authors,
        login=settings.github_login,
    )


def remember_sources(settings: Settings, repositories: list[Path] | None, authors: list[str] | None) -> Sources:
    """Replaces what is given (None keeps what was) and writes it atomically."""
    was = _remembered(settings.sources_path)
    now = Sources(
        repositories=was.repositories if repositories is None else [path.resolve() for path in repositories],
        authors=was.authors if authors is None else authors,
    )
    path = settings.sources_path
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(now.model_dump_json(indent=2) + "\n", encoding="utf-8")
    temporary.replace(path)
    return now


def _remembered(path: Path) -> Sources:
    try:
        return Sources.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Sources()
    except (OSError, ValidationError, UnicodeDecodeError):
        raise BadInput(
            f"The list of sources in {path} cannot be read; remove it and name the repositories again with --repo."
        ) from None
