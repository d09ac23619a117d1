"""What waits in batch files for a model, in the warehouse: the ledger of `resources.language_model.batches`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from orchestration_assets.model_records import MODEL_CALLS, REPLIES
from resources.language_model.batches import BatchedQuestion, ModelBatch
from resources.warehouse import TableSpec

if TYPE_CHECKING:
    from resources.language_model.records import ModelCall, Reply
    from resources.warehouse import Warehouse

BATCHED_QUESTIONS = TableSpec("batched_questions", BatchedQuestion, key=("request_hash",))
MODEL_BATCHES = TableSpec("model_batches", ModelBatch, key=("key",))

_THESE = "request_hash IN (SELECT unnest(?::VARCHAR[]))"


class WarehouseLedger:
    """Every method is one session."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def queue(self, questions: Sequence[BatchedQuestion]) -> Mapping[str, str]:
        hashes = [each.request_hash for each in questions]
        with self._warehouse.write() as session:
            found = session.query(f"SELECT request_hash, reason FROM batched_questions WHERE {_THESE}", [hashes])
            known = dict(zip(found["request_hash"].to_pylist(), found["reason"].to_pylist(), strict=True))
            refused = {name: reason for name, reason in known.items() if reason is not None}
            if refused:
                session.delete(BATCHED_QUESTIONS, _THESE, [list(refused)])
            if new := [each for each in questions if each.request_hash not in known]:
                session.insert(BATCHED_QUESTIONS, new)
        return refused

    def claim(self, model: str, batch: ModelBatch, most_lines: int, most_bytes: int) -> int:
        with self._warehouse.write() as session:
            taken = session.query(
                """SELECT request_hash FROM (
                    SELECT request_hash, rowid AS place, sum(strlen(body)) OVER (ORDER BY rowid) - strlen(body) AS before
                    FROM batched_questions WHERE batch = '' AND reason IS NULL AND model = ?
                ) WHERE before < ? ORDER BY place LIMIT ?""",
                [model, most_bytes, most_lines],
            )["request_hash"].to_pylist()
            if taken:
                session.execute(f"UPDATE batched_questions SET batch = ? WHERE {_THESE}", [batch.key, taken])
                session.insert(MODEL_BATCHES, [batch.model_copy(update={"questions": len(taken)})])
        return len(taken)

    def questions_of(self, key: str) -> Sequence[BatchedQuestion]:
        with self._warehouse.read() as session:
            return session.rows(BATCHED_QUESTIONS, "batch = ?", [key], order_by="rowid")

    def unsettled(self) -> Sequence[ModelBatch]:
        with self._warehouse.read() as session:
            return session.rows(MODEL_BATCHES, "state <> 'settled'", order_by="created_at, key")

    def update(self, batch: ModelBatch) -> None:
        with self._warehouse.write() as session:
            session.merge(MODEL_BATCHES, [batch])

    def settle(
        self, batch: ModelBatch, replies: Sequence[Reply], calls: Sequence[ModelCall], refused: Mapping[str, str]
    ) -> None:
        with self._warehouse.write() as session:
            if replies:
                session.merge(REPLIES, replies)
                answered = [each.request_hash for each in replies]
                session.merge(MODEL_CALLS, calls)
                session.delete(BATCHED_QUESTIONS, f"batch = ? AND {_THESE}", [batch.key, answered])
            session.execute(
                """UPDATE batched_questions AS q SET reason = r.reason
                FROM (SELECT unnest(?::VARCHAR[]) AS name, unnest(?::VARCHAR[]) AS reason) AS r
                WHERE q.batch = ? AND q.request_hash = r.name""",
                [list(refused), list(refused.values()), batch.key],
            )
            session.execute("UPDATE batched_questions SET batch = '' WHERE batch = ?", [batch.key])
            session.merge(MODEL_BATCHES, [batch])

    def waiting(self) -> int:
        with self._warehouse.read() as session:
            return session.count("SELECT count(*) FROM batched_questions WHERE batch = '' AND reason IS NULL")
