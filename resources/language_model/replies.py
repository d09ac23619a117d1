"""What goes over the wire and what is kept of it: the final bytes of a request, their hash, and the cache of replies.

What belongs here: everything that decides whether two questions are the same question. The bytes that are hashed are
the bytes that are sent, so the cache cannot answer another question than the one that would have been asked; what says
only when and for whom an answer is wanted (priority, user) is added when they are sent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

import orjson

from resources.language_model.records import Reply

if TYPE_CHECKING:
    from resources.language_model.agent import Message, Request

MOST_FRAMES = 128


class ReplyCache(Protocol):
    """Where replies are kept between runs. Both methods are called in the thread that consumes the runner's output.

    `put_many` is called before the outputs that rest on its replies are handed over as a group, so that an
    implementation may hold the replies back and commit them in one transaction with the group's rows.
    """

    def get_many(self, hashes: Sequence[str]) -> Mapping[str, Reply]:
        """The kept replies of these request hashes; what is not kept is missing."""
        ...

    def put_many(self, replies: Sequence[Reply]) -> None: ...


class Question(NamedTuple):
    """A chat completion to ask for: its JSON body, and the sha256 (hex) of the body and of who serves the model."""

    body: bytes
    hash: str


class Questions:
    """Turns requests to one model into questions. Equal requests give equal bytes, with the keys in a fixed order.

    `served_by` is the model's revision, or the endpoint where none is known. What the requests of an agent share (all but
    their last message) is serialised and hashed once.
    """

    def __init__(self, model: str, served_by: str) -> None:
        self._model = model
        self._served_by = served_by
        self._frames: dict[tuple[object, ...], tuple[bytes, bytes, hashlib._Hash]] = {}

    def of(self, request: Request) -> Question:
        """Raises TypeError where a message holds what JSON cannot carry, such as a lone surrogate."""
        *shared, last = request.messages
        key = (*shared, last.role, request.output, request.max_tokens, request.temperature)
        frame = self._frames.get(key)
        if frame is None:
            frame = self._frame(request, shared, last)
            if len(self._frames) >= MOST_FRAMES:
                self._frames.clear()
            self._frames[key] = frame
        head, tail, digest = frame
        content = orjson.dumps(last.content)
        digest = digest.copy()
        digest.update(content)
        digest.update(tail)
        return Question(b"%b%b%b" % (head, content, tail), digest.hexdigest())

    def _frame(self, request: Request, shared: Sequence[Message], last: Message) -> tuple[bytes, bytes, hashlib._Hash]:
        messages = b"".join(orjson.dumps({"role": each.role, "content": each.content}) + b"," for each in shared)
        head = b'{"model":%b,"messages":[%b{"role":%b,"content":' % (
            orjson.dumps(self._model),
            messages,
            orjson.dumps(last.role),
        )
        rest = orjson.dumps(
            {
                "temperature": request.temperature,
                "max_tokens": request.max_tokens,
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {
                        "name": request.output.name,
                        "strict": True,
                        "schema": orjson.Fragment(request.output.json),
                    },
                },
            }
        )
        tail = b"}]," + rest[1:]
        return head, tail, hashlib.sha256(self._served_by.encode() + b"\n" + head)
