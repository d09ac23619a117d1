"""A real server on a loopback port that takes batch files as OpenAI does, and answers them when a test says so."""

from __future__ import annotations

import json
import threading
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from scripted_endpoint import Answer, Script, completion

Json = dict[str, Any]


class BatchEndpoint:
    """`with BatchEndpoint(script) as endpoint:` serves files, batches and models at `endpoint.url`.

    `work()` answers all batches: the script is called with each question and how often that one was answered before. `refuse` is the status
    of every answer, where it is not None. What was uploaded is in `files`, what was made of it in `batches`.
    """

    def __init__(self, script: Script | None = None, *, model: str = "scripted") -> None:
        self._script = script or (lambda _request, _attempt: Answer())
        self._attempts: dict[str, int] = {}
        self.model = model
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, Json] = {}
        self.removed: set[str] = set()
        """The names of files that were to be deleted. They stay in `files`, so that a test can look at them."""
        self.refuse: int | None = None
        self.drop_after_creating = False
        """Hang up once, after a batch was made and before the answer says so."""

    def __enter__(self) -> BatchEndpoint:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    @property
    def questions(self) -> list[Json]:
        """The lines of all files that were sent in a batch, in order."""
        sent = [self.files[batch["input_file_id"]] for batch in self.batches.values()]
        return [json.loads(line) for file in sent for line in file.splitlines()]

    def work(self, status: str = "completed", leave_out: int = 0) -> None:
        """Ends every batch that is in progress, as `completed`, `expired`, `failed` or `cancelled`; `leave_out` of its questions stay
        without an answer."""
        for batch in self.batches.values():
            if batch["status"] != "in_progress":
                continue
            batch["status"] = status
            if status == "failed":
                continue
            lines = [json.loads(line) for line in self.files[batch["input_file_id"]].splitlines()]
            answered = [self._answered(line) for line in lines[: len(lines) - leave_out]]
            for kind, wanted in (("output_file_id", True), ("error_file_id", False)):
                chosen = [line for line in answered if (line["response"]["status_code"] == 200) is wanted]
                if chosen:
                    batch[kind] = self._kept("".join(json.dumps(line) + "\n" for line in chosen).encode())

    def _answered(self, line: Json) -> Json:
        question = line["custom_id"]
        answer = self._script(line["body"], self._attempts.get(question, 0))
        self._attempts[question] = self._attempts.get(question, 0) + 1
        body = completion(line["body"], answer) if answer.status == 200 else answer.body
        return {
            "id": f"line-{question}",
            "custom_id": question,
            "response": {"status_code": answer.status, "body": body},
            "error": None,
        }

    def _kept(self, data: bytes) -> str:
        name = f"file-{len(self.files)}"
        self.files[name] = data
        return name

    def _begun(self, wanted: Json) -> Json:
        name = f"batch-{len(self.batches)}"
        self.batches[name] = {
            "id": name,
            "object": "batch",
            "created_at": 1,
            "status": "in_progress",
            "completion_window": wanted["completion_window"],
            "endpoint": wanted["endpoint"],
            "input_file_id": wanted["input_file_id"],
            "metadata": wanted.get("metadata"),
        }
        return self.batches[name]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                path = self.path.partition("?")[0].removeprefix("/v1/")
                if endpoint.refuse is not None:
                    self._refuse(endpoint.refuse)
                elif path == "models":
                    self._say({"object": "list", "data": [{"id": endpoint.model, "object": "model", "revision": "r1"}]})
                elif path == "batches":
                    self._say({"object": "list", "data": list(endpoint.batches.values()), "has_more": False})
                elif (name := path.removeprefix("batches/")) in endpoint.batches:
                    self._say(endpoint.batches[name])
                elif (name := path.removeprefix("files/").removesuffix("/content")) in endpoint.files:
                    self._send(200, endpoint.files[name])
                else:
                    self._refuse(404)

            def do_DELETE(self) -> None:
                name = self.path.removeprefix("/v1/files/")
                if endpoint.refuse is None and name in endpoint.files:
                    endpoint.removed.add(name)
                    self._say({"id": name, "object": "file", "deleted": True})
                else:
                    self._refuse(404)

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                path = self.path.removeprefix("/v1/")
                if endpoint.refuse is not None:
                    self._refuse(endpoint.refuse)
                elif path == "files":
                    head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
                    parts = BytesParser().parsebytes(head + raw).get_payload()
                    (data,) = [
                        part.get_payload(decode=True)
                        for part in parts
                        if not isinstance(part, str) and part.get_filename() is not None
                    ]
                    assert isinstance(data, bytes)
                    name = endpoint._kept(data)
                    self._say(
                        {
                            "id": name,
                            "object": "file",
                            "bytes": len(data),
                            "created_at": 1,
                            "filename": name,
                            "purpose": "batch",
                            "status": "processed",
                        }
                    )
                elif path == "batches":
                    batch = endpoint._begun(json.loads(raw))
                    if endpoint.drop_after_creating:
                        endpoint.drop_after_creating = False
                        self.close_connection = True
                        self.connection.close()
                        return
                    self._say(batch)
                else:
                    self._refuse(404)

            def _say(self, body: Json) -> None:
                self._send(200, json.dumps(body).encode())

            def _refuse(self, status: int) -> None:
                self._send(status, json.dumps({"error": {"message": "No.", "code": "refused"}}).encode())

            def _send(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        return Handler
