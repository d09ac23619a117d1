"""What may be sent, and to whom: the repositories and projects that the settings name, and no secret to any of them.

What belongs here: everything by which an effect is refused before anybody is asked. An effect that does not validate is refused in
`effects.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from resources.outbox.effects import Effect, LinkSentryIssue, OpenIssue, target_of
from resources.outbox.outcome import Refused
from resources.outbox.secrets import SHORTEST, holds_secret
from resources.scrubbing import remember_secrets

if TYPE_CHECKING:
    from resources.settings import Settings


@dataclass(frozen=True)
class Policy:
    """Names in small letters: `owner/name`, `organization/project`."""

    repositories: frozenset[str]
    alert_repositories: frozenset[str]
    """May get issues, besides the `repositories`."""
    sentry_projects: frozenset[str]
    known_secrets: tuple[str, ...] = field(default=(), repr=False)
    patterns: tuple[re.Pattern[str], ...] = ()

    @classmethod
    def of(cls, settings: Settings, patterns: Iterable[re.Pattern[str]] = ()) -> Self:
        """As the settings say; their secrets are hidden in every sentence from now on."""
        secrets = tuple(_secrets_of(settings))
        remember_secrets(secrets)
        return cls(
            _small(settings.github_repositories),
            _small([settings.alert_repository] if settings.alert_repository else []),
            _small(settings.sentry_projects),
            secrets,
            tuple(patterns),
        )

    def require(self, key: str, effect: Effect) -> None:
        """Raises Refused for an effect that must not be done, with a sentence that repeats no secret."""
        self.require_named(effect)
        for place, text in {"key": key, **effect.texts()}.items():
            if holds_secret(text, self.known_secrets, self.patterns):
                raise Refused(
                    f"Its {place[:200]} holds a secret, or what looks like one, so it is not sent; make it anew without."
                )

    def require_named(self, effect: Effect) -> None:
        """Raises Refused for an effect on what the settings do not name."""
        if not self._names(effect):
            where = "SOLOIST_SENTRY_PROJECTS" if isinstance(effect, LinkSentryIssue) else "SOLOIST_GITHUB_REPOSITORIES"
            raise Refused(f"{target_of(effect)[:200]} is not named in {where}, so nothing is sent there.")

    def _names(self, effect: Effect) -> bool:
        if isinstance(effect, LinkSentryIssue):
            return effect.organization.lower() in {project.partition("/")[0] for project in self.sentry_projects}
        allowed = self.repositories | (self.alert_repositories if isinstance(effect, OpenIssue) else frozenset())
        return effect.repository.lower() in allowed


def _secrets_of(settings: Settings) -> Iterable[str]:
    """Every configured value that is secret, also those that are in an address or in a file."""
    values = (getattr(settings, name) for name in type(settings).model_fields)
    found = [value.get_secret_value() for value in values if isinstance(value, SecretStr)]
    if settings.inbox_url:
        found.append(unquote(urlsplit(settings.inbox_url).password or ""))
    if settings.github_app_key:
        found += _lines_of_key(settings.github_app_key)
    return [value.strip() for value in found if len(value.strip()) >= SHORTEST]


def _lines_of_key(path: Path) -> list[str]:
    """The lines of a private key, each of which would tell a part of it."""
    try:
        lines = path.read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return []
    return [line for line in lines if len(line) > 20 and "-" not in line]


def _small(names: Iterable[str]) -> frozenset[str]:
    return frozenset(name.lower() for name in names)
