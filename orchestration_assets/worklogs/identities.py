"""Whether somebody commits under several identities: proposals for a person to confirm, never a guess that is acted upon."""

from __future__ import annotations

import re
from collections.abc import Iterable

_GENERIC = frozenset(
    {"me", "mail", "info", "git", "github", "dev", "noreply", "root", "admin", "hello", "contact", "user", "name"}
)
_NUMBERED = re.compile(r"^\d+\+")


def alike(known: Iterable[str], identities: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those (name, e-mail) identities that may be the same person as one of the `known` names and addresses, but are none of them:
    the same words in the name, or the same part before the @ of the address. Compared without regard to case."""
    own = {word.strip().lower() for word in known if word.strip()}
    names = {words for word in own if "@" not in word and len(words := _words(word)) > 1}
    boxes = {box for word in own if "@" in word and (box := _mailbox(word)) not in _GENERIC and len(box) > 2}
    return sorted(
        {
            (name, email)
            for name, email in identities
            if name.lower() not in own
            and email.lower() not in own
            and (_words(name) in names or _mailbox(email) in boxes)
        }
    )


def _words(name: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", name.lower()))


def _mailbox(email: str) -> str:
    return _NUMBERED.sub("", email.lower().partition("@")[0])
