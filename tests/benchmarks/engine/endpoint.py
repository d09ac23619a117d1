"""A model server that costs next to nothing: it reads a chat completion by hand and answers with the same bytes after a set time.

    python endpoint.py PORT LATENCY_MS [SHARE_EDITED]

Prints its port when it listens. `GET /count` tells how many completions were asked for since the last `GET /reset`.
"""

from __future__ import annotations

import asyncio
import sys

CONTENT = '{\\"summary\\": \\"Read the ledger in groups and close it when reading fails\\", \\"kind\\": \\"fix\\", \\"quote\\": \\"the ledger\\"}'
BODY = (
    '{"id":"c","object":"chat.completion","created":1,"model":"bench","choices":[{"index":0,"message":{"role":"assistant","content":"'
    + CONTENT
    + '"},"finish_reason":"stop"}],"usage":{"prompt_tokens":900,"completion_tokens":30,"total_tokens":930,"prompt_tokens_details":{"cached_tokens":592}}}'
).encode()


def answer(body: bytes, kind: bytes = b"application/json") -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s" % (kind, len(body), body)


COMPLETION = answer(BODY)
MODELS = answer(b'{"object":"list","data":[{"id":"bench","object":"model","revision":"r1"}]}')


class Connection(asyncio.Protocol):
    """One keep-alive connection; requests come one after another."""

    count = 0
    latency_s = 0.0

    def __init__(self) -> None:
        self.buffer = b""
        self.missing = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while True:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self.buffer[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self.buffer) < end + 4 + length:
                return
            self.buffer = self.buffer[end + 4 + length :]
            self.serve(head)

    def serve(self, head: bytes) -> None:
        if head.startswith(b"post"):
            Connection.count += 1
            if self.latency_s:
                asyncio.get_running_loop().call_later(self.latency_s, self.transport.write, COMPLETION)
            else:
                self.transport.write(COMPLETION)
        elif head.startswith(b"get /count"):
            self.transport.write(answer(b"%d" % Connection.count))
        elif head.startswith(b"get /reset"):
            Connection.count = 0
            self.transport.write(answer(b"0"))
        else:
            self.transport.write(MODELS)


async def main(port: int, latency_ms: float) -> None:
    Connection.latency_s = latency_ms / 1000
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", port, backlog=2048)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
