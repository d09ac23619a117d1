"""A small loopback web server that opens documents from links: the index, documents by name, and objects by sha256.

It knows names only through the functions it is given, so that it rests on no table. It answers requests that name a
loopback host alone, since a foreign page could otherwise read documents through a name of its own that resolves to
this machine; and what it serves may run no script, whatever a document was made from.
"""

from __future__ import annotations

import hashlib
import ipaddress
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from types import FrameType
from urllib.parse import unquote_to_bytes, urlsplit

from resources.document_index import DocumentLink, index_page
from resources.errors import BadInput, SoloistError
from resources.object_store import (
    InvalidKey,
    ObjectNotFound,
    ObjectStore,
    ObjectStoreUnreachable,
    check_key,
    object_key,
)
from resources.object_store.interface import check_media_type

__all__ = ["DocumentLink", "DocumentServer", "Listing", "Lookup"]

logger = logging.getLogger(__name__)

SOCKET_TIMEOUT = 30.0
"""Seconds after which a connection that says nothing is closed."""

_SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_IMMUTABLE = "private, max-age=31536000, immutable"
_REVALIDATE = "private, no-cache"

Lookup = Callable[[str], tuple[str, str] | None]
"""The sha256 and media type of the document with this name, such as `status_report/2026-W46.html`, or None."""


Listing = Callable[[], Sequence[DocumentLink]]


@dataclass(frozen=True)
class _Answer:
    """What is sent back. `tag` is the ETag without quotes; "" for what nobody should keep."""

    status: HTTPStatus
    body: bytes
    media_type: str
    tag: str = ""
    cache: str = "no-store"


class DocumentServer:
    """Serves `/` (the index), `/documents/<name>` and `/objects/<sha256>` of a store to this machine.

    `port` 0 takes any free port. A server that is `published` may listen on all addresses, as one in a container has to whose port is
    published on loopback; what names another host is refused all the same. Raises BadInput where `host` is no loopback address otherwise,
    or the port is taken.
    """

    def __init__(
        self,
        store: ObjectStore,
        lookup: Lookup,
        listing: Listing = lambda: (),
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        published: bool = False,
    ) -> None:
        self._store, self._lookup, self._listing = store, lookup, listing
        self._http = _bind(host, port, self._answer, published)

    @property
    def port(self) -> int:
        return int(self._http.server_address[1])

    @property
    def base_url(self) -> str:
        host, port = self._http.server_address[:2]
        name = str(host)
        return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"

    @contextmanager
    def running(self) -> Iterator[str]:
        """Serves from a thread while the context lasts, and gives the base URL."""
        thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), name="documents", daemon=True)
        thread.start()
        try:
            yield self.base_url
        finally:
            self._http.shutdown()
            thread.join()
            self._http.server_close()

    def serve_forever(self) -> None:
        """Serves until SIGTERM or SIGINT (or `stop`), finishing nothing but the current answers."""
        with _stopping_on_signals(self.stop):
            try:
                self._http.serve_forever(0.2)
            finally:
                self._http.server_close()

    def stop(self) -> None:
        """Makes `serve_forever` return; may be called from any thread and from a signal handler."""
        # From a thread of its own: `shutdown` waits for the loop, which a signal handler interrupts.
        threading.Thread(target=self._http.shutdown, daemon=True).start()

    def _answer(self, path: str) -> _Answer:
        """The answer to a GET of this path, which is as raw as it came."""
        try:
            return self._route(path)
        except (_NoSuchPage, ObjectNotFound) as error:
            return _sentence(HTTPStatus.NOT_FOUND, str(error))
        except ObjectStoreUnreachable as error:
            return _sentence(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
        except SoloistError as error:
            logger.warning("%s", error)
            return _sentence(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
        except Exception:
            logger.exception("a document could not be served")
            return _sentence(
                HTTPStatus.INTERNAL_SERVER_ERROR, "The document could not be served; the log of the server says why."
            )

    def _route(self, path: str) -> _Answer:
        match _parts(path):
            case []:
                page = index_page(self._listing()).encode()
                return _Answer(HTTPStatus.OK, page, "text/html", hashlib.sha256(page).hexdigest(), _REVALIDATE)
            case ["documents", *name]:
                return self._document("/".join(name))
            case ["objects", digits]:
                return self._object(digits)
            case ["objects", shelf, rest]:  # the key of the object, as `ObjectStore.url` has it
                return self._object(shelf + rest)
            case _:
                raise _NoSuchPage("There is no such page; the index at / lists every document.")

    def _document(self, name: str) -> _Answer:
        found = self._lookup(name)
        if found is None:
            raise _NoSuchPage(f"There is no document {name}; the index at / lists every document.")
        sha256, media_type = found
        return _Answer(
            HTTPStatus.OK, self._store.get_verified(sha256), check_media_type(media_type), sha256, _REVALIDATE
        )

    def _object(self, sha256: str) -> _Answer:
        try:
            key = object_key(sha256)
        except InvalidKey as error:
            raise _NoSuchPage(str(error)) from None
        stored = self._store.stat(key)
        if stored is None:
            raise _NoSuchPage(f"There is no object {sha256}; it was removed, or another store is configured.")
        return _Answer(HTTPStatus.OK, self._store.get_verified(sha256), stored.media_type, sha256, _IMMUTABLE)


class _NoSuchPage(SoloistError):
    """Answered with 404."""


class _Handler(BaseHTTPRequestHandler):
    """HTTP round `DocumentServer`, whose answers `_bind` puts in."""

    protocol_version = "HTTP/1.1"
    timeout = SOCKET_TIMEOUT
    answer: Callable[[str], _Answer]

    def do_GET(self) -> None:
        if "Content-Length" in self.headers or "Transfer-Encoding" in self.headers:
            self.close_connection = True  # a body that nobody reads must not pass for the next request
        if not _is_loopback_host(self.headers.get_all("Host", [])):
            self._send(
                _sentence(
                    HTTPStatus.MISDIRECTED_REQUEST,
                    "Documents are served to this machine only; open them under http://127.0.0.1 or http://localhost.",
                )
            )
            return
        answer = type(self).answer(self.path)
        if answer.tag and _matches(self.headers.get("If-None-Match", ""), answer.tag):
            answer = _Answer(HTTPStatus.NOT_MODIFIED, b"", answer.media_type, answer.tag, answer.cache)
        self._send(answer)

    do_HEAD = do_GET  # noqa: N815 (the base class looks for these names; `_send` leaves the body out)

    def do_POST(self) -> None:
        self.close_connection = True
        self._send(_sentence(HTTPStatus.METHOD_NOT_ALLOWED, "Documents can only be read; use GET or HEAD."))

    do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_POST  # noqa: N815

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the base class finds wrong with a request; its own pages would be HTML with other headers."""
        self.close_connection = True
        self.request_version = self.protocol_version  # else headers are left out where the version was not understood
        status = HTTPStatus(code)
        self._send(_sentence(status, f"The request cannot be answered ({status.phrase}); ask for / with GET."))

    def version_string(self) -> str:
        return "soloist"

    def log_message(self, format: str, *args: object) -> None:
        logger.debug("%s %s", self.address_string(), ascii(format % args))

    def _send(self, answer: _Answer) -> None:
        self.send_response(answer.status)
        for name, value in self._headers(answer).items():
            self.send_header(name, value)
        try:
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)
        except (ConnectionError, TimeoutError):
            self.close_connection = True  # the reader left; nobody is there to tell

    def _headers(self, answer: _Answer) -> dict[str, str]:
        headers = {**_SECURITY_HEADERS, "Cache-Control": answer.cache}
        if answer.tag:
            headers["ETag"] = f'"{answer.tag}"'
        if answer.status is not HTTPStatus.NOT_MODIFIED:
            is_text = answer.media_type.startswith("text/") and "charset" not in answer.media_type
            headers["Content-Type"] = f"{answer.media_type}; charset=utf-8" if is_text else answer.media_type
            headers["Content-Length"] = str(len(answer.body))
        if answer.status is HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = "GET, HEAD"
        if self.close_connection:
            headers["Connection"] = "close"
        return headers


class _Server(ThreadingHTTPServer):
    """A server that neither asks a name server for its own name nor prints tracebacks."""

    def server_bind(self) -> None:
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def handle_error(self, request: object, client_address: object) -> None:
        logger.debug("a connection broke off", exc_info=True)


class _Server6(_Server):
    address_family = socket.AF_INET6


def _bind(host: str, port: int, answer: Callable[[str], _Answer], published: bool) -> ThreadingHTTPServer:
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        address = None
    if address is None or not (address.is_loopback or (published and address.is_unspecified)):
        raise BadInput(f"Documents are served on loopback only, and {host!r} is not; use 127.0.0.1.")
    handler = type("Handler", (_Handler,), {"answer": staticmethod(answer)})
    server = _Server6 if address.version == 6 else _Server
    try:
        return server((str(address), port), handler)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or "no such port"
        raise BadInput(f"Documents cannot be served on port {port} of {host} ({why}); choose another port.") from None


@contextmanager
def _stopping_on_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Calls `stop` on SIGTERM and SIGINT meanwhile. Outside the main thread, signals are somebody else's."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:
        stop()

    previous = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _parts(path: str) -> list[str]:
    """The parts of a request's path, decoded once. Raises _NoSuchPage for what is no clean path."""
    raw = path.partition("?")[0].partition("#")[0]
    try:
        text = unquote_to_bytes(raw).decode()
        if text == "/":
            return []
        if not text.startswith("/"):
            raise ValueError("not a path")
        # The rules of keys refuse "..", empty parts, backslashes and control characters.
        return check_key(text[1:]).split("/")
    except (ValueError, SoloistError):
        raise _NoSuchPage("There is no such page; the index at / lists every document.") from None


def _is_loopback_host(hosts: list[str]) -> bool:
    """True where exactly one Host header came and it names this machine; its port may be a tunnel's."""
    if len(hosts) != 1:
        return False
    try:
        parts = urlsplit(f"//{hosts[0].strip()}")
        name, _ = parts.hostname or "", parts.port
        if parts.netloc != hosts[0].strip() or "@" in parts.netloc:
            return False
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _matches(if_none_match: str, tag: str) -> bool:
    """True where the reader already holds what the tag names (weak comparison, as RFC 9110 asks here)."""
    held = {part.strip().removeprefix("W/") for part in if_none_match.split(",")}
    return "*" in held or f'"{tag}"' in held


def _sentence(status: HTTPStatus, text: str) -> _Answer:
    return _Answer(status, f"{text}\n".encode(errors="replace"), "text/plain")
