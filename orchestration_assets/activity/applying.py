"""From the inbox to rows: a batch of events is written in one transaction, and only then settled.

A process that is killed in between leaves the batch to be applied again, which writes nothing: rows are merged by their ids.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from orchestration_assets.activity.model import FACTS, TABLE_OF, Fact
from orchestration_assets.derivation import Counts

if TYPE_CHECKING:
    from resources.inbox import Batch, Inbox, Kept
    from resources.warehouse import Session, TableSpec, Warehouse


@dataclass
class Applied:
    """What became of the events of a run: rows by table, and the sentences of those that failed."""

    counts: dict[str, Counts] = field(default_factory=lambda: {spec.name: Counts() for spec in TABLE_OF.values()})
    problems: list[str] = field(default_factory=list)


class Unusable(ValueError):
    """Nothing can be made of an event; the text says why."""


def apply_waiting(warehouse: Warehouse, inbox: Inbox, batch: str | None) -> Applied:
    """Applies the events of a batch; of all that are due, batch after batch, where none is named."""
    applied = Applied()
    for each in _batches(inbox, batch):
        _apply(warehouse, inbox, each, applied)
    return applied


def _batches(inbox: Inbox, batch: str | None) -> Iterator[Batch]:
    if batch is not None:
        yield inbox.batch(batch)
        return
    while (leased := inbox.lease()) is not None:
        yield leased


def _apply(warehouse: Warehouse, inbox: Inbox, batch: Batch, applied: Applied) -> None:
    facts: dict[type[Fact], dict[str, Fact]] = defaultdict(dict)
    done, failed = [], {}
    for event in batch.events:
        try:
            fact = fact_of(event)
        except Unusable as error:
            failed[event.id] = str(error)
            applied.problems.append(f"Event {event.id} ({event.kind} of {event.source}): {error}")
        else:
            done.append(event.id)
            known = facts[type(fact)].get(fact.id)
            if known is None or known.happened_at <= fact.happened_at:
                facts[type(fact)][fact.id] = fact
    if facts:
        with warehouse.write() as session:
            for kind, by_id in facts.items():
                spec = TABLE_OF[kind]
                applied.counts[spec.name] += _merge(session, spec, by_id)
    inbox.finish(batch.id, done, failed)


def _merge(session: Session, spec: TableSpec[Any], facts: Mapping[str, Fact]) -> Counts:
    """Writes the facts that are not older than what is known."""
    known = session.query(
        f"SELECT id, happened_at FROM {spec.name} WHERE id IN (SELECT unnest(?::VARCHAR[]))", [list(facts)]
    )
    times = dict(zip(known["id"].to_pylist(), known["happened_at"].to_pylist(), strict=True))
    newer = [fact for fact in facts.values() if fact.id not in times or times[fact.id] <= fact.happened_at]
    written = session.merge(spec, newer)
    made = written.inserted + written.updated
    return Counts(read=len(facts), made=made, unchanged=len(facts) - made)


def fact_of(event: Kept) -> Fact:
    """Raises Unusable with one sentence."""
    kind = FACTS.get((event.source, event.kind))
    if kind is None:
        raise Unusable(f"Nothing is made of {event.kind}.")
    try:
        return kind.model_validate_json(event.payload)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise Unusable(f"Its payload does not fit: {'.'.join(map(str, first['loc']))}: {first['msg']}.") from None
