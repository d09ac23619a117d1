"""The document server as a browser meets it: pages, headers, caching, and everything that must be turned away."""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resources.document_server import DocumentLink, DocumentServer
from resources.errors import BadInput, SoloistError
from resources.object_store import FolderStore, object_key

REPORT = "<!doctype html><p>Über uns</p>".encode()
NAME = "status_report/2026-W46.html"


@dataclass
class Site:
    """A running server, and what its two functions answer from."""

    url: str
    store: FolderStore
    documents: dict[str, tuple[str, str]] = field(default_factory=dict)
    links: list[DocumentLink] = field(default_factory=list)
    failure: Exception | None = None

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def lookup(self, name: str) -> tuple[str, str] | None:
        if self.failure is not None:
            raise self.failure
        return self.documents.get(name)

    def add(self, name: str, data: bytes, media_type: str) -> str:
        sha256 = self.store.put_immutable(data, media_type)
        self.documents[name] = (sha256, media_type)
        return sha256

    def ask(self, path: str, method: str = "GET", host: str | None = None, **headers: str) -> Reply:
        """Sends the path as it is, which urllib would not."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.putrequest(method, path, skip_host=True)
        connection.putheader("Host", f"127.0.0.1:{self.port}" if host is None else host)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        response = connection.getresponse()
        reply = Reply(response.status, response.read(), dict(response.getheaders()))
        connection.close()
        return reply


@dataclass
class Reply:
    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def sentence(self) -> str:
        assert self.headers["Content-Type"] == "text/plain; charset=utf-8"
        text = self.body.decode()
        assert text.endswith(".\n") and text.count("\n") == 1 and "Traceback" not in text
        return text.strip()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site("", FolderStore(tmp_path / "objects", durable=False))
    server = DocumentServer(made.store, lambda name: made.lookup(name), lambda: made.links)
    with server.running() as made.url:
        yield made


def test_a_document_opens_from_its_link(site: Site) -> None:
    sha256 = site.add(NAME, REPORT, "text/html")
    with urllib.request.urlopen(f"{site.url}/documents/{NAME}", timeout=10) as response:
        assert response.read() == REPORT
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
        assert response.headers["ETag"] == f'"{sha256}"'
        assert response.headers["Cache-Control"] == "private, no-cache"
    assert site.ask(f"/documents/{NAME}?from=ui#top").body == REPORT


def test_an_object_opens_by_its_hash_and_by_its_key_for_ever(tmp_path: Path, site: Site) -> None:
    sha256 = site.store.put_immutable(b"%PDF", "application/pdf")
    offered = FolderStore(site.store.root, base_url=site.url).url(f"objects/{sha256[:2]}/{sha256[2:]}")
    assert offered is not None
    for address in (f"{site.url}/objects/{sha256}", offered):
        with urllib.request.urlopen(address, timeout=10) as response:
            assert response.read() == b"%PDF"
            assert response.headers["Content-Type"] == "application/pdf"
            assert response.headers["Cache-Control"] == "private, max-age=31536000, immutable"


def test_a_name_with_unicode_and_blanks_opens(site: Site) -> None:
    name = "resume/für jemand 100%.html"
    site.add(name, b"ok", "text/html")
    assert site.ask(f"/documents/{quote(name)}").body == b"ok"


def test_every_answer_forbids_scripts_sniffing_and_referrers(site: Site) -> None:
    site.add(NAME, b"<script>alert(1)</script>", "text/html")
    for path in ("/", f"/documents/{NAME}", "/nowhere", "/documents/absent"):
        headers = site.ask(path).headers
        assert headers["Content-Security-Policy"].startswith(
            "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
        )
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Server"] == "soloist"
        assert "Access-Control-Allow-Origin" not in headers


def test_a_reader_who_holds_the_current_version_is_not_sent_it_again(site: Site) -> None:
    sha256 = site.add(NAME, REPORT, "text/html")
    for held in (f'"{sha256}"', f'W/"{sha256}"', f'"old", "{sha256}"', "*"):
        reply = site.ask(f"/documents/{NAME}", If_None_Match=held)
        assert (reply.status, reply.body, reply.headers["ETag"]) == (304, b"", f'"{sha256}"')
    site.add(NAME, b"changed", "text/html")
    assert site.ask(f"/documents/{NAME}", If_None_Match=f'"{sha256}"').body == b"changed"
    index = site.ask("/").headers["ETag"]
    assert site.ask("/", If_None_Match=index).status == 304
    site.links.append(DocumentLink("standup", "2026-11-20", "/documents/standup/2026-11-20.html", "Friday"))
    assert site.ask("/", If_None_Match=index).status == 200


def test_head_answers_like_get_without_the_body(site: Site) -> None:
    site.add(NAME, REPORT, "text/html")
    for path in ("/", f"/documents/{NAME}", "/nowhere"):
        get, head = site.ask(path), site.ask(path, "HEAD")
        assert head.body == b""
        for reply in (get, head):
            reply.headers.pop("Date")
        assert (head.status, head.headers) == (get.status, get.headers)


def test_several_requests_go_over_one_connection(site: Site) -> None:
    site.add(NAME, REPORT, "text/html")
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=10)
    for path, status in ((f"/documents/{NAME}", 200), ("/absent", 404), (f"/documents/{NAME}", 200)):
        connection.request("GET", path)
        response = connection.getresponse()
        assert (response.status, bool(response.read())) == (status, True)
    connection.close()


def test_what_does_not_exist_is_404_in_one_sentence(site: Site) -> None:
    sha256 = site.add(NAME, REPORT, "text/html")
    paths = [
        "/x",
        "/documents",
        "/documents/",
        "/documents/status_report",
        f"/objects/{'0' * 64}",
        "/objects/",
        "/objects",
    ]
    paths += [f"/objects/{sha256[:2]}", f"/objects/{sha256[:2]}/", f"/objects/{sha256.upper()}", f"/{NAME}", "*"]
    for path in paths:
        reply = site.ask(path)
        assert reply.status == 404, path
        assert reply.sentence


def test_no_trick_with_a_path_leaves_the_documents(site: Site, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"sesame")
    site.store.put("outside-the-objects", b"sesame", "text/plain")
    asked: list[str] = []
    site.documents = _Recording(asked)
    tricks = [
        *[
            "/documents/../../secret",
            "/documents/%2e%2e/%2e%2e/secret",
            "/documents/..%2f..%2fsecret",
            "/..%5c..%5csecret",
        ],
        *["/documents//etc/passwd", "/documents/%2fabsolute", "/documents/.", "/documents/a%5cb", "http://evil.test/"],
        *["/documents/%00", "/documents/%ff", "/documents/%zz", "/documents/a%0d%0aSet-Cookie:%20a=b"],
        *["/outside-the-objects", "/objects/outside-the-objects", "/objects/../outside-the-objects", "/.soloist/about"],
        "/documents/" + "a/" * 2000 + "b",
    ]
    for trick in tricks:
        reply = site.ask(trick)
        assert reply.status in {400, 404}, trick
        assert b"sesame" not in reply.body
        assert "Set-Cookie" not in reply.headers
    assert all(".." not in name and not name.startswith("/") and "\0" not in name for name in asked)


class _Recording(dict[str, tuple[str, str]]):
    """No documents, but a memory of which were asked for."""

    def __init__(self, asked: list[str]) -> None:
        super().__init__()
        self._asked = asked

    def get(self, key: str, default: object = None) -> None:  # type: ignore[override]
        self._asked.append(key)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40))
def test_any_path_gets_an_answer(site: Site, path: str) -> None:
    reply = site.ask("/" + path)
    assert reply.status in {200, 400, 404}
    assert reply.status == 200 or reply.sentence


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:3001", "127.0.0.1", "127.0.0.1:80", "127.8.8.8", "[::1]:9"])
def test_a_loopback_host_is_answered(site: Site, host: str) -> None:
    assert site.ask("/", host=host).status == 200


@pytest.mark.parametrize(
    "host",
    [
        *[
            "evil.test",
            "evil.test:3001",
            "localhost.evil.test",
            "127.0.0.1.evil.test",
            "evil.test@localhost",
            "2130706433",
        ],
        *[
            "localhost@evil.test",
            "localhost evil.test",
            "localhost/",
            "localhost#",
            "localhost:port",
            "0.0.0.0",
            "[::]",
            "",
        ],
    ],
)
def test_any_other_host_is_turned_away(site: Site, host: str) -> None:
    site.add(NAME, REPORT, "text/html")
    for path in ("/", f"/documents/{NAME}"):
        reply = site.ask(path, host=host)
        assert reply.status == 421
        assert "this machine only" in reply.sentence


def test_no_host_and_two_hosts_are_turned_away(site: Site) -> None:
    two = "Host: localhost\r\nHost: evil.test\r\n"
    for request in ("GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", f"GET / HTTP/1.1\r\n{two}\r\n"):
        assert _raw(site, request.encode()).startswith(b"HTTP/1.1 421 ")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_can_be_written(site: Site, method: str) -> None:
    reply = site.ask("/", method)
    assert (reply.status, reply.headers["Allow"], reply.headers["Connection"]) == (405, "GET, HEAD", "close")
    assert reply.sentence


def test_rubbish_is_answered_in_one_sentence_with_the_same_headers(site: Site) -> None:
    host = f"Host: 127.0.0.1:{site.port}\r\n"
    for request, status in (
        (f"BREW / HTTP/1.1\r\n{host}\r\n", 501),
        (f"GET / HTTP/9.9\r\n{host}\r\n", 505),
        (f"GET / x / HTTP/1.1\r\n{host}\r\n", 400),
        (f"GET /{'a' * 70_000} HTTP/1.1\r\n{host}\r\n", 414),
        (f"GET / HTTP/1.1\r\n{host}X: {'a' * 70_000}\r\n\r\n", 431),
    ):
        answer = _raw(site, request.encode())
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 %d " % status)
        assert b"default-src 'none'" in head
        assert body.decode().count("\n") == 1 and body.endswith(b".\n")


def test_a_body_does_not_pass_for_the_next_request(site: Site) -> None:
    hidden = "GET /documents/hidden HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for announcement in (f"Content-Length: {len(hidden)}\r\n", "Transfer-Encoding: chunked\r\n"):
        answer = _raw(site, f"GET / HTTP/1.1\r\nHost: localhost\r\n{announcement}\r\n{hidden}".encode())
        assert answer.count(b"HTTP/1.1 ") == 1


def test_a_damaged_object_is_500_in_one_sentence_and_never_served(site: Site) -> None:
    sha256 = site.add(NAME, REPORT, "text/html")
    path = site.store.root / "objects" / sha256[:2] / sha256[2:]
    path.write_bytes(REPORT.replace(b"uns", b"xns"))
    for method in ("GET", "HEAD"):
        for address in (f"/documents/{NAME}", f"/objects/{sha256}"):
            assert site.ask(address, method).status == 500
    assert "is damaged" in site.ask(f"/documents/{NAME}").sentence


def test_bytes_under_a_foreign_hash_are_never_served(site: Site) -> None:
    claimed = hashlib.sha256(REPORT).hexdigest()
    site.store.put(object_key(claimed), b"forged", "text/html")  # with a record that fits the forgery
    site.documents[NAME] = (claimed, "text/html")
    for address in (f"/documents/{NAME}", f"/objects/{claimed}"):
        assert "is damaged" in site.ask(address).sentence


def test_a_document_whose_object_is_gone_is_404(site: Site) -> None:
    site.documents[NAME] = ("0" * 64, "text/html")
    reply = site.ask(f"/documents/{NAME}")
    assert reply.status == 404
    assert "holds no object" in reply.sentence


def test_what_fails_behind_the_server_is_one_sentence(site: Site) -> None:
    site.failure = SoloistError("The warehouse is locked; try again.")
    assert (site.ask("/documents/a").status, site.ask("/documents/a").sentence) == (500, str(site.failure))
    site.failure = ZeroDivisionError("sesame")
    reply = site.ask("/documents/a")
    assert reply.status == 500
    assert "sesame" not in reply.sentence
    site.failure = None
    site.documents["a"] = (site.store.put_immutable(b"x", "text/plain"), "text/html\r\nSet-Cookie: a=b")
    reply = site.ask("/documents/a")
    assert (reply.status, "Set-Cookie" in reply.headers) == (500, False)


class _Links(HTMLParser):
    """What a browser sees of the index."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.hrefs: list[str] = []
        self.texts: list[str] = []
        self.tags: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.hrefs += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.texts += [data.strip()] if data.strip() and self.lasttag != "style" else []


def test_the_index_lists_documents_grouped_by_kind(site: Site) -> None:
    site.links += [
        DocumentLink("standup", "2026-11-20", "/documents/standup/2026-11-20.html", "Standup of Friday"),
        DocumentLink("status_report", "2026-W46", f"/documents/{NAME}", "Week 46"),
        DocumentLink("standup", "2026-11-19", "/documents/standup/2026-11-19.html", ""),
    ]
    page = _Links(site.ask("/").body.decode())
    assert page.texts == [
        *["Documents", "Documents", "Standup", "Standup of Friday", "2026-11-20", "2026-11-19", "2026-11-19"],
        *["Status report", "Week 46", "2026-W46"],
    ]
    assert page.hrefs == [site.links[place].href for place in (0, 2, 1)]


def test_an_empty_index_says_what_to_do(site: Site) -> None:
    assert "soloist run" in site.ask("/").body.decode()


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"])), min_size=3, max_size=3),
    href=st.text()
    | st.sampled_from(
        ["javascript:alert(1)", " JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x", "\tjavascript:x"]
    ),
)
def test_nothing_hostile_gets_into_the_index(site: Site, texts: list[str], href: str) -> None:
    site.links[:] = [
        DocumentLink(f"<script>{texts[0]}", f"\"'><img src=x>{texts[1]}", href, f"</ul><script>{texts[2]}")
    ]
    page = _Links(site.ask("/").body.decode(errors="replace"))
    assert page.tags <= {
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "h1",
        "section",
        "h2",
        "ul",
        "li",
        "span",
        "a",
    }
    schemes = {
        found[1] for address in page.hrefs if (found := re.match(r"[\s\0-\x20]*([a-z][a-z0-9+.-]*):", address, re.I))
    }
    assert {scheme.lower() for scheme in schemes} <= {"http", "https"}


def test_only_loopback_addresses_and_free_ports_are_bound(site: Site) -> None:
    for host in ("0.0.0.0", "::", "192.168.0.1", "example.test", ""):
        with pytest.raises(BadInput, match=r"^Documents are served on loopback only, .*\.$"):
            DocumentServer(site.store, site.lookup, host=host)
    for port in (site.port, 70_000):
        with pytest.raises(
            BadInput, match=rf"^Documents cannot be served on port {port} of 127.0.0.1 .*; choose another port\.$"
        ):
            DocumentServer(site.store, site.lookup, port=port)


def test_many_readers_are_served_at_once(site: Site) -> None:
    site.add(NAME, os.urandom(1 << 20), "application/octet-stream")
    with socket.create_connection(("127.0.0.1", site.port)), ThreadPoolExecutor(8) as pool:  # one says nothing at all
        bodies = set(pool.map(lambda _: hashlib.sha256(site.ask(f"/documents/{NAME}").body).hexdigest(), range(32)))
    assert bodies == {site.documents[NAME][0]}


def test_a_reader_who_leaves_disturbs_nobody(site: Site, capfd: pytest.CaptureFixture[str]) -> None:
    site.add(NAME, bytes(8 << 20), "application/octet-stream")
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", site.port)) as leaving:
            leaving.sendall(f"GET /documents/{NAME} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            leaving.recv(10)
    assert site.ask("/").status == 200
    assert "Traceback" not in capfd.readouterr().err


def test_the_port_is_free_again_after_running(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    with DocumentServer(store, lambda _: None).running() as url:
        port = int(url.rpartition(":")[2])
    before = threading.active_count()
    for _ in range(3):
        with DocumentServer(store, lambda _: None, port=port).running() as url:
            assert urllib.request.urlopen(url, timeout=5).status == 200
    given_up = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < given_up:
        time.sleep(0.01)
    assert threading.active_count() <= before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_server_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    code = """
import signal, sys
from pathlib import Path
from resources.document_server import DocumentServer
from resources.object_store import FolderStore, object_key
signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell does for what it starts in the background
server = DocumentServer(FolderStore(Path(sys.argv[1])), lambda name: None)
print(server.base_url, flush=True)
server.serve_forever()
print("stopped", signal.getsignal(signal.SIGINT) == signal.SIG_IGN)
"""
    arguments = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert urllib.request.urlopen(url, timeout=5).status == 200
        started = time.monotonic()
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
    assert time.monotonic() - started < 2
    assert (process.returncode, out, err) == (0, "stopped True\n", "")


def _raw(site: Site, request: bytes) -> bytes:
    """Sends bytes as they are and reads until the server closes, or for as long as it says something."""
    with socket.create_connection(("127.0.0.1", site.port), timeout=10) as connection:
        connection.sendall(request)
        connection.settimeout(0.5)
        answer = b""
        try:
            while chunk := connection.recv(65536):
                answer += chunk
        except (TimeoutError, ConnectionResetError):
            pass
        return answer
