"""Making the reviews of open pull requests: those whose input changed, a few at a time, each with its document and its comment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

from orchestration_assets.derivation import (
    DERIVATIONS,
    EXTRACTIVE,
    ONLY_CHANGED,
    Counts,
    Derivation,
    Derived,
    Inputs,
    Pending,
    Policy,
    derive,
    pending,
)
from orchestration_assets.model_records import Usage
from orchestration_assets.reports.documents import Rendered, find_document, store_documents
from orchestration_assets.reports.model import DOCUMENTS, Document
from orchestration_assets.reviews.agent import NAME as READER
from orchestration_assets.reviews.agent import Remarks, ReviewAgent
from orchestration_assets.reviews.locating import Located, locate
from orchestration_assets.reviews.model import KIND, Review, ReviewComment, review_key
from orchestration_assets.reviews.parts import Part
from orchestration_assets.reviews.queries import branch_tips, open_pull_requests
from orchestration_assets.reviews.rendering import (
    comment_body,
    render_html,
    render_markdown,
    resolved_body,
    review_json,
)
from orchestration_assets.reviews.reviewing import AGENT, Draft, draft, finished, input_hash, review_version
from resources.errors import SoloistError
from resources.language_model.agent import content_hash

if TYPE_CHECKING:
    from resources.language_model.runner import LanguageModel
    from resources.object_store import ObjectStore
    from resources.source_trees import SourceTrees
    from resources.warehouse import Session, Warehouse

TOGETHER = 8
"""Pull requests whose parts are asked at once: what is held in memory, and what a kill makes again, from kept replies."""

Publish = Callable[[list[ReviewComment]], None]
"""Takes the comments that are to stand under pull requests, each in place of the one before; the same one twice changes nothing."""


@dataclass
class Making:
    """What became of the open pull requests: counts, what the model cost, the reviews made in this run, and a sentence about each pull
    request that could not be looked at."""

    counts: Counts = field(default_factory=Counts)
    derived: Derived = field(default_factory=Derived)
    reviews: list[Review] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def make_reviews(
    warehouse: Warehouse,
    store: ObjectStore,
    model: LanguageModel,
    sources: SourceTrees,
    publish: Publish = lambda comments: None,
    policy: Policy = ONLY_CHANGED,
) -> Making:
    """Reviews every open pull request whose code, base or text changed since its review. Reviews of closed ones stay as they are.

    A comment is handed to `publish` before its review counts as made, so that a killed run says it again and not never.
    """
    making = Making()
    # Somebody waits for a review, so that its questions go before what is asked in bulk.
    model = model.urgent()
    agent = ReviewAgent(model.context) if model.maker != EXTRACTIVE else None
    with warehouse.read() as session:
        pulls, tips = open_pull_requests(session), branch_tips(session)
    found: dict[str, Located] = {}
    for pull in pulls:
        try:
            found[review_key(pull.repository, pull.number)] = locate(pull, sources, tips)
        except SoloistError as error:
            making.problems.append(str(error))
    making.counts = Counts(read=len(making.problems), failed=len(making.problems))
    inputs = {key: input_hash(located) for key, located in found.items()}
    with warehouse.read() as session:
        asked = pending(session, AGENT, review_version(), model.maker, Inputs.of(inputs), policy)
    making.counts += asked.unchanged
    stale = [found[key] for key in asked.stale]
    for start in range(0, len(stale), TOGETHER):
        drafts = list(_drafts(stale[start : start + TOGETHER], agent, making))
        if drafts:
            _make(drafts, agent, warehouse, store, model, publish, making)
    return making


def _drafts(stale: Sequence[Located], agent: ReviewAgent | None, making: Making) -> Iterator[Draft]:
    for located in stale:
        try:
            yield draft(located, agent)
        except SoloistError as error:
            making.problems.append(f"{review_key(located.pull.repository, located.pull.number)}: {error}")
            making.counts += Counts(read=1, failed=1)


def _make(
    drafts: Sequence[Draft],
    agent: ReviewAgent | None,
    warehouse: Warehouse,
    store: ObjectStore,
    model: LanguageModel,
    publish: Publish,
    making: Making,
) -> None:
    remarks = _remarks(drafts, agent, warehouse, model, making)
    reviews = [finished(each, remarks, model.maker) for each in drafts]
    with warehouse.read() as session:
        earlier = {review.key: find_document(session, KIND, review.key, "json") for review in reviews}
    documents = store_documents(store, [_rendered(review) for review in reviews])
    comments = [
        ReviewComment(repository=review.repository, number=review.number, body=body)
        for review in reviews
        if (body := _comment(review, earlier[review.key], store)) is not None
    ]
    if comments:
        publish(comments)
    with warehouse.write() as session:
        session.merge(DOCUMENTS, documents)
        settled = [
            _settled(session, each, review, remarks, model.maker) for each, review in zip(drafts, reviews, strict=True)
        ]
        session.merge(DERIVATIONS, settled)
    making.reviews += reviews
    making.counts += Counts(read=len(reviews), made=len(reviews))


def _remarks(
    drafts: Sequence[Draft], agent: ReviewAgent | None, warehouse: Warehouse, model: LanguageModel, making: Making
) -> dict[str, Remarks]:
    """What the model says of the parts, by their keys. What was answered before is answered from the kept replies, also after a kill."""
    parts = [part for each in drafts for part in each.parts]
    if agent is None or not parts:
        return {}
    said: dict[str, Remarks] = {}

    def keep(session: Session, made: Sequence[tuple[Part, Remarks]]) -> None:
        said.update((part.key, remarks) for part, remarks in made)

    asked = Pending(len(parts), {part.key: part.input_hash for part in parts})
    derived = derive(warehouse, model, agent, parts, asked, keep)
    making.derived = Derived(making.derived.counts + derived.counts, _together(making.derived.usage, derived.usage))
    return said


def _together(one: Usage, other: Usage) -> Usage:
    return Usage(
        one.calls + other.calls,
        one.cached + other.cached,
        one.attempts + other.attempts,
        one.tokens_in + other.tokens_in,
        one.tokens_cached + other.tokens_cached,
        one.tokens_out + other.tokens_out,
        one.latencies + other.latencies,
        one.failures + other.failures,
    )


def _comment(review: Review, earlier: Document | None, store: ObjectStore) -> str | None:
    """What is to stand under the pull request; None where there is nothing to say and nothing was said before."""
    body = comment_body(review)
    if body is None and earlier is not None and orjson.loads(store.get_verified(earlier.sha256))["findings"]:
        return resolved_body(review)
    return body


def _rendered(review: Review) -> Rendered:
    return Rendered(
        kind=KIND,
        key=review.key,
        title=f"Review of {review.key}: {review.title}",
        formats={
            "md": render_markdown(review).encode(),
            "html": render_html(review).encode(),
            "json": review_json(review),
        },
    )


def _settled(session: Session, each: Draft, review: Review, remarks: Mapping[str, Remarks], maker: str) -> Derivation:
    """The row that says what the review was made of. Where a part could not be read it says so, and a next run tries again what a next run
    may get; what is kept of parts that there are no more goes."""
    keys = [part.key for part in each.parts]
    beginning = f"{each.key}/"
    gone = "agent = ? AND starts_with(key, ?) AND NOT list_contains(?::VARCHAR[], key)"
    session.delete(DERIVATIONS, gone, [READER, beginning, keys])
    unread = [key for key in keys if key not in remarks]
    failed = session.rows(DERIVATIONS, where="agent = ? AND starts_with(key, ?)", params=[READER, beginning])
    reasons = [row for row in failed if row.key in unread and row.reason is not None]
    return Derivation(
        agent=AGENT,
        key=each.key,
        input_hash=input_hash(each.located),
        output_hash=content_hash(review),
        agent_version=review_version(),
        maker=maker,
        reason=f"{len(unread)} of {len(keys)} parts were not read: {reasons[0].reason}" if reasons else None,
        transient=any(row.transient for row in reasons),
        dropped_claims=review.dropped_claims,
    )
