"""The connections that assets ask for, as plain objects opened once a run: logic never sees Dagster.

`RESOURCES` is what the definitions hand to Dagster; the same functions open the connections for the command line. What a connection
needs is imported when it is opened.
"""

from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    from resources.language_model.runner import LanguageModel
    from resources.object_store import ObjectStore
    from resources.settings import Settings
    from resources.warehouse import Warehouse


def open_warehouse(settings: "Settings") -> "Warehouse":
    from orchestration_assets.tables import MIGRATIONS, TABLES
    from resources.warehouse import Warehouse

    return Warehouse(
        settings.warehouse_path, specs=TABLES, migrations=MIGRATIONS, lock_timeout=settings.lock_timeout_seconds
    )


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


def open_language_model(settings: "Settings", warehouse: "Warehouse | None" = None) -> "LanguageModel":
    """With a warehouse, its kept replies are asked before the model is."""
    from orchestration_assets.model_records import KeptReplies
    from resources.language_model.runner import LanguageModel, LanguageModelConfig

    config = LanguageModelConfig(
        base_url=settings.model_url,
        model=settings.model,
        revision=settings.model_revision,
        api_key=settings.model_api_key,
        max_in_flight=settings.model_max_in_flight,
    )
    return LanguageModel(config, replies=KeptReplies(warehouse) if warehouse else None)


@dg.resource(description="Every setting, from the environment.")
def settings_resource(context: dg.InitResourceContext) -> "Settings":
    """Also names the process in the run's tags, so that a run whose process is gone can be found."""
    from resources.processes import PROCESS_TAG, this_process
    from resources.settings import load_settings

    if context.instance and context.run:
        context.instance.add_run_tags(context.run.run_id, {PROCESS_TAG: this_process()})
    return load_settings()


@dg.resource(description="DuckDB, behind its two lock files.", required_resource_keys={"settings"})
def warehouse_resource(context: dg.InitResourceContext) -> "Warehouse":
    return open_warehouse(context.resources.settings)


@dg.resource(
    description="Documents and attachments: an S3-compatible server, or a folder.", required_resource_keys={"settings"}
)
def object_store_resource(context: dg.InitResourceContext) -> "ObjectStore":
    return open_object_store(context.resources.settings)


@dg.resource(
    description="An OpenAI-compatible endpoint, or none: then agents work extractively.",
    required_resource_keys={"settings", "warehouse"},
)
def language_model_resource(context: dg.InitResourceContext) -> "LanguageModel":
    return open_language_model(context.resources.settings, context.resources.warehouse)


RESOURCES: dict[str, Any] = {
    "settings": settings_resource,
    "warehouse": warehouse_resource,
    "object_store": object_store_resource,
    "language_model": language_model_resource,
}
