"""The model engine under faults: an endpoint of whose answers 30% fail, one that is gone, and a run that is killed half way.

The bars are shares of items and multiples of calls, not times: a slow machine changes nothing.
"""

from __future__ import annotations

import json
import logging
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parent / "engine")]

from measuring import at_least, at_most  # noqa: E402
from model_engine import ENGINE, ROOT, asked, endpoint, ours  # noqa: E402
from ours import SUMMARIES, TABLES, NoteRow, SummaryAgent  # noqa: E402
from prompts import CONCURRENCY, note  # noqa: E402

from resources.language_model.agent import Failure  # noqa: E402
from resources.language_model.configuration import LanguageModelConfig  # noqa: E402
from resources.language_model.endpoint import EndpointError  # noqa: E402
from resources.language_model.runner import GROUP_SIZE, LanguageModel  # noqa: E402
from resources.warehouse import Warehouse  # noqa: E402
from tests.scripted_endpoint import Answer, Json, ScriptedEndpoint  # noqa: E402

REPLY = json.dumps({"summary": "Read the ledger", "kind": "fix", "quote": "the ledger"})
LATENCY_S = 0.2
FAULTS = (
    Answer(status=429, headers={"Retry-After": "1"}, delay_s=0.05),
    Answer(status=500, delay_s=LATENCY_S),
    Answer(delay_s=30.0),  # longer than the timeout below
    Answer(content=REPLY, half_body=True, delay_s=LATENCY_S),
    Answer(body="<p>rubbish</p>", delay_s=LATENCY_S),
    Answer(content="rubbish", delay_s=LATENCY_S),
)
TIMEOUT_S = 2.0


def results(scale: float) -> Iterator[dict[str, object]]:
    logging.disable(logging.CRITICAL)
    yield from _failing(max(300, int(10_000 * scale)))
    yield from _gone()
    yield from _killed(max(4000, int(20_000 * scale)))


def _failing(count: int) -> Iterator[dict[str, object]]:
    chance = random.Random(11)

    def script(_request: Json, _attempt: int) -> Answer:
        return chance.choice(FAULTS) if chance.random() < 0.3 else Answer(content=REPLY, delay_s=LATENCY_S)

    with ScriptedEndpoint(script, keep_requests=False) as server:
        model = _model(server.url)
        began = time.monotonic()
        on_wire_ms, finished = 0.0, 0
        for group in model.derived_groups(SummaryAgent(), _notes(count), expected=count):
            on_wire_ms += sum(made.latency_ms for made in group)
            finished += sum(not isinstance(made.output, Failure) for made in group)
        in_flight = on_wire_ms / 1000 / (time.monotonic() - began)
        yield at_least(f"items of {count:,} that are made though 30% of answers fail", finished, count, 0.99)
        yield at_most("calls of an item where 30% of answers fail", server.count, count, 1.5)
        yield at_least("mean in flight where 30% of answers fail, of the most", in_flight, CONCURRENCY, 0.5)


def _gone() -> Iterator[dict[str, object]]:
    with ScriptedEndpoint(lambda *_: Answer(drop_connection=True), keep_requests=False) as server:
        try:
            for _ in _model(server.url).derived(SummaryAgent(), _notes(20_000)):
                pass
        except EndpointError:
            yield at_most("calls until an endpoint is known to be gone", server.count, CONCURRENCY + 10, 1.0)
        else:
            raise RuntimeError("an endpoint that answers nothing was not noticed")


def _killed(count: int) -> Iterator[dict[str, object]]:
    with endpoint(20) as url, tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as undisturbed:
        ours(url, undisturbed, fill=count)
        ours(url, undisturbed)
        ours(url, folder, fill=count)
        before = asked(url)
        process = subprocess.Popen(
            [sys.executable, ENGINE / "ours.py", url, folder], cwd=ROOT, stdout=subprocess.DEVNULL
        )
        while asked(url) - before < count // 2:
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        ours(url, folder)
        repeated = asked(url) - before - count
        yield at_most("calls that a run killed half way repeats", repeated, CONCURRENCY + GROUP_SIZE, 1.0)
        same = _summaries(folder) == _summaries(undisturbed)
        yield at_least(
            "rows of a killed and resumed run that equal an undisturbed one's", count if same else 0, count, 1.0
        )


def _model(url: str) -> LanguageModel:
    return LanguageModel(
        LanguageModelConfig(
            base_url=url, model="scripted", revision="r1", max_in_flight=CONCURRENCY, timeout_s=TIMEOUT_S
        )
    )


def _notes(count: int) -> Iterator[NoteRow]:
    for number in range(count):
        yield NoteRow(note_id=f"{number:07}", text=note(number), text_hash="")


def _summaries(folder: str) -> list[tuple[object, ...]]:
    with Warehouse(Path(folder) / "bench.duckdb", specs=TABLES).read() as session:
        return [tuple(row.model_dump().values()) for row in session.rows(SUMMARIES, order_by="note_id")]


if __name__ == "__main__":
    for result in results(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0):
        print(json.dumps(result))
