"""What model calls leave in the warehouse: a row of `model_calls` for each, and the replies, so that no question is paid for twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from resources.language_model.records import ModelCall, Reply
from resources.warehouse import TableSpec

if TYPE_CHECKING:
    from resources.warehouse import Session, Warehouse

MODEL_CALLS = TableSpec("model_calls", ModelCall, key=("call_id",))
REPLIES = TableSpec("replies", Reply, key=("request_hash",))


class KeptReplies:
    """The reply cache of the agent runner, in the warehouse. What `derive` commits with a group's rows is what is found here later."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def get_many(self, hashes: Sequence[str]) -> Mapping[str, Reply]:
        with self._warehouse.read() as session:
            known = session.rows(REPLIES, where="request_hash IN (SELECT unnest(?::VARCHAR[]))", params=[list(hashes)])
        return {reply.request_hash: reply for reply in known}

    def put_many(self, replies: Sequence[Reply]) -> None:
        """Nothing: `derive` writes the replies of a group in the transaction of the group's rows."""


def keep(session: Session, calls: Iterable[ModelCall | None], replies: Iterable[Reply]) -> None:
    """Writes the calls and replies of one group inside its transaction."""
    if made := [call for call in calls if call is not None]:
        session.insert(MODEL_CALLS, made)
    if new := {reply.request_hash: reply for reply in replies}:
        session.merge(REPLIES, list(new.values()))
