"""gidgethub's client with what it lacks: a cap on bodies, no way for the token to another host, and what an answer's head says.

What belongs here: one exchange with GitHub. It is imported where a client is first used, because gidgethub and aiohttp take their time.
gidgethub's own cache is not used: it keeps every body in this process, and neither tells that an answer is an old one nor lasts until the
next tick.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import aiohttp
import yarl
from gidgethub.aiohttp import GitHubAPI

from resources.rest.errors import Denied

MOST_REDIRECTS = 3
_REDIRECTS = (301, 302, 307, 308)
_CHUNK = 1 << 16


@dataclass(frozen=True)
class Head:
    """Of the last answer; `next` is the address of the page after this one."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    next: str | None


class Wire(GitHubAPI):
    """Used for one request at a time. `head` is that of the last answer, None while none has come."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str, body_limit: int) -> None:
        super().__init__(session, "soloist", base_url=base_url)
        self._limit = body_limit
        self.head: Head | None = None

    async def close(self) -> None:
        await self._session.close()

    async def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Follows a redirect of a GET, such as the one of a renamed repository, but to no other host. Raises Denied."""
        self.head = None
        for _ in range(MOST_REDIRECTS + 1):
            self._require_own_host(url)
            # The address as it is: what GitHub names as the next page is asked for to the letter.
            address = yarl.URL(url, encoded=True)
            async with self._session.request(
                method, address, headers=headers, data=body or None, allow_redirects=False
            ) as response:
                target = response.headers.get("location")
                if method == "GET" and response.status in _REDIRECTS and target:
                    url = urljoin(url, target)
                    continue
                content = await self._content(response)
                link = response.links.get("next")
                self.head = Head(response.status, response.headers, content, str(link["url"]) if link else None)
                return response.status, response.headers, content
        raise Denied("GitHub sends a request round in a circle; check SOLOIST_GITHUB_API_URL.")

    def _require_own_host(self, url: str) -> None:
        if origin(url) != origin(self.base_url):
            raise Denied(
                f"{urlsplit(self.base_url).hostname} sends requests to another host, which is not given the token; set "
                "SOLOIST_GITHUB_API_URL to the address that it sends to."
            )

    async def _content(self, response: aiohttp.ClientResponse) -> bytes:
        content = bytearray()
        async for chunk in response.content.iter_chunked(_CHUNK):
            content += chunk
            if len(content) > self._limit:
                raise Denied(f"GitHub's answer is larger than {self._limit >> 20} MiB, so it is not read.")
        return bytes(content)


def origin(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port. Raises ValueError for what is no address."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
