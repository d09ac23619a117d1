"""The identity of a remote URL: one text for all the ways to write the same address, and never a credential in it.

What belongs here: pure functions from a URL to the id and the name of a repository.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://(.*)", re.DOTALL)
_SCP_LIKE = re.compile(r"(?:(?P<user>[^/]*)@)?(?P<host>\[[^\]]*\]|[^/:@]+):(?P<path>.*)", re.DOTALL)
_HELPER = re.compile(r"^[A-Za-z][A-Za-z0-9+.\-]*::(?=.*://)", re.DOTALL)
"""Such as `persistent-https::https://...`."""
_PORT = re.compile(r":\d*$")

_SSH_ALIASES = {
    "ssh.github.com": "github.com",
    "altssh.gitlab.com": "gitlab.com",
    "altssh.bitbucket.org": "bitbucket.org",
}
"""Hosts that forges offer for ssh through port 443; they name the same repositories."""


def local_path(url: str) -> str | None:
    """The path that a URL means on this machine, or None where it names another host."""
    if url.lower().startswith("file://"):
        rest = url[len("file://") :]
        return unquote(rest if rest.startswith("/") else rest[rest.find("/") :]) if "/" in rest else None
    if _SCHEME.fullmatch(url) or not url:
        return None
    scp_like = _SCP_LIKE.fullmatch(url)
    return None if scp_like and not url.startswith(("/", "./", "../")) else url


def normalised_url(url: str) -> str | None:
    """`host/owner/name` of a remote URL, or None where it holds no host or no path.

    Scheme, user, password, port, query, a `.git` ending, slashes at the ends and the case of the host make no
    difference.
    """
    url = url.strip()
    url = _HELPER.sub("", url)
    with_scheme = _SCHEME.fullmatch(url)
    if with_scheme:
        host, path = _split_authority(with_scheme[2])
    else:
        scp_like = _SCP_LIKE.fullmatch(url)
        if not scp_like:
            return None
        host, path = scp_like["host"], scp_like["path"]
    host = host.lower().strip("[]").rstrip(".")
    host = _SSH_ALIASES.get(host, host)
    path = _clean_path(path)
    return f"{host}/{path}" if host and path else None


def _split_authority(rest: str) -> tuple[str, str]:
    """Host and path of what follows `scheme://`. Where a password holds a `/`, the host is what follows the last
    `@`."""
    authority, _, path = rest.partition("/")
    host = _PORT.sub("", authority.rpartition("@")[2])
    if ":" in host and not host.startswith("[") and "@" in path:
        authority, _, path = rest.rpartition("@")[2].partition("/")
        host = _PORT.sub("", authority)
    return host, path


def _clean_path(path: str) -> str:
    path = re.split(r"[?#]", path, maxsplit=1)[0]
    parts = [part for part in unquote(path).split("/") if part not in {"", "."}]
    path = "/".join(parts)
    while path.endswith(".git"):
        path = path[: -len(".git")].rstrip("/")
    return path


def name_of(identity: str) -> str:
    """`owner/name` of a normalised URL: its last two parts."""
    return "/".join(identity.split("/")[1:][-2:])
