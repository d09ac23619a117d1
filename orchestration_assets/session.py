"""What one command works with: its connections, opened on first use, and the lock that lets one run at a time work in a home folder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from resources.errors import SoloistError
from resources.settings import Settings

if TYPE_CHECKING:
    from resources.inbox import Inbox
    from resources.language_model.batches import Batches
    from resources.language_model.runner import LanguageModel
    from resources.object_store import ObjectStore
    from resources.outbox import Outbox
    from resources.sandbox import Sandbox
    from resources.warehouse import Warehouse


class Connections:
    """Settings, warehouse, inbox, object store and language model of this process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def warehouse(self) -> Warehouse:
        from orchestration_assets.connections import open_warehouse

        return open_warehouse(self.settings)

    @cached_property
    def inbox(self) -> Inbox:
        from orchestration_assets.connections import open_inbox

        return open_inbox(self.settings)

    @property
    def has_events(self) -> bool:
        """Whether events wait that are due."""
        return self.settings.has_inbox and self.inbox.has_due()

    @cached_property
    def outbox(self) -> Outbox:
        from orchestration_assets.connections import open_outbox

        return open_outbox(self.settings)

    @cached_property
    def store(self) -> ObjectStore:
        from orchestration_assets.connections import open_object_store

        return open_object_store(self.settings)

    @cached_property
    def sandbox(self) -> Sandbox:
        from orchestration_assets.connections import open_sandbox

        return open_sandbox(self.settings)

    @cached_property
    def language_model(self) -> LanguageModel:
        from orchestration_assets.connections import open_language_model

        return open_language_model(self.settings)

    @cached_property
    def batches(self) -> Batches | None:
        from orchestration_assets.connections import open_batches

        return open_batches(self.settings, self.warehouse)


@contextmanager
def only_run(settings: Settings) -> Iterator[None]:
    """Lets one `soloist run` at a time work in a home folder; a second one gets a sentence instead of a wait."""
    settings.home.mkdir(parents=True, exist_ok=True)
    with (settings.home / "run.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise SoloistError(
                f"Another `soloist run` (process {lock.read().strip() or 'unknown'}) is at work in {settings.home}; "
                "wait until it is done, or set SOLOIST_HOME to another folder."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
