"""Picks an object store from plain settings values."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from resources.errors import BadInput
from resources.object_store.folder import FolderStore
from resources.object_store.interface import ObjectStore
from resources.object_store.s3 import S3Store

AWS_ENDPOINT = "s3.amazonaws.com"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


def open_store(
    url_or_path: str | Path,
    *,
    bucket: str | None = None,
    access_key: str | None = None,
    secret_key: str | None = None,
    region: str | None = None,
    secure: bool | None = None,
    base_url: str | None = None,
) -> ObjectStore:
    """The store that the settings name; nothing is connected or created yet.

    - A path, or `file:///path`: a folder. `base_url` is where a web server offers it, if one does.
    - `http://host:port` or `https://host`, with `/bucket/prefix` or the bucket apart; `s3://bucket/prefix` for
      Amazon; or `host:port` with the bucket apart: an S3-compatible server. Without a scheme, TLS is used except on
      loopback; `secure` overrides that.

    Raises BadInput for what is none of these.
    """
    text = str(url_or_path)
    match = _SCHEME.match(text)
    scheme = match[1].lower() if match else ""
    if not scheme and (bucket is None or isinstance(url_or_path, Path)):
        return FolderStore(Path(text).expanduser(), base_url=base_url)
    if scheme == "file":
        return FolderStore(Path(unquote(urlsplit(text).path)), base_url=base_url)
    if scheme not in {"", "http", "https", "s3"}:
        raise BadInput(
            f"No object store speaks {scheme}://; give a folder, or an address such as http://127.0.0.1:9000."
        )
    host, path = _split(text if scheme else f"//{text}")
    if scheme == "s3":
        host, path = AWS_ENDPOINT, f"{host}/{path}"
    found, prefix = (bucket, path) if bucket else (path.partition("/")[0], path.partition("/")[2])
    if not found:
        raise BadInput(f"The object store at {host} needs the name of a bucket; write it as http://{host}/bucket.")
    tls = secure if secure is not None else scheme != "http" and (bool(scheme) or not _is_loopback(host))
    return S3Store(
        host,
        found,
        access_key=access_key or "",
        secret_key=secret_key or "",
        region=region or "",
        secure=tls,
        prefix=prefix,
    )


def _split(url: str) -> tuple[str, str]:
    """Host (with port), and path without slashes at its ends. The errors never repeat what might hold a secret."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 (raises for a port that is none)
    except ValueError:
        raise BadInput("The address of the object store is none; write it as http://127.0.0.1:9000.") from None
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise BadInput(
            "The address of the object store must hold no keys and no query; give the keys in settings of their own."
        )
    if not parts.hostname:
        raise BadInput("The address of the object store names no host; write it as http://127.0.0.1:9000.")
    return parts.netloc, unquote(parts.path).strip("/")


def _is_loopback(host: str) -> bool:
    name = urlsplit(f"//{host}").hostname or ""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
