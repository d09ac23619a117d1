"""Whose a comment, an issue or a pull request is: ours is what the account or app wrote as which GitHub is asked.

What belongs here: reading the author of an object of the REST API. Somebody else's text is never ours, whatever stands in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from resources.rest.errors import Broken


@dataclass(frozen=True)
class Author:
    """An app by its id or client id, or an account by its number and login."""

    app: str | None
    account: int | None = None
    login: str | None = None

    @classmethod
    def of_account(cls, told: object) -> Self:
        """As GitHub tells of whoever asks. Raises Broken."""
        number, login = (told.get("id"), told.get("login")) if isinstance(told, dict) else (None, None)
        if not isinstance(number, int) or not isinstance(login, str):
            raise Broken("GitHub does not say whose token it is that it was asked with.")
        return cls(None, number, login)

    def wrote(self, found: Mapping[str, Any]) -> bool:
        """Whether an object is ours. Lists of pull requests do not name the app, so any bot is taken for ours there."""
        user = found.get("user")
        if not isinstance(user, dict):
            return False
        if self.app is None:
            return user.get("id") == self.account
        made_by = found.get("performed_via_github_app")
        if "performed_via_github_app" not in found:
            return user.get("type") == "Bot"
        known = isinstance(made_by, dict) and self.app in (str(made_by.get("id")), made_by.get("client_id"))
        return known and user.get("type") == "Bot"
