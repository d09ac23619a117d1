"""Exactly what changed is made again: which rows are stale, and the loop that makes them.

One table, `derivations`, says for every agent and item what the item's output was made from, by whom, and how it went. It is written in
the same transaction as the output, so that a killed run resumes by comparison alone and a failure is a row like any other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel

from orchestration_assets.model_records import Usage, keep
from resources import progress
from resources.language_model.agent import Agent, Failure
from resources.rows import Row
from resources.sentry import traced
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


ONLY_CHANGED = Policy()


@dataclass(frozen=True)
class Inputs:
    """What an agent works on: a SELECT of `key` and `input_hash` (sha256 of all that the output depends on), whose rows are made in the
    order of `order`, an SQL list over its columns. Neighbours in that order should share as much of their prompts as can be."""

    sql: str
    parameters: Sequence[object] = ()
    order: str = "key"

    @classmethod
    def of(cls, hashes: Mapping[str, str]) -> Inputs:
        """Keys and input hashes that were computed here, in their order."""
        columns = [list(hashes), list(hashes.values()), list(range(len(hashes)))]
        types = zip(("VARCHAR", "VARCHAR", "BIGINT"), ("key", "input_hash", "place"), strict=True)
        return cls(f"SELECT {', '.join(f'unnest(?::{kind}[]) AS {name}' for kind, name in types)}", columns, "place")


@dataclass(frozen=True)
class Pending:
    """Of `total` items those that are stale: key to input hash, in the order in which they are to be made."""

    total: int
    stale: dict[str, str]

    @property
    def unchanged(self) -> Counts:
        """The counts of those that are not stale."""
        count = self.total - len(self.stale)
        return Counts(read=count, unchanged=count)


def pending(
    session: Session, agent: str, version: str, maker: str, inputs: Inputs, policy: Policy = ONLY_CHANGED
) -> Pending:
    """Which outputs of an agent are missing or were made from something else."""
    session.execute(f"CREATE OR REPLACE TEMP TABLE _expected AS {inputs.sql}", inputs.parameters)
    try:
        total = session.count("SELECT count(*) FROM _expected")
        table = session.query(
            f"""SELECT e.key, e.input_hash FROM _expected AS e LEFT JOIN derivations AS d ON d.agent = ? AND d.key = e.key
            WHERE d.key IS NULL OR d.input_hash <> e.input_hash OR d.agent_version <> ?
                OR (d.maker <> ? AND (? OR d.maker = '{EXTRACTIVE}'))
                OR (d.reason IS NOT NULL AND (d.transient OR ?))
            ORDER BY {inputs.order}""",
            [agent, version, maker, policy.refresh, policy.retry_failed],
        )
    finally:
        session.execute("DROP TABLE _expected")
    return Pending(total, dict(zip(table["key"].to_pylist(), table["input_hash"].to_pylist(), strict=True)))


@dataclass
class Derived:
    """What `derive` did: the counts of its items, and what it asked of the model."""

    counts: Counts = field(default_factory=Counts)
    usage: Usage = field(default_factory=Usage)


def derive(
    warehouse: Warehouse,
    model: LanguageModel,
    agent: Agent[ItemT, OutputT],
    items: Iterable[ItemT],
    asked: Pending,
    write: Callable[[Session, Sequence[tuple[ItemT, OutputT]]], object],
    before_commit: Callable[[Sequence[tuple[ItemT, OutputT]]], object] = lambda _: None,
) -> Derived:
    """Runs `agent` over `items`, those that `asked` names as stale, and commits outputs and derivations in groups; `write` stores the
    outputs of one group. The counts hold what was not stale as well.

    `before_commit` may do slow work for a group (upload documents) before the warehouse is locked.
    """
    derived = Derived(asked.unchanged)
    if not asked.stale:
        return derived
    model.require_ready()
    maker = model.maker
    with traced("agent", agent.name) as figures:
        for group in model.derived_groups(agent, items, expected=len(asked.stale)):
            made = [(each.item, each.output) for each in group if not isinstance(each.output, Failure)]
            before_commit(made)
            records = [_record(agent, maker, each, asked.stale) for each in group]
            with warehouse.write() as session:
                write(session, made)
                session.merge(DERIVATIONS, records)
                keep(session, group)
            derived.counts += Counts(read=len(group), made=len(made), failed=len(group) - len(made))
            derived.usage.add(group)
            progress.report(agent.name, derived.counts.read - asked.unchanged.read, len(asked.stale))
        usage = derived.usage
        figures |= {
            "model": maker,
            "items": derived.counts.read - asked.unchanged.read,
            "failed": derived.counts.failed,
            "calls": usage.calls,
            "tokens_in": usage.tokens_in,
            "tokens_out": usage.tokens_out,
        }
    return derived


def _record(
    agent: Agent[ItemT, OutputT], maker: str, made: Made[ItemT, OutputT], input_hashes: Mapping[str, str]
) -> Derivation:
    output = made.output
    failure = output if isinstance(output, Failure) else None
    key = agent.key(made.item)
    return Derivation.trusted(
        {
            "agent": agent.name,
            "key": key,
            "input_hash": input_hashes[key],
            "output_hash": _output_hash(output) if failure is None else "",
            "agent_version": agent.version,
            "maker": maker,
            "reason": failure.reason if failure else None,
            "transient": failure.transient if failure else False,
            "attempts": made.attempts,
            "tokens_in": made.tokens.given,
            "tokens_out": made.tokens.made,
            "dropped_claims": getattr(output, "dropped_claims", 0),
        }
    )


def _output_hash(output: BaseModel) -> str:
    """sha256 (hex) of an output: its fields have an order, so its JSON is canonical."""
    return hashlib.sha256(type(output).__pydantic_serializer__.to_json(output)).hexdigest()


def failures(session: Session, agent: str) -> tuple[int, int, str | None]:
    """How many of an agent's items failed, how many there are, and the commonest reason."""
    row = session.query(
        "SELECT count(reason) AS failed, count(*) AS items, mode(reason) AS commonest FROM derivations WHERE agent = ?",
        [agent],
    ).to_pylist()[0]
    return int(row["failed"]), int(row["items"]), row["commonest"]
