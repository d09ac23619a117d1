"""Doing an effect in Sentry so that it is there once.

What belongs here: notes on issues. A note is found again by the address that it gives, whoever wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from resources.outbox.effects import LinkSentryIssue
from resources.outbox.outcome import Done, Refused
from resources.rest.errors import Denied
from resources.sentry_issues.client import SentryApi

MOST_PAGES = 20
_SAID_ALREADY = "already posted"
"""In Sentry's words for a note that the same person made within the hour."""


def link_issue(
    sentry: SentryApi, effect: LinkSentryIssue, url: str, projects: Collection[str], deadline: float
) -> Done:
    """Notes `url` on an issue of one of `projects` (`organization/project`, in small letters). Raises RestError, and Refused where the
    issue is of another project."""
    address = f"sentry:{effect.organization}/{effect.issue}"
    told = sentry.issue(effect.organization, effect.issue, deadline).body.get("project")
    project = f"{effect.organization}/{told.get('slug') if isinstance(told, dict) else None}"
    if project.lower() not in projects:
        raise Refused(
            f"The issue {effect.issue} is of the project {project}, which SOLOIST_SENTRY_PROJECTS does not name; nothing is noted."
        )
    if _is_noted(sentry, effect, url, deadline):
        return Done(address)
    try:
        sentry.add_note(effect.organization, effect.issue, f"{effect.text.rstrip()}\n\n{url}".lstrip(), deadline)
    except Denied as error:
        if _SAID_ALREADY not in str(error):
            raise
    return Done(address)


def _is_noted(sentry: SentryApi, effect: LinkSentryIssue, url: str, deadline: float) -> bool:
    whole = re.compile(rf"(?<![\w/=&?#%.-]){re.escape(url)}(?![\w/#?&=%-])")
    page: str | None = None
    for _ in range(MOST_PAGES):
        answer = sentry.notes(effect.organization, effect.issue, page, deadline)
        for note in answer.body:
            data = note.get("data") if isinstance(note, dict) else None
            text = data.get("text") if isinstance(data, dict) else None
            if isinstance(text, str) and whole.search(text):
                return True
        if (page := answer.next) is None:
            return False
    raise Denied(f"The issue {effect.issue} of {effect.organization} has too many notes to look for ours among them.")
