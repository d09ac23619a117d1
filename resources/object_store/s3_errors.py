"""What an S3 server, the `minio` client and the connection pool say when something fails, turned into one sentence
each.

No sentence repeats an access key, a secret, a signature or the body of an answer.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError

from resources.object_store.errors import ObjectStoreError, ObjectStoreRefused, ObjectStoreUnreachable, not_found

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

_ABSENT = {"NoSuchKey", "NoSuchObject", "NotFound"}
_WRONG_KEYS = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "InvalidSecurity"}
_BROKEN = {"InternalError", "ServiceUnavailable", "SlowDown", "RequestTimeout"}


class MissingBucket(ObjectStoreRefused):
    """Kept apart, since reading from a bucket that is yet to be created is no error."""


class Sayings:
    """The sentences about one bucket of one server."""

    def __init__(self, endpoint: str, bucket: str) -> None:
        self._endpoint, self._bucket = endpoint, bucket

    @contextmanager
    def sentences(self, doing: str, key: str = "") -> Iterator[None]:
        """Translates what is raised within; `doing` is an infinitive, `key` the object that may be missing."""
        from minio.error import MinioException, S3Error
        from urllib3.exceptions import HTTPError

        try:
            yield
        except S3Error as error:
            raise self._answer(error.code or "no code", error.response.status, doing, key) from None
        except (MinioException, ParseError) as error:
            raise self._foreign_answer(getattr(error, "status_code", getattr(error, "_code", None)), doing) from None
        except (HTTPError, OSError) as error:
            raise self._unreachable(error) from None

    def missing_bucket(self) -> MissingBucket:
        return MissingBucket(
            f"The S3 server at {self._endpoint} has no bucket {self._bucket}; create it or name another."
        )

    def _answer(self, code: str, status: int, doing: str, key: str) -> ObjectStoreError:
        server = f"The S3 server at {self._endpoint}"
        if key and code in _ABSENT:
            return not_found(key)
        if code == "NoSuchBucket":
            return self.missing_bucket()
        if code in _WRONG_KEYS:
            return ObjectStoreRefused(f"{server} does not accept the access key and secret key; check both ({code}).")
        if code == "RequestTimeTooSkewed":
            return ObjectStoreRefused(f"{server} finds the clock of this machine wrong; set it right and try again.")
        if code in _BROKEN or status >= 500:
            return ObjectStoreUnreachable(f"{server} is broken or overloaded (HTTP {status}, {code}); try again later.")
        if status in {401, 403}:
            return ObjectStoreRefused(
                f"{server} does not let these keys {doing} in the bucket {self._bucket} ({code}); "
                "check the keys and their rights."
            )
        return ObjectStoreError(
            f"{server} could not {doing} (HTTP {status}, {code}); check bucket, region and address."
        )

    def _foreign_answer(self, status: object, doing: str) -> ObjectStoreError:
        """For an answer that no S3 server gives: another program listens there, or a proxy stands in front."""
        if isinstance(status, int) and status >= 500:
            return ObjectStoreUnreachable(
                f"The S3 server at {self._endpoint} is broken (HTTP {status}); try again later."
            )
        said = f" (HTTP {status})" if isinstance(status, int) else ""
        return ObjectStoreError(
            f"What listens at {self._endpoint} does not answer like an S3 server when asked to {doing}{said}; "
            "check the address."
        )

    def _unreachable(self, error: Exception) -> ObjectStoreUnreachable:
        reason = getattr(error, "reason", None) or error
        if "SSL" in type(reason).__name__ or isinstance(reason, ssl.SSLError):
            return ObjectStoreUnreachable(
                f"The S3 server at {self._endpoint} offers no TLS that this machine trusts; "
                "check its certificate, or write the address with http:// if it has none."
            )
        return ObjectStoreUnreachable(
            f"The S3 server at {self._endpoint} does not answer; check that it runs and that the address is right."
        )


class SayingSource:
    """The body of an answer, whose failures are sentences too."""

    def __init__(self, sayings: Sayings, response: BaseHTTPResponse, key: str) -> None:
        self._sayings, self._response, self._key = sayings, response, key

    def read(self, size: int) -> bytes:
        with self._sayings.sentences(f"read {self._key}"):
            return self._response.read(size)
