"""What happened elsewhere, kept until something was made of it.

What belongs here: the inbox, its tables, and the shape of an event. It knows neither GitHub nor Sentry nor Dagster.
"""

from resources.inbox.events import Event, Kept, State
from resources.inbox.store import Batch, Inbox

__all__ = ["Batch", "Event", "Inbox", "Kept", "State"]
