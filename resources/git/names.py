"""File names and lines as git prints them in patches: without quotes, and as text whatever their bytes."""

from __future__ import annotations

import re

_ESCAPE = re.compile(rb"\\([0-7]{3}|.)")
_ESCAPED = {b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r"}


def unquoted(name: bytes) -> bytes:
    """A file name of a patch header: git quotes what holds control characters or quotes, and marks the end after a
    blank."""
    name = name.removesuffix(b"\t")
    if not name.startswith(b'"'):
        return name
    return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1]) or _octal(found[1]), name[1:-1])


def decoded(raw: bytes) -> str:
    """Bytes that are not UTF-8 stay visible as `\\xff`."""
    return raw.decode(errors="backslashreplace")


def _octal(digits: bytes) -> bytes:
    return bytes([int(digits, 8)]) if len(digits) == 3 else digits
