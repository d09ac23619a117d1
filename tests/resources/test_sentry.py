"""What leaves for Sentry, as a real server receives it."""

from __future__ import annotations

import gzip
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import sentry_sdk
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from resources import sentry
from resources.errors import BadInput

SECRET = "sk-proj-Canary0Secret1Canary2Secret3"
PROMPT = "canary prompt: she rewrote the parser on a train"
PASSWORD = "canary-password-1"


class Sink:
    """A Sentry server that keeps the bytes of every envelope."""

    def __init__(self) -> None:
        received: list[bytes] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                received.append(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None: ...

        self.received = received
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    @property
    def dsn(self) -> str:
        return f"http://publickey@127.0.0.1:{self.server.server_address[1]}/1"

    def text(self) -> str:
        """Everything received since the last call."""
        sentry.flush(5)
        text = b"\n".join(self.received).decode()
        self.received.clear()
        return text


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    sink = Sink()
    sentry.initialise(sink.dsn, "local", "soloist@1", traces=1.0)
    yield sink
    sentry_sdk.get_client().close(timeout=1)
    sentry_sdk.get_global_scope().set_client(None)
    sink.server.shutdown()
    sink.server.server_close()


def crash(message: str, prompt: str = PROMPT) -> None:
    """Raises with planted local variables."""
    held = {"messages": [prompt], "api_key": SECRET}
    raise LookupError(message, len(held))


def report(error: Exception | None = None, message: str = "the shelf is empty") -> None:
    try:
        if error is not None:
            raise error
        crash(message)
    except Exception as caught:
        sentry_sdk.capture_exception(caught)


def test_the_error_itself_arrives(sink: Sink) -> None:
    report()
    text = sink.text()
    assert "LookupError" in text
    assert "the shelf is empty" in text
    assert '"function":"crash"' in text
    assert '"release":"soloist@1"' in text
    assert '"environment":"local"' in text


def test_local_variables_do_not_arrive(sink: Sink) -> None:
    report()
    text = sink.text()
    assert SECRET not in text
    assert PROMPT not in text


def test_a_secret_in_the_message_of_a_chained_error_does_not_arrive(sink: Sink) -> None:
    try:
        try:
            crash(f"denied for Bearer {SECRET}")
        except LookupError as error:
            raise RuntimeError(f"postgres://ada:{SECRET}@db/x failed") from error
    except RuntimeError as error:
        sentry_sdk.capture_exception(error)
    text = sink.text()
    assert "RuntimeError" in text
    assert "LookupError" in text
    assert SECRET not in text


def test_the_values_that_pydantic_complains_of_do_not_arrive(sink: Sink) -> None:
    class Model(BaseModel):
        number: int

    try:
        Model.model_validate({"number": PROMPT})
    except ValueError as error:
        report(error)
    text = sink.text()
    assert "1 validation error for Model" in text
    assert PROMPT not in text


def test_the_duration_and_the_figures_of_traced_work_arrive_and_nothing_else(sink: Sink) -> None:
    with sentry.traced("agent", "resume") as figures:
        held = {"messages": [PROMPT], "api_key": SECRET}
        figures |= {"model": "m@r1", "calls": len(held), "tokens_in": 30}
    text = sink.text()
    (sent,) = [json.loads(line) for line in text.splitlines() if '"transaction"' in line and '"contexts"' in line]
    assert (sent["transaction"], sent["contexts"]["trace"]["op"]) == ("resume", "agent")
    assert sent["tags"] == {"model": "m@r1", "calls": "2", "tokens_in": "30"}
    assert sent["timestamp"] > sent["start_timestamp"]
    assert PROMPT not in text
    assert SECRET not in text


def test_work_that_fails_is_traced_and_raises(sink: Sink) -> None:
    with pytest.raises(LookupError), sentry.traced("agent", "resume"):
        crash("the shelf is empty")
    assert '"op":"agent"' in sink.text()


def test_the_arguments_of_a_logged_error_do_not_arrive(sink: Sink) -> None:
    logging.getLogger("soloist.test").warning("a reply: %s", PROMPT)
    logging.getLogger("soloist.test").error("cannot read %s", PROMPT, extra={"reply": PROMPT, "token": SECRET})
    text = sink.text()
    assert "cannot read %s" in text
    assert PROMPT not in text
    assert SECRET not in text


def test_an_interrupt_is_no_error(sink: Sink) -> None:
    sentry_sdk.capture_exception(KeyboardInterrupt())
    assert sink.text() == ""


def test_objects_arrive_as_their_type_alone(sink: Sink) -> None:
    class Letter:
        def __repr__(self) -> str:
            return PROMPT

    with sentry_sdk.new_scope() as scope:
        scope.set_extra("letter", Letter())
        report()
    text = sink.text()
    assert "<Letter>" in text
    assert PROMPT not in text


def test_a_document_in_a_message_is_cut(sink: Sink) -> None:
    report(ValueError("x" * 100_000))
    assert "x" * 600 not in sink.text()


plain = st.one_of(st.none(), st.booleans(), st.integers(), st.text("abc ", max_size=5))
secret = st.sampled_from(
    [
        SECRET,
        f"Authorization: Bearer {SECRET}",
        f"https://ada:{SECRET}@example.com/x",
        f'{{"api_key": "{SECRET}"}}',
        f"GITHUB_TOKEN={SECRET}",
    ]
)
shapes = st.recursive(
    st.one_of(plain, secret),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(st.sampled_from(["a", "note", "where", SECRET]), inner, max_size=3),
        st.builds(
            lambda key, value: {key: value},
            st.sampled_from(["prompt", "Messages", "TEXT", "reply"]),
            st.one_of(st.just(PROMPT), st.just([PROMPT]), st.just({"x": {"y": PROMPT}})),
        ),
        st.builds(lambda key: {key: PASSWORD}, st.sampled_from(["password", "X-Api-Key", "db_passwd", "Cookie"])),
    ),
    max_leaves=8,
)


@settings(max_examples=40, deadline=None)
@given(shape=shapes, place=st.sampled_from(["extra", "context", "tag", "breadcrumb", "request", "user", "event"]))
def test_planted_secrets_and_prompts_never_arrive(sink: Sink, shape: Any, place: str) -> None:
    with sentry_sdk.new_scope() as scope:
        if place == "extra":
            scope.set_extra("shape", shape)
        elif place == "context":
            scope.set_context("shape", {"shape": shape})
        elif place == "tag":
            scope.set_tag("shape", shape)
        elif place == "breadcrumb":
            scope.add_breadcrumb(message=str(shape) if isinstance(shape, str) else "crumb", data={"shape": shape})
        elif place == "user":
            scope.set_user({"id": "1", "shape": shape})
        else:

            def plant(event: Any, _hint: Any) -> Any:
                key = "request" if place == "request" else "extra"
                event[key] = {
                    "data": shape,
                    "headers": {"shape": shape},
                    "cookies": shape,
                    "url": f"http://x/?token={SECRET}",
                }
                return event

            scope.add_event_processor(plant)
        report()
    text = sink.text()
    assert "the shelf is empty" in text
    assert SECRET not in text
    assert PROMPT not in text
    assert PASSWORD not in text


def test_without_a_dsn_nothing_is_imported() -> None:
    script = (
        "import sys; from resources import sentry; sentry.initialise('', 'local'); sentry.initialise(None, 'local');"
        "sentry.flush(); print('sentry_sdk' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("dsn", ["nonsense", "http://127.0.0.1/1", "ftp://key@host/1", "https://key@host/"])
def test_a_dsn_that_is_none_is_a_sentence(dsn: str) -> None:
    with pytest.raises(BadInput, match="DSN cannot be used"):
        sentry.initialise(dsn, "local")
