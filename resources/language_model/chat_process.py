"""The bulk transport in a process of its own: what many requests cost is then paid beside this process, on another core.

What belongs here: both ends of the pipe. The program at its far end is this file, run as a script: it does what it is told until the pipe
closes, so it never outlives the process that started it. Through the pipe go the terms, then asks; and back come lists of outcomes, the
texts of warnings, and at last an error.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from multiprocessing import Pipe
from multiprocessing.connection import Connection

from resources.language_model.chat import ChatTerms, ChatTransport
from resources.language_model.endpoint import EndpointError
from resources.language_model.transport import Ask, Outcome
from resources.processes import collect_seldom

_log = logging.getLogger(__name__)


class ProcessTransport:
    """A `ChatTransport` at the far end of a pipe. The process takes some 0.4 s to start, so it begins at once."""

    def __init__(self, terms: ChatTerms) -> None:
        self._terms: ChatTerms | None = terms
        self._pipe, far_end = Pipe()
        with far_end:
            self._process = subprocess.Popen(
                [sys.executable, "-P", __file__, str(far_end.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[far_end.fileno()],
            )

    def send(self, asks: Sequence[Ask]) -> None:
        if self._terms:
            extra = self._terms.extra()
            self._tell(replace(self._terms, extra=partial(bytes, extra)))
            self._terms = None
        self._tell([(ask.ticket, ask.body) for ask in asks])

    def receive(self, timeout_s: float | None = None) -> Sequence[Outcome]:
        try:
            if not self._pipe.poll(timeout_s):
                return ()
            said = self._pipe.recv()
        except (EOFError, OSError):
            raise _ended() from None
        if isinstance(said, str):
            _log.warning("%s", said)
            return ()
        if isinstance(said, Exception):
            raise said
        outcomes: Sequence[Outcome] = said
        return outcomes

    def close(self) -> None:
        self._pipe.close()
        self._process.kill()  # what was answered is here, and what was not is dropped
        self._process.wait()

    def _tell(self, message: ChatTerms | Sequence[tuple[int, bytes]]) -> None:
        try:
            self._pipe.send(message)
        except OSError:
            raise _ended() from None


def _ended() -> EndpointError:
    return EndpointError(
        "The process that talks to the language model was ended from outside. What was answered is kept; see whether the machine has "
        "enough memory, and run again."
    )


class _WarningsToPipe(logging.Handler):
    def __init__(self, outgoing: queue.SimpleQueue[object]) -> None:
        super().__init__(logging.WARNING)
        self._outgoing = outgoing

    def emit(self, record: logging.LogRecord) -> None:
        self._outgoing.put(record.getMessage())


def serve(pipe: Connection) -> None:
    """The far end: asks that come in are sent, outcomes go back as they come, until the pipe closes."""
    import aiohttp  # noqa: F401 - while nobody waits

    terms: ChatTerms = pipe.recv()
    transport = ChatTransport(terms)
    outgoing: queue.SimpleQueue[object] = queue.SimpleQueue()
    logging.getLogger("resources").addHandler(_WarningsToPipe(outgoing))

    def listen() -> None:
        try:
            while True:
                transport.send([Ask(ticket, body, "", "", "", "") for ticket, body in pipe.recv()])
        except (EOFError, OSError):
            os._exit(0)

    def speak() -> None:
        try:
            while True:
                pipe.send(outgoing.get())
        except OSError:
            os._exit(0)

    for work in (listen, speak):
        threading.Thread(target=work, daemon=True).start()
    try:
        while True:
            outgoing.put(transport.receive())
    except Exception as error:  # whatever it is, the near end raises it
        outgoing.put(error if isinstance(error, EndpointError) else RuntimeError(str(error)))
    threading.Event().wait()


if __name__ == "__main__":
    # Whoever presses Ctrl-C means the process at the near end, whose end closes the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    collect_seldom()
    serve(Connection(int(sys.argv[1])))
