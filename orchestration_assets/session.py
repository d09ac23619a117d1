"""The connections of one command: opened on first use, so that `soloist --help` opens none."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from resources.settings import Settings

if TYPE_CHECKING:
    from resources.language_model.runner import LanguageModel
    from resources.object_store import ObjectStore
    from resources.warehouse import Warehouse


class Connections:
    """Settings, warehouse, object store and language model of this process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def warehouse(self) -> Warehouse:
        from orchestration_assets.connections import open_warehouse

        return open_warehouse(self.settings)

    @cached_property
    def store(self) -> ObjectStore:
        from orchestration_assets.connections import open_object_store

        return open_object_store(self.settings)

    @cached_property
    def language_model(self) -> LanguageModel:
        from orchestration_assets.connections import open_language_model

        return open_language_model(self.settings)
