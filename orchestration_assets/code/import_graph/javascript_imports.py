"""What a JavaScript or TypeScript file imports, as written. Imports nothing of the platform, so that it is also the program of the processes
that read many files: lists of paths come in, one to a line, and what each file imports goes out, one JSON document to a line."""

from __future__ import annotations

import json
import os
import re
import stat
import sys
import time
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

TYPESCRIPT = (".ts", ".mts", ".cts")
LARGEST_FILE = 8 * 1024 * 1024
"""Bytes; what is larger is no source that somebody wrote."""
READ_WHOLE = 4 * 1024
"""Bytes of a file that is parsed to its end. A larger one whose imports stand in its first half is parsed up to the last of them, if the
brackets of the rest pair; what else is wrong with the rest is not looked for."""
SECONDS_TOGETHER = 0.1
"""For how long answers are kept to be sent together."""
LONGEST_SHOWN = 80
"""Characters of an expression that names no module until the program runs."""

Found = tuple[str, str, int]
"""How it is imported (`import`, `require`, `reference`, or `computed` where it is no literal), what is written, and the line, from 1."""

_WORDS = (
    (b"import", re.compile(rb"import(?![\w$])")),
    (b"require", re.compile(rb"require(?![\w$])")),
    (b"from", re.compile(rb"from\s*[\"'/]")),
    (b"<", re.compile(rb"<(?:reference|amd-dependency)\b")),
)
_BRACKETS = ((b"{", b"}"), (b"(", b")"), (b"[", b"]"))
# What the grammar does not know yet is written as what it knows, at the same places: `export import name = require(...)`,
# `export type * from ...`.
_UNKNOWN = re.compile(rb"export(?:(?=\s+import\s+(?:type\s+)?[\w$]+\s*=)|\s+type(?=\s*\*))")
_REFERENCE = re.compile(rb"""^\s*///\s*<(reference\s+path|amd-dependency\s+path)\s*=\s*["']([^"']+)["']""")
_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]+)\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(\r\n|.))", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0", "\n": "", "\r\n": ""}
# Type arguments after `import("...").Name` are an error to the grammar, so the import is written as a name, and found by its place.
_TYPE_OF_ANOTHER = re.compile(rb"""import\s*\(\s*(["'])([^"'\n]*)\1\s*\)(?=\s*\.)""")
_USING = re.compile(rb"\busing(?=\s*[^\s\w$\[{])")
"""A name in old sources, a keyword to the grammar."""


def imports_of(source: bytes, suffix: str, most: int = sys.maxsize) -> tuple[list[Found], int | None] | None:
    """The imports in the order of their lines, and the line near which the file cannot be parsed (None where it can). What can be read of a
    file that does not parse is read. None where more than `most` bytes would have to be parsed."""
    source = _as_utf8(source)
    source = _UNKNOWN.sub(lambda match: (b"export" if len(match[0]) > 6 else b"").ljust(len(match[0])), source)
    beginning = _up_to_last_import(source)
    if len(source if beginning is None else beginning) > most:
        return None
    if beginning is not None:
        found, wrong = _parsed(beginning, _language(suffix))
        if wrong is None:
            return found, None
        if len(source) > most:
            return None
    found, wrong = _parsed(source, _language(suffix))
    if wrong is None:
        return found, None
    if suffix not in (*TYPESCRIPT, ".tsx"):
        # Types in a JavaScript file, as Flow has them, are for TypeScript's grammar to read.
        typed, still_wrong = _parsed(source, "tsx")
        if still_wrong is None:
            return typed, None
    plain = _USING.sub(b"_sing", source)
    return _parsed(plain, _language(suffix)) if plain != source else (found, wrong)


def _up_to_last_import(source: bytes) -> bytes | None:
    """The lines in which a word stands that may import; None where that is most of the file, or the rest may be broken."""
    if len(source) <= READ_WHOLE:
        return None
    last = max(_last(source, word, pattern) for word, pattern in _WORDS)
    stop = source.find(b"\n", max(last, 0))
    if not 0 <= stop < len(source) // 2 or any(source.count(a, stop) != source.count(b, stop) for a, b in _BRACKETS):
        return None
    return source[:stop]


def _last(source: bytes, word: bytes, pattern: re.Pattern[bytes]) -> int:
    """Where the word last stands for an import, or might; -1 where it nowhere does."""
    place = source.rfind(word)
    while place >= 0 and not pattern.match(source, place):
        place = source.rfind(word, 0, place)
    return place


def _language(suffix: str) -> str:
    return "typescript" if suffix in TYPESCRIPT else "tsx" if suffix == ".tsx" else "javascript"


def _as_utf8(source: bytes) -> bytes:
    if source.startswith((b"\xff\xfe", b"\xfe\xff")):
        return source.decode("utf-16", "replace").encode()
    source = source.removeprefix(b"\xef\xbb\xbf")
    try:
        source.decode()
    except UnicodeDecodeError:
        return source.decode("latin-1").encode()
    return source


def _parsed(source: bytes, language: str) -> tuple[list[Found], int | None]:
    """Looks up in the tree what each of the words that import stands for; most files have few of them."""
    found = _references(source)
    named: list[tuple[int, int, Found]] = []
    if language != "javascript":
        for match in _TYPE_OF_ANOTHER.finditer(source):
            line = source.count(b"\n", 0, match.start()) + 1
            named.append((*match.span(), ("import", _text(match[2]), line)))
        if named:
            source = _TYPE_OF_ANOTHER.sub(lambda match: b"_" * len(match[0]), source)
    root = _parser(language).parse(source).root_node
    for start, end, each in named:
        node = root.descendant_for_byte_range(start, end)
        if node is not None and node.type.endswith("identifier") and (node.start_byte, node.end_byte) == (start, end):
            found.append((start, each))
    for word, imported in ((b"import", _imported), (b"require", _required), (b"from", _exported)):
        place = source.find(word)
        while place >= 0:
            node = root.descendant_for_byte_range(place, place + len(word))
            specifier = imported(node) if node is not None and node.start_byte == place else None
            if specifier is not None:
                found.append((place, _as_found(*specifier)))
            place = source.find(word, place + len(word))
    return [each for _, each in sorted(found)], _first_error(root) if root.has_error else None


def _imported(node: Node) -> tuple[Node, str] | None:
    statement = node.parent
    if statement is not None and statement.type == "import":
        # `import(...)`: the word is a node of its own, which holds the word.
        statement = statement.parent
    if node.type != "import" or statement is None:
        return None
    if statement.type == "call_expression":
        return _argument(statement, "import")
    if statement.type != "import_statement" or not _is_at_top(statement):
        return None
    source, how = statement.child_by_field_name("source"), "import"
    if source is None:
        clause = next((child for child in statement.named_children if child.type == "import_require_clause"), None)
        source, how = clause.child_by_field_name("source") if clause is not None else None, "require"
    return (source, how) if source is not None else None


def _required(node: Node) -> tuple[Node, str] | None:
    call = node.parent
    if node.type != "identifier" or node.end_byte - node.start_byte != len("require") or call is None:
        return None
    return _argument(call, "require") if call.type == "call_expression" and call.named_child(0) == node else None


def _exported(node: Node) -> tuple[Node, str] | None:
    statement = node.parent
    if node.type != "from" or statement is None or statement.type != "export_statement" or not _is_at_top(statement):
        return None
    source = statement.child_by_field_name("source")
    return (source, "import") if source is not None else None


def _argument(call: Node, how: str) -> tuple[Node, str] | None:
    arguments = call.child_by_field_name("arguments")
    if arguments is None or arguments.type != "arguments":
        return None
    first = next((child for child in arguments.named_children if child.type != "comment"), None)
    return (first, how) if first is not None else None


def _is_at_top(statement: Node) -> bool:
    """What stands in `declare module "..." { }` tells of another module; where the file does not parse, anything may stand anywhere."""
    above = statement.parent
    return above is not None and (above.type in ("program", "ERROR"))


def _as_found(node: Node, how: str) -> Found:
    line = node.start_point[0] + 1
    literal = node.type == "string" or (
        node.type == "template_string" and all(child.type != "template_substitution" for child in node.named_children)
    )
    text = node.text or b""
    if not literal:
        shown = " ".join(text.decode("utf-8", "replace").split())
        return "computed", shown if len(shown) <= LONGEST_SHOWN else shown[: LONGEST_SHOWN - 1] + "…", line
    return how, _text(text[1:-1]), line


def _text(literal: bytes) -> str:
    written = literal.decode("utf-8", "replace")
    return _ESCAPE.sub(_unescaped, written) if "\\" in written else written


def _unescaped(match: re.Match[str]) -> str:
    number = match[1] or match[2] or match[3]
    if number is None:
        return _ESCAPED.get(match[4], match[4])
    code = int(number, 16)
    return chr(code) if code <= sys.maxunicode else "\ufffd"


def _references(source: bytes) -> list[tuple[int, Found]]:
    """What `/// <reference path="..." />` names. They stand before the first statement."""
    found, at = [], 0
    for number, line in enumerate(source.split(b"\n", 200)[:200], 1):
        bare = line.strip()
        match = _REFERENCE.match(line) if bare.startswith(b"///") else None
        if match:
            found.append((at, ("reference", match[2].decode("utf-8", "replace"), number)))
        elif bare and not bare.startswith((b"//", b"/*", b"*")):
            break
        at += len(line) + 1
    return found


def _first_error(root: Node) -> int:
    """The line of the first part that does not parse; without recursion, however deep the tree."""
    cursor = root.walk()
    while True:
        node = cursor.node
        if node is None or node.is_error or node.is_missing:
            break
        if node.has_error and cursor.goto_first_child():
            while cursor.node is not None and not (cursor.node.has_error or cursor.node.is_missing):
                if not cursor.goto_next_sibling():
                    return node.start_point[0] + 1
            continue
        break
    return (cursor.node or root).start_point[0] + 1


@cache
def _parser(language: str) -> Parser:
    import tree_sitter

    if language == "javascript":
        import tree_sitter_javascript

        return tree_sitter.Parser(tree_sitter.Language(tree_sitter_javascript.language()))
    import tree_sitter_typescript

    capsule = tree_sitter_typescript.language_tsx if language == "tsx" else tree_sitter_typescript.language_typescript
    return tree_sitter.Parser(tree_sitter.Language(capsule()))


def answer(path: str, most: int = sys.maxsize) -> dict[str, Any] | None:
    """What a file imports, or why it cannot be read, as JSON has it; None where more than `most` bytes would have to be parsed."""
    try:
        read = imports_of(_read(path), os.path.splitext(path)[1], most)  # noqa: PTH122
    except OSError as error:
        return {"imports": [], "unread": error.strerror or str(error)}
    return None if read is None else {"imports": read[0], "line": read[1]}


def _read(path: str) -> bytes:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(0, "it is no regular file")
        if found.st_size > LARGEST_FILE:
            raise OSError(0, f"it has {found.st_size:,} bytes, more than the {LARGEST_FILE:,} that are read")
        data = os.read(handle, found.st_size + 1)
        while len(data) < found.st_size and (more := os.read(handle, found.st_size)):
            data += more
        return data
    finally:
        os.close(handle)


def main() -> None:
    """Says with an empty line that it has started."""
    sys.stdout.write("\n")
    sys.stdout.flush()
    for line in sys.stdin:
        since = time.monotonic()
        for path in json.loads(line):
            sys.stdout.write(json.dumps(answer(path)) + "\n")
            if time.monotonic() - since > SECONDS_TOGETHER:
                sys.stdout.flush()
                since = time.monotonic()
        sys.stdout.flush()


if __name__ == "__main__":
    main()
