"""As whom GitHub is asked: with a token, as an app, or as nobody.

What belongs here: getting hold of what goes into the header. It never shows in a repr, and never in an error.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from resources.errors import BadInput
from resources.rest.errors import Unauthorized
from resources.scrubbing import remember_secrets

if TYPE_CHECKING:
    from pydantic import SecretStr

    from resources.github.wire import Wire

_LIFE_SECONDS = 50 * 60
"""An installation's token is good for an hour."""
_installation_tokens: dict[tuple[str, str, str], tuple[str, float]] = {}
"""Of this process: a poller makes a client a tick, and needs no new token for each."""


class Credentials(Protocol):
    who: str
    """As a sentence names it."""
    app: str | None
    """The id of the app as which GitHub is asked; None for a person's token."""

    async def token(self, wire: Wire) -> str | None:
        """For the next request. Raises what the wire raises, and Unauthorized."""
        ...

    def forget(self) -> None:
        """GitHub refused what it gave."""
        ...


class Token:
    """A personal access token; None asks as nobody, 60 times an hour."""

    def __init__(self, secret: SecretStr | None) -> None:
        self._value = secret.get_secret_value().strip() if secret else None
        if self._value and (not self._value.isascii() or not self._value.isprintable() or " " in self._value):
            raise BadInput("SOLOIST_GITHUB_TOKEN is no token; copy it again, without anything round it.")
        remember_secrets([self._value] if self._value else [])
        self.app: str | None = None
        self.who = "the token in SOLOIST_GITHUB_TOKEN" if self._value else "somebody without SOLOIST_GITHUB_TOKEN"

    async def token(self, wire: Wire) -> str | None:
        return self._value or None

    def forget(self) -> None:
        """A token stays as it is until somebody sets another."""


class App:
    """A GitHub App, by its private key (PEM), for one installation."""

    def __init__(self, app_id: str, key: SecretStr, installation: str) -> None:
        self._app_id, self._key, self._installation = app_id, key, installation
        self._at: tuple[str, str, str] | None = None
        self.app: str | None = app_id
        self.who = f"the app of SOLOIST_GITHUB_APP_ID ({app_id})"

    async def token(self, wire: Wire) -> str | None:
        from gidgethub.apps import get_installation_access_token
        from jwt.exceptions import PyJWTError

        self._at = (wire.base_url, self._app_id, self._installation)
        known, until = _installation_tokens.get(self._at, ("", 0.0))
        if time.monotonic() < until:
            return known
        try:
            given = await get_installation_access_token(
                wire,
                installation_id=self._installation,
                app_id=self._app_id,
                private_key=self._key.get_secret_value(),
            )
        except (PyJWTError, TypeError, ValueError):
            if wire.head is not None:
                raise
            raise Unauthorized(
                "SOLOIST_GITHUB_APP_KEY holds no RSA private key in PEM; download one at the app's settings."
            ) from None
        token = given.get("token") if isinstance(given, dict) else None
        if not isinstance(token, str) or not token:
            raise Unauthorized(f"GitHub gives {self.who} no token; check SOLOIST_GITHUB_APP_INSTALLATION.")
        remember_secrets([token])
        _installation_tokens[self._at] = (token, time.monotonic() + _LIFE_SECONDS)
        return token

    def forget(self) -> None:
        if self._at is not None:
            _installation_tokens.pop(self._at, None)
