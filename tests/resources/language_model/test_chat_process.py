"""The bulk transport at the far end of a pipe behaves as it does in this process, and ends with it."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from resources.language_model.backend import MANY
from resources.language_model.chat import ChatTerms
from resources.language_model.chat_process import ProcessTransport
from resources.language_model.conversation import Made
from resources.language_model.endpoint import Endpoint, EndpointError
from tests.resources.language_model.fables import AGENT, Moral, item_of, model_of, moral, moral_of
from tests.scripted_endpoint import Answer, Json, ScriptedEndpoint
from tests.served_ui import wait_for


def made_of(endpoint: ScriptedEndpoint, count: int, **settings: object) -> Iterator[Made[int, Moral]]:
    model = model_of(endpoint, **settings)
    for group in model.derived_groups(AGENT, range(100, 100 + count), seconds=0.2, expected=MANY):
        yield from group


def children() -> list[int]:
    """The processes at far ends that this process started and that run still."""
    return [int(each.name) for each in Path("/proc").glob("[0-9]*") if _parent(int(each.name)) == os.getpid()]


def runs(pid: int) -> bool:
    return _parent(pid) is not None


def _parent(pid: int) -> int | None:
    """None where no such process works at a pipe's far end."""
    with suppress(OSError):
        command, stat = (Path(f"/proc/{pid}/{name}").read_text(errors="replace") for name in ("cmdline", "stat"))
        if "chat_process.py" in command:
            return int(stat.rpartition(")")[2].split()[1])
    return None


@contextmanager
def transport_to(endpoint: ScriptedEndpoint) -> Iterator[ProcessTransport]:
    transport = ProcessTransport(ChatTerms(Endpoint(endpoint.url), max_in_flight=4, timeout_s=5, time_budget_s=10))
    try:
        yield transport
    finally:
        transport.close()


def test_what_fails_now_and_then_is_tried_again_beyond_the_pipe() -> None:
    def script(request: Json, attempt: int) -> Answer:
        fails = item_of(request) % 5 == 0 and attempt == 0
        return Answer(500, body="{}") if fails else Answer(content=moral_of(request))

    with ScriptedEndpoint(script) as endpoint:
        made = list(made_of(endpoint, 600))
    assert {each.item: each.output for each in made} == {
        item: Moral(text=f"moral of {item}", tone="warm") for item in range(100, 700)
    }
    assert {each.item for each in made if each.attempts == 2} == set(range(100, 700, 5))
    assert not children()


def test_a_wrong_key_is_said_as_in_this_process() -> None:
    with (
        ScriptedEndpoint(lambda *_: Answer(401, body="{}")) as endpoint,
        pytest.raises(EndpointError, match="refuses the API key"),
    ):
        list(made_of(endpoint, 10))
    assert not children()


def test_warnings_come_back_through_the_pipe(caplog: pytest.LogCaptureFixture) -> None:
    def script(request: Json, attempt: int) -> Answer:
        return Answer(503, body="{}") if attempt == 0 else Answer(content=moral_of(request))

    with caplog.at_level(logging.WARNING, logger="resources"), ScriptedEndpoint(script) as endpoint:
        assert len(list(made_of(endpoint, 3))) == 3
    assert [record.getMessage() for record in caplog.records if "answered 503" in record.getMessage()]


def test_a_process_that_is_ended_from_outside_leaves_what_was_answered() -> None:
    def script(request: Json, _attempt: int) -> Answer:
        return Answer(content=moral_of(request), delay_s=0.0 if item_of(request) < 120 else 60)

    made = []
    with ScriptedEndpoint(script) as endpoint, pytest.raises(EndpointError, match="ended from outside"):
        for each in made_of(endpoint, 200, max_in_flight=32):
            made.append(each.item)
            for child in children():
                os.kill(child, signal.SIGKILL)
    assert set(made) <= set(range(100, 120))
    assert made
    assert not children()


def test_nothing_asked_leaves_no_process_and_takes_no_time() -> None:
    with ScriptedEndpoint(moral) as endpoint:
        began = time.monotonic()
        with transport_to(endpoint):
            (child,) = wait_for("the process", children)
        assert time.monotonic() - began < 1
    assert not runs(child)
    assert endpoint.count == 0


def test_it_ends_with_a_process_that_is_killed() -> None:
    program = """
        import sys, time
        from resources.language_model.chat import ChatTerms
        from resources.language_model.chat_process import ProcessTransport
        from resources.language_model.endpoint import Endpoint
        from resources.language_model.transport import Ask
        transport = ProcessTransport(ChatTerms(Endpoint(sys.argv[1]), 4, 60, 60))
        transport.send([Ask(1, b'{"model":"m","messages":[{"role":"user","content":"number 1"}]}', "", "", "", "")])
        print(transport._process.pid, flush=True)
        time.sleep(60)
    """
    with ScriptedEndpoint(lambda *_: Answer(content="{}", delay_s=30)) as endpoint:
        parent = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(program), endpoint.url], stdout=subprocess.PIPE, text=True
        )
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        deadline = time.monotonic() + 20
        while endpoint.count == 0 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert runs(child)
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
        while runs(child) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not runs(child)
