"""The asset of this domain: the review of every open pull request."""

from urllib.parse import quote

import dagster as dg

from orchestration_assets.asset_support import (
    MODEL_POOL,
    OWNERS,
    MakingConfig,
    code_version,
    count_metadata,
    model_metadata,
)

_MOST_LINKS = 30


@dg.asset(
    deps=[dg.AssetKey("pull_requests")],
    pool=MODEL_POOL,
    group_name="reviews",
    kinds={"markdown", "openai"},
    owners=OWNERS,
    code_version=code_version("reviews/*.py", "reviews/prompts/*", "reviews/templates/*", "reviews/data/*"),
    required_resource_keys={"settings", "warehouse", "object_store", "language_model", "outbox"},
    automation_condition=dg.AutomationCondition.eager(),
)
def pull_request_reviews(context: dg.AssetExecutionContext, config: MakingConfig) -> dg.MaterializeResult[None]:
    """What the author of each open pull request will want to put right, every finding with its line; as a document and as a comment."""
    from orchestration_assets.effects import keep_comments
    from orchestration_assets.reviews.making import make_reviews
    from orchestration_assets.reviews.model import KIND
    from orchestration_assets.reviews.rendering import findings_table
    from resources.outbox.policy import Policy as OutboxPolicy
    from resources.source_trees import open_source_trees

    connected, problems = context.resources, list[str]()
    policy = OutboxPolicy.of(connected.settings)
    making = make_reviews(
        connected.warehouse,
        connected.object_store,
        connected.language_model,
        open_source_trees(connected.settings),
        lambda comments: keep_comments(connected.outbox, policy, comments, problems),
        config.policy,
    )
    site = f"{connected.settings.documents_url}/documents"
    links = {
        f"document {review.key}": dg.MetadataValue.url(f"{site}/{quote(f'{KIND}/{review.key}.html')}")
        for review in making.reviews[:_MOST_LINKS]
    }
    return dg.MaterializeResult(
        metadata={
            **count_metadata(making.counts),
            **model_metadata(making.derived, connected.language_model, connected.settings),
            "findings": dg.MetadataValue.md(findings_table(making.reviews)),
            "problems": dg.MetadataValue.json(making.problems + problems),
            **links,
        }
    )
