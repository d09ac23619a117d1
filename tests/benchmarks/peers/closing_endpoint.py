"""The model server of the engine's benchmark, which here also closes a connection when a client asks it to.

    python closing_endpoint.py PORT LATENCY_MS

Datatrove sends `Connection: close` and reads up to the end of the stream, so it would wait for ever for a server that stays connected.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))
import endpoint


class ClosingConnection(endpoint.Connection):
    def serve(self, head: bytes) -> None:
        if not (head.startswith(b"post") and b"\r\nconnection: close" in head):
            super().serve(head)
            return
        endpoint.Connection.count += 1
        asyncio.get_running_loop().call_later(self.latency_s, self.answer_and_close)

    def answer_and_close(self) -> None:
        self.transport.write(endpoint.COMPLETION)
        self.transport.close()


if __name__ == "__main__":
    endpoint.Connection = ClosingConnection  # type: ignore[misc]
    asyncio.run(endpoint.main(int(sys.argv[1]), float(sys.argv[2])))
