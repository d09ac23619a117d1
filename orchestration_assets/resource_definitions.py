"""The connections that assets ask for, as Dagster's resources: plain objects opened once a run, so that logic never sees Dagster."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import dagster as dg

from orchestration_assets.connections import (
    open_inbox,
    open_language_model,
    open_object_store,
    open_outbox,
    open_sandbox,
    open_warehouse,
)

if TYPE_CHECKING:
    from resources.inbox import Inbox
    from resources.language_model.runner import LanguageModel
    from resources.object_store import ObjectStore
    from resources.outbox import Outbox
    from resources.sandbox import Sandbox
    from resources.settings import Settings
    from resources.warehouse import Warehouse


@dg.resource(description="Every setting, from the environment.")
def settings_resource(context: dg.InitResourceContext) -> "Settings":
    """Also names the process in the run's tags, so that a run whose process is gone can be found."""
    from resources.processes import PROCESS_TAG, collect_seldom, this_process
    from resources.settings import load_settings

    collect_seldom()

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


@dg.resource(
    description="Events from GitHub and Sentry, until something was made of them.", required_resource_keys={"settings"}
)
def inbox_resource(context: dg.InitResourceContext) -> "Iterator[Inbox]":
    inbox = open_inbox(context.resources.settings)
    try:
        yield inbox
    finally:
        inbox.close()


@dg.resource(
    description="What is to be said on GitHub and Sentry, until it was said.", required_resource_keys={"settings"}
)
def outbox_resource(context: dg.InitResourceContext) -> "Iterator[Outbox]":
    outbox = open_outbox(context.resources.settings)
    try:
        yield outbox
    finally:
        outbox.close()


@dg.resource(description="Where code that nobody trusts runs.", required_resource_keys={"settings"})
def sandbox_resource(context: dg.InitResourceContext) -> "Sandbox":
    return open_sandbox(context.resources.settings)


RESOURCES: dict[str, Any] = {
    "settings": settings_resource,
    "warehouse": warehouse_resource,
    "inbox": inbox_resource,
    "outbox": outbox_resource,
    "object_store": object_store_resource,
    "language_model": language_model_resource,
    "sandbox": sandbox_resource,
}
