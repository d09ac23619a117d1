"""Our side: an asset of a Dagster run, from the rows of a table to rows, replies and calls on disk.

    python ours.py URL FOLDER --fill N
    python ours.py URL FOLDER

The first writes N notes into a warehouse in the folder, the second makes what is stale of them. It prints the seconds of an empty run, of
this one, and what else was measured.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import dagster as dg
import pyarrow as pa
from prompts import CONCURRENCY, SYSTEM, note
from pydantic import BaseModel, ConfigDict, ValidationError

from orchestration_assets.derivation import DERIVATIONS, Inputs, derive, pending
from orchestration_assets.model_records import MODEL_CALLS, REPLIES, KeptReplies
from resources.language_model.agent import InvalidReply, Message, Request, agent_version
from resources.language_model.configuration import LanguageModelConfig
from resources.language_model.runner import LanguageModel
from resources.language_model.schemas import output_schema
from resources.warehouse import TableSpec, Warehouse


class NoteRow(BaseModel):
    note_id: str
    text: str
    text_hash: str


class Reply(BaseModel):
    model_config = ConfigDict(extra="forbid")
    summary: str
    kind: Literal["feature", "fix", "other"]
    quote: str


class Summary(Reply):
    note_id: str


NOTES = TableSpec("bench_notes", NoteRow, key=("note_id",))
SUMMARIES = TableSpec("bench_summaries", Summary, key=("note_id",))
TABLES = (NOTES, SUMMARIES, DERIVATIONS, MODEL_CALLS, REPLIES)
_SYSTEM = Message(role="system", content=SYSTEM)


class SummaryAgent:
    name = "bench"
    version = agent_version(1, [SYSTEM], Reply)

    def key(self, item: NoteRow) -> str:
        return item.note_id

    def request(self, item: NoteRow) -> Request:
        return Request(
            messages=(_SYSTEM, Message(role="user", content=item.text)),
            output=output_schema("bench", Reply),
            max_tokens=200,
        )

    def parse(self, item: NoteRow, reply: str) -> Reply:
        try:
            said = Reply.model_validate_json(reply)
        except ValidationError as error:
            raise InvalidReply(str(error)) from None
        if said.quote not in item.text:
            raise InvalidReply("the quote is not in the note")
        return said

    def extract(self, item: NoteRow) -> Reply:
        raise NotImplementedError


def items(warehouse: Warehouse, keys: Sequence[str]) -> Iterator[NoteRow]:
    for start in range(0, len(keys), 2000):
        page = list(keys[start : start + 2000])
        with warehouse.read() as session:
            found = {
                row.note_id: row
                for row in session.rows(NOTES, where="note_id IN (SELECT unnest(?::VARCHAR[]))", params=[page])
            }
        yield from (found[key] for key in page)


def definitions(warehouse: Warehouse, url: str) -> dg.Definitions:
    @dg.asset
    def summaries() -> dg.MaterializeResult[None]:
        agent = SummaryAgent()
        model = LanguageModel(
            LanguageModelConfig(base_url=url, model="bench", revision="r1", max_in_flight=CONCURRENCY),
            replies=KeptReplies(warehouse),
        )
        with warehouse.read() as session:
            inputs = Inputs("SELECT note_id AS key, text_hash AS input_hash FROM bench_notes")
            asked = pending(session, agent.name, agent.version, model.maker, inputs)
        derived = derive(
            warehouse,
            model,
            agent,
            items(warehouse, list(asked.stale)),
            asked,
            lambda session, made: session.merge(
                SUMMARIES, [Summary(note_id=item.note_id, **said.model_dump()) for item, said in made]
            ),
        )
        return dg.MaterializeResult(metadata={"made": derived.counts.made, "failed": derived.counts.failed})

    return dg.Definitions(assets=[summaries], executor=dg.in_process_executor, jobs=[dg.define_asset_job("bench")])


def fill(warehouse: Warehouse, count: int, edition: int = 0) -> None:
    """The notes, of which those that a later edition names anew are stale."""
    for start in range(0, count, 20_000):
        numbers = range(start, min(start + 20_000, count))
        texts = [note(number, edition) for number in numbers]
        columns = [
            [f"{number:07}" for number in numbers],
            texts,
            [hashlib.sha256(t.encode()).hexdigest() for t in texts],
        ]
        with warehouse.write() as session:
            session.merge(NOTES, pa.Table.from_arrays([pa.array(column) for column in columns], schema=NOTES.schema))


def run(warehouse: Warehouse, url: str, instance: dg.DagsterInstance) -> tuple[float, dict[str, object]]:
    """Seconds until everything is in the closed file, and what the asset said."""
    job = definitions(warehouse, url).resolve_job_def("bench")
    began = time.perf_counter()
    result = job.execute_in_process(instance=instance)
    warehouse.close()
    seconds = time.perf_counter() - began
    (made,) = result.asset_materializations_for_node("summaries")
    return seconds, {name: value.value for name, value in made.metadata.items()}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("home", type=Path)
    parser.add_argument("--fill", type=int, help="write so many notes, and ask nothing")
    parser.add_argument("--edition", type=int, default=0)
    parser.add_argument("--imported", action="store_true", help="have the HTTP client imported before the clock runs")
    options = parser.parse_args()
    if options.imported:
        import aiohttp  # noqa: F401
    warehouse = Warehouse(options.home / "bench.duckdb", specs=TABLES, lingers=True)
    if options.fill is not None:
        fill(warehouse, options.fill, options.edition)
        return
    (options.home / "dagster").mkdir(parents=True, exist_ok=True)
    (options.home / "dagster" / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    os.environ["DAGSTER_HOME"] = str(options.home / "dagster")
    nothing_in_it = Warehouse(options.home / "empty.duckdb", specs=TABLES, lingers=True)
    with dg.DagsterInstance.get() as instance:
        run(nothing_in_it, options.url, instance)
        nothing, _ = run(nothing_in_it, options.url, instance)
        before = resource.getrusage(resource.RUSAGE_SELF)
        seconds, told = run(warehouse, options.url, instance)
        after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps({"empty": nothing, "seconds": seconds, "cpu": cpu, "peak_mb": after.ru_maxrss / 1024, **told}))


if __name__ == "__main__":
    import logging

    logging.disable(logging.CRITICAL)
    sys.exit(main())
