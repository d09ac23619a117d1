"""Opening connections from the settings, as plain objects: the same for the command line and for what Dagster runs. What a connection
needs is imported when it is opened.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resources.inbox import Inbox
    from resources.language_model.batches import Batches
    from resources.language_model.configuration import LanguageModelConfig
    from resources.language_model.runner import LanguageModel
    from resources.object_store import ObjectStore
    from resources.outbox import Outbox
    from resources.sandbox import Sandbox
    from resources.settings import Settings
    from resources.warehouse import Warehouse


def open_warehouse(settings: "Settings") -> "Warehouse":
    from orchestration_assets.tables import MIGRATIONS, TABLES
    from resources.warehouse import Warehouse

    return Warehouse(
        settings.warehouse_path,
        specs=TABLES,
        migrations=MIGRATIONS,
        lock_timeout=settings.lock_timeout_seconds,
        lingers=True,
    )


def open_inbox(settings: "Settings") -> "Inbox":
    from resources.inbox import Inbox

    return Inbox(settings.inbox_address)


def open_outbox(settings: "Settings") -> "Outbox":
    from resources.outbox import Outbox

    return Outbox(settings.inbox_address)


def open_object_store(settings: "Settings") -> "ObjectStore":
    from resources.object_store import open_store

    if settings.s3_endpoint is None:
        return open_store(settings.objects_path)
    return open_store(
        settings.s3_endpoint,
        bucket=settings.s3_bucket,
        access_key=settings.s3_access_key.get_secret_value() if settings.s3_access_key else None,
        secret_key=settings.s3_secret_key.get_secret_value() if settings.s3_secret_key else None,
        region=settings.s3_region,
    )


def open_sandbox(settings: "Settings") -> "Sandbox":
    import shlex

    from resources.sandbox import Configuration, Sandbox

    engine = tuple(shlex.split(settings.sandbox_engine))
    return Sandbox(Configuration(backend=settings.sandbox, engine=engine, image=settings.sandbox_image))


def open_language_model(settings: "Settings", warehouse: "Warehouse | None" = None) -> "LanguageModel":
    """With a warehouse, its kept replies are asked before the model is, and what waits in batch files is kept there."""
    from orchestration_assets.batch_records import WarehouseLedger
    from orchestration_assets.model_records import KeptReplies
    from resources.language_model.runner import LanguageModel

    config = _model_config(settings)
    if warehouse is None:
        return LanguageModel(config)
    return LanguageModel(config, KeptReplies(warehouse), WarehouseLedger(warehouse))


def open_batches(settings: "Settings", warehouse: "Warehouse") -> "Batches | None":
    """What sends and fetches batch files; None where the model is not asked in them."""
    from orchestration_assets.batch_records import WarehouseLedger
    from resources.clock import now
    from resources.language_model.batches import Batches
    from resources.language_model.endpoint import Endpoint
    from resources.language_model.runner import LanguageModel

    config = _model_config(settings)
    if config.way != "batch":
        return None
    maker = LanguageModel(config).maker
    assert config.base_url is not None
    endpoint = Endpoint(config.base_url, config.key, config.api_version, config.model)
    lock = settings.warehouse_path.with_name("model_batches.lock")
    return Batches(endpoint, maker, WarehouseLedger(warehouse), lock, now)


def _model_config(settings: "Settings") -> "LanguageModelConfig":
    from resources.language_model.configuration import LanguageModelConfig

    return LanguageModelConfig(
        backend=settings.model_backend,
        engine=settings.model_engine,
        base_url=settings.model_url,
        model=settings.model,
        revision=settings.model_revision,
        api_key=settings.model_api_key,
        api_version=settings.model_api_version,
        context=settings.model_context,
        max_in_flight=settings.model_max_in_flight,
        timeout_s=settings.model_timeout_seconds,
        time_budget_s=settings.model_time_budget_seconds,
    )
