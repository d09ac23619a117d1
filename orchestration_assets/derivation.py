"""Exactly what changed is made again: which rows are stale, and the loop that makes them.

One table, `derivations`, says for every agent and item what the item's output was made from, by whom, and how it went. It is written in
the same transaction as the output, so that a killed run resumes by comparison alone and a failure is a row like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel

from orchestration_assets.model_records import keep
from orchestration_assets.worklogs.model import Row
from resources import progress
from resources.language_model.agent import Agent, Failure, content_hash
from resources.warehouse import TableSpec

if TYPE_CHECKING:
    from resources.language_model.conversation import Made
    from resources.language_model.runner import LanguageModel
    from resources.warehouse import Session, Warehouse

EXTRACTIVE = "extractive"

ItemT = TypeVar("ItemT")
OutputT = TypeVar("OutputT", bound=BaseModel)


class Derivation(Row):
    """The row of `derivations`, keyed by (agent, key): how the output of one item was made.

    `reason` is None where it was made, else why it failed. `output_hash` is the sha256 of the output, or "" for a failure.
    """

    agent: str
    key: str
    input_hash: str
    output_hash: str
    agent_version: str
    maker: str
    reason: str | None = None
    transient: bool = False
    attempts: int = 1
    tokens_in: int = 0
    tokens_out: int = 0
    dropped_claims: int = 0


DERIVATIONS = TableSpec("derivations", Derivation, key=("agent", "key"))


@dataclass
class Counts:
    """What became of the rows of one asset. `read` = `made` + `unchanged` + `failed`."""

    read: int = 0
    made: int = 0
    unchanged: int = 0
    failed: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.read + other.read, self.made + other.made, self.unchanged + other.unchanged, self.failed + other.failed
        )


@dataclass(frozen=True)
class Policy:
    """What besides changed inputs makes a row stale: `refresh` a changed model, `retry_failed` every failure."""

    refresh: bool = False
    retry_failed: bool = False


def stale_keys(
    session: Session, agent: str, version: str, maker: str, expected: Mapping[str, str], policy: Policy = Policy()
) -> list[str]:
    """The keys of `expected` (key -> input hash) whose output is missing or was made from something else, in the order of `expected`."""
    table = session.query(
        "SELECT key, input_hash, agent_version, maker, reason IS NOT NULL AS failed, transient FROM derivations WHERE agent = ?",
        [agent],
    )
    known = {row["key"]: row for row in table.to_pylist()}

    def is_stale(key: str, input_hash: str) -> bool:
        row = known.get(key)
        if row is None or row["input_hash"] != input_hash or row["agent_version"] != version:
            return True
        if row["maker"] != maker and (policy.refresh or row["maker"] == EXTRACTIVE):
            return True
        return bool(row["failed"]) and (bool(row["transient"]) or policy.retry_failed)

    return [key for key, input_hash in expected.items() if is_stale(key, input_hash)]


def derive(
    warehouse: Warehouse,
    model: LanguageModel,
    agent: Agent[ItemT, OutputT],
    items: Iterable[ItemT],
    input_hashes: Mapping[str, str],
    write: Callable[[Session, Sequence[tuple[ItemT, OutputT]]], object],
    before_commit: Callable[[Sequence[tuple[ItemT, OutputT]]], object] = lambda _: None,
) -> Counts:
    """Runs `agent` over `items` and commits outputs and derivations in groups; `write` stores the outputs of one group.

    `before_commit` may do slow work for a group (upload documents) before the warehouse is locked.
    """
    if input_hashes:
        model.require_answer()
    counts = Counts()
    for group in model.derived_groups(agent, items):
        made = [(each.item, each.output) for each in group if not isinstance(each.output, Failure)]
        before_commit(made)
        records = [_record(agent, model.maker, each, input_hashes[agent.key(each.item)]) for each in group]
        with warehouse.write() as session:
            write(session, made)
            session.merge(DERIVATIONS, records)
            keep(session, (each.call for each in group), (reply for each in group for reply in each.replies))
        counts += Counts(read=len(group), made=len(made), failed=len(group) - len(made))
        progress.report(agent.name, counts.read, len(input_hashes))
    return counts


def _record(agent: Agent[ItemT, OutputT], maker: str, made: Made[ItemT, OutputT], input_hash: str) -> Derivation:
    failure = made.output if isinstance(made.output, Failure) else None
    return Derivation(
        agent=agent.name,
        key=agent.key(made.item),
        input_hash=input_hash,
        output_hash=content_hash(made.output) if failure is None else "",
        agent_version=agent.version,
        maker=maker,
        reason=failure.reason if failure else None,
        transient=failure.transient if failure else False,
        attempts=made.attempts,
        tokens_in=made.tokens.given,
        tokens_out=made.tokens.made,
        dropped_claims=getattr(made.output, "dropped_claims", 0),
    )


def failures(session: Session, agent: str) -> tuple[int, int, str | None]:
    """How many of an agent's items failed, how many there are, and the commonest reason."""
    row = session.query(
        "SELECT count(reason) AS failed, count(*) AS items, mode(reason) AS commonest FROM derivations WHERE agent = ?",
        [agent],
    ).to_pylist()[0]
    return int(row["failed"]), int(row["items"]), row["commonest"]
