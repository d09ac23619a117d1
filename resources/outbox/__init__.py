"""What is to be said on GitHub and Sentry, kept until it is said.

What belongs here: the outbox, the effects that may lie in it, and the publisher. Nothing here asks a model, and nothing is done that is not
one of the verbs in `effects.py`.
"""

from resources.outbox.effects import (
    AddLabels,
    Effect,
    KeepComment,
    LinkSentryIssue,
    OpenIssue,
    OpenPullRequest,
)
from resources.outbox.store import Kept, Outbox, State

__all__ = [
    "AddLabels",
    "Effect",
    "KeepComment",
    "Kept",
    "LinkSentryIssue",
    "OpenIssue",
    "OpenPullRequest",
    "Outbox",
    "State",
]
