"""`soloist webhooks`, `soloist documents`; and `soloist ui`: Dagster's webserver and daemon in one child process, and beside them the
loopback server of the documents."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from orchestration_assets.dagster_home import make_databases, opened_instance, prepare_home
from orchestration_assets.reports.documents import document_name
from orchestration_assets.reports.model import DOCUMENTS, MEDIA_TYPES, Document
from resources.document_server import DocumentLink, DocumentServer
from resources.errors import BadInput
from resources.settings import ROOT

if TYPE_CHECKING:
    from orchestration_assets.session import Connections


def serve_ui(connections: Connections, host: str, port: int) -> int:
    """Runs until interrupted; returns Dagster's exit status. Both servers stop together.

    Dagster gets an absolute workspace file and starts in this installation's folder, so that no package of the current folder named
    `resources` or `sensors` is taken for ours.
    """
    home = prepare_home(connections.settings)
    if connections.settings.model_backend == "vllm":
        with opened_instance(connections.settings):
            pass  # sees to the limit of the pool
    make_databases(home)
    with connections.warehouse.read():
        pass  # a warehouse that cannot be opened is said here, in one sentence
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(home),
        "SOLOIST_HOME": str(connections.settings.home.absolute()),
        # Dagster recommends another command to whoever starts this one; that is no advice for the person at the terminal.
        "PYTHONWARNINGS": "ignore:Function `dev_command` is superseded",
    }
    command = [
        *(str(Path(sys.executable).parent / "dagster"), "dev", "-w", str(ROOT / "workspace.yaml")),
        *("-h", host, "-p", str(port)),
    ]
    with document_server(connections).running() as address:
        sys.stderr.write(f"Web UI: http://{host}:{port}   documents: {address}   (Ctrl-C stops both)\n")
        child = subprocess.Popen(command, cwd=ROOT, env=environment, preexec_fn=_default_signals)  # noqa: PLW1509
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda received, _: child.send_signal(signal.SIGTERM))
        return max(0, child.wait())


def serve_webhooks(connections: Connections, host: str, port: int | None) -> None:
    """Takes deliveries until interrupted. Raises BadInput where no secret is set, since everything would be refused, and where nobody can
    listen on the port."""
    import uvicorn

    from sensors.webhooks import create_app

    settings = connections.settings
    if settings.github_webhook_secret is None and settings.sentry_webhook_secret is None:
        raise BadInput(
            "Deliveries are verified with a secret, and none is set; set SOLOIST_GITHUB_WEBHOOK_SECRET or SOLOIST_SENTRY_WEBHOOK_SECRET to "
            "the one of the webhook."
        )
    with _listening(host, settings.webhook_port if port is None else port) as listener:
        config = uvicorn.Config(
            create_app(settings, connections.inbox),
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_keep_alive=30,
        )
        address = f"http://{host}:{listener.getsockname()[1]}"
        sys.stderr.write(f"Webhooks: {address}/webhooks/github and /webhooks/sentry   (Ctrl-C stops)\n")
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listener])


def _listening(host: str, port: int) -> socket.socket:
    """A socket that takes connections. Raises BadInput where there can be none."""
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=2048
        )
    except (OSError, OverflowError) as error:
        why = (getattr(error, "strerror", None) or "no such port").partition(" (while")[0]
        raise BadInput(f"Webhooks cannot be taken on port {port} of {host} ({why}); choose another.") from None


def serve_documents(connections: Connections, host: str, port: int | None) -> None:
    """Serves the documents until interrupted. On an address that others reach as well they are sent to browsers of this machine alone: a
    container has to listen so, and publishes its port on loopback."""
    with connections.warehouse.read():
        pass  # a warehouse that cannot be opened is said here, in one sentence
    server = document_server(connections, host, port)
    sys.stderr.write(f"Documents: http://{host}:{server.port}   (Ctrl-C stops)\n")
    server.serve_forever()


def document_server(connections: Connections, host: str = "127.0.0.1", port: int | None = None) -> DocumentServer:
    """Serves every document that the warehouse points at, by name, from whichever object store keeps it."""

    def documents() -> list[Document]:
        with connections.warehouse.read() as session:
            return session.rows(DOCUMENTS, order_by="kind, key DESC, variant, format")

    def lookup(name: str) -> tuple[str, str] | None:
        for document in documents():
            if name in (document_name(document), document.sha256):
                return document.sha256, MEDIA_TYPES[document.format]
        return None

    def listing() -> list[DocumentLink]:
        return [
            DocumentLink(
                kind=document.kind,
                key=f"{document.key} {document.format}",
                href=f"/documents/{quote(document_name(document))}",
                title=document.title,
            )
            for document in documents()
            if document.format in ("html", "pdf")
        ]

    return DocumentServer(
        connections.store,
        lookup,
        listing=listing,
        host=host,
        port=connections.settings.document_port if port is None else port,
        published=host != "127.0.0.1",
    )


def _default_signals() -> None:
    """A shell that starts us in the background makes us ignore SIGINT, and Dagster would inherit that and never stop."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
