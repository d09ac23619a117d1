"""The text that `repr` writes, up to where Python can parse it: what stands in angle brackets becomes a name, and is told apart.

What belongs here: lexical work on hostile text. Nothing is evaluated.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import Literal

LONGEST = 64 * 1024
HIDDEN = ("[Filtered]", "[hidden]")
"""What stands where Sentry's SDK, Sentry or this platform took a secret out."""

_ENUM = re.compile(r"(?P<owner>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\.(?P<member>[A-Za-z_]\w*(?:\|[A-Za-z_]\w*)*): ")
_ENUM_ALONE = re.compile(r"(?P<owner>[A-Z]\w*)\.(?P<member>[A-Za-z_]\w*(?:\|[A-Za-z_]\w*)*)")
_FUNCTION = re.compile(r"function (?P<name>[A-Za-z_][\w.]*) at 0x")
_BUILT_IN = re.compile(r"built-in function (?P<name>[A-Za-z_]\w*)")
_CLASS = re.compile(r"(?:class|enum|flag) '(?P<name>[A-Za-z_][\w.]*)'")
_MODULE = re.compile(r"module '(?P<name>[A-Za-z_][\w.]*)'")
_OBJECT = re.compile(r"(?P<name>[A-Za-z_][\w.]*) object(?: at 0x[0-9a-fA-F]+)?")
_BOUND = re.compile(r"bound method (?P<name>[A-Za-z_][\w.]*) of ")
_STRING = re.compile(r"""(?:[bB][rR]?|[rR][bB]?)?(?P<quote>['"])(?:\\.|(?!(?P=quote))[^\\])*+(?P=quote)""", re.DOTALL)
"""Each character is consumed in one way only, and for good: a text without an end costs linear time."""


class Unrebuildable(Exception):
    """No Python expression makes this value; the text says why."""


@dataclass(frozen=True)
class Special:
    """What stood in angle brackets. `name` is dotted; `member` is that of an enum."""

    kind: Literal["enum", "function", "built-in", "class", "module", "object", "opaque"]
    name: str
    member: str = ""


def parsed(text: str) -> tuple[ast.expr, dict[str, Special]]:
    """The expression, with a name for each thing in angle brackets. Raises Unrebuildable."""
    if len(text) > LONGEST:
        raise Unrebuildable("it is too long")
    if any(each in text for each in HIDDEN):
        raise Unrebuildable("it was filtered as a secret")
    specials: dict[str, Special] = {}
    parts, at = [], 0
    while at < len(text):
        if string := _STRING.match(text, at):
            parts.append(string[0])
            at = string.end()
        elif text[at] == "<":
            end = _closing(text, at)
            name = f"special_{len(specials)}"
            while name in text:
                name += "_"
            specials[name] = _understood(text[at + 1 : end])
            parts.append(name)
            at = end + 1
        else:
            parts.append(text[at])
            at += 1
    try:
        tree = ast.parse("".join(parts).strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise Unrebuildable("its text is no Python, or was cut off") from None
    return tree.body, specials


def dotted(node: ast.expr) -> str:
    """`a.b.c` of that expression; "" of another."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def _closing(text: str, at: int) -> int:
    """Where the bracket that opens at `at` closes. Raises Unrebuildable."""
    depth = 0
    while at < len(text):
        if depth and (string := _STRING.match(text, at)):
            at = string.end()
            continue
        if text.startswith(("->", "=>"), at):
            at += 2
            continue
        depth += (text[at] == "<") - (text[at] == ">")
        if depth == 0:
            return at
        at += 1
    raise Unrebuildable("its text was cut off")


def _understood(inner: str) -> Special:
    if found := _ENUM.match(inner) or _ENUM_ALONE.fullmatch(inner):
        return Special("enum", found["owner"], found["member"])
    for kind, pattern in (("function", _FUNCTION), ("built-in", _BUILT_IN), ("class", _CLASS), ("module", _MODULE)):
        if found := pattern.match(inner):
            return Special(kind, found["name"])  # type: ignore[arg-type]
    if found := _OBJECT.fullmatch(inner):
        return Special("object", found["name"])
    return Special("opaque", inner[:80])
