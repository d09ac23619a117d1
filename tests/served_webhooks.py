"""The webhook app at work on a loopback port, in a thread of this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from resources.inbox import Inbox
from resources.settings import Settings
from sensors.webhooks import create_app


@contextmanager
def serving_webhooks(settings: Settings, inbox: Inbox) -> Iterator[str]:
    """Its address, once it answers."""
    server = uvicorn.Server(
        uvicorn.Config(create_app(settings, inbox), host="127.0.0.1", port=0, log_level="error", access_log=False)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)
