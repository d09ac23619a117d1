"""What model calls leave in the warehouse: a row of `model_calls` for each, and the replies, so that no question is paid for twice; and
what they add up to for one asset."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from resources.language_model.records import ModelCall, Reply
from resources.warehouse import TableSpec

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from resources.language_model.conversation import Made
    from resources.warehouse import Session, Warehouse

MODEL_CALLS = TableSpec("model_calls", ModelCall, key=("call_id",))
REPLIES = TableSpec("replies", Reply, key=("request_hash",))

SAMPLE = 10_000
"""Latencies that the percentiles of one run rest on: the first ones."""


class KeptReplies:
    """The reply cache of the agent runner, in the warehouse. What `derive` commits with a group's rows is what is found here later.

    The first 64 bits of every kept hash are held in memory, 8 bytes a reply, as of the first question: what nobody asked before is not
    looked for in a table that grows all the while.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._kept: npt.NDArray[np.uint64] | None = None
        self._added: set[int] = set()

    def get_many(self, hashes: Sequence[str]) -> Mapping[str, Reply]:
        wanted = self._perhaps_kept(hashes)
        if not wanted:
            return {}
        with self._warehouse.read() as session:
            known = session.rows(REPLIES, where="request_hash IN (SELECT unnest(?::VARCHAR[]))", params=[wanted])
        return {reply.request_hash: reply for reply in known}

    def put_many(self, replies: Sequence[Reply]) -> None:
        """Notes that they will be there: `derive` writes the replies of a group in the transaction of the group's rows."""
        self._added.update(_prefix(reply.request_hash) for reply in replies)

    def _perhaps_kept(self, hashes: Sequence[str]) -> list[str]:
        import numpy as np

        if self._kept is None:
            with self._warehouse.read() as session:
                column = session.query("SELECT ('0x' || left(request_hash, 16))::UBIGINT AS p FROM replies ORDER BY p")[
                    "p"
                ]
            self._kept = column.to_numpy()
        prefixes = [_prefix(each) for each in hashes]
        wanted = np.array(prefixes, dtype=np.uint64)
        kept = np.searchsorted(self._kept, wanted, "right") > np.searchsorted(self._kept, wanted, "left")
        return [
            each
            for each, prefix, is_kept in zip(hashes, prefixes, kept.tolist(), strict=True)
            if is_kept or prefix in self._added
        ]


def _prefix(request_hash: str) -> int:
    return int(request_hash[:16], 16)


@dataclass
class Usage:
    """What one asset asked of a model: items answered by it, by kept replies, tokens, latencies in milliseconds, failures by reason."""

    calls: int = 0
    cached: int = 0
    attempts: int = 0
    tokens_in: int = 0
    tokens_cached: int = 0
    tokens_out: int = 0
    latencies: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)

    def add(self, group: Sequence[Made[Any, Any]]) -> None:
        for made in group:
            self.cached += made.recalled
            if made.call is None:
                continue
            self.calls += 1
            self.attempts += made.attempts
            self.tokens_in += made.tokens.given
            self.tokens_cached += made.tokens.cached
            self.tokens_out += made.tokens.made
            if made.call.reason is not None:
                self.failures[made.call.reason] += 1
            if len(self.latencies) < SAMPLE:
                self.latencies.append(made.latency_ms)

    def percentile(self, share: float) -> float:
        """A latency in milliseconds; 0 where there was no call."""
        if len(self.latencies) < 2:
            return self.latencies[0] if self.latencies else 0.0
        return statistics.quantiles(self.latencies, n=100, method="inclusive")[round(share * 100) - 1]


def keep(session: Session, group: Sequence[Made[Any, Any]]) -> None:
    """Writes the calls and replies of one group inside its transaction."""
    if calls := [made.call for made in group if made.call is not None]:
        session.insert(MODEL_CALLS, calls)
    if replies := {reply.request_hash: reply for made in group for reply in made.replies}:
        session.merge(REPLIES, list(replies.values()))
