"""What a JavaScript or TypeScript file imports, as written. Imports nothing of the platform, so that it is also the program of the processes
that read many files: paths come in one to a line, what each file imports goes out one JSON document to a line."""

from __future__ import annotations

import json
import os
import re
import stat
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

TYPESCRIPT = (".ts", ".mts", ".cts")
LARGEST_FILE = 8 * 1024 * 1024
"""Bytes; what is larger is no source that somebody wrote."""
READ_WHOLE = 64 * 1024
"""Bytes of a file that is parsed to its end. A larger one is parsed up to the last line that could import, which is often near its top; what
is wrong with the rest of it is not looked for."""
LONGEST_SHOWN = 80
"""Characters of an expression that names no module until the program runs."""

Found = tuple[str, str, int]
"""How it is imported (`import`, `require`, `reference`, or `computed` where it is no literal), what is written, and the line, from 1."""

_IMPORTING = re.compile(rb"\b(?:import|require|from)\b|<reference\b")
# What the grammar does not know yet is written as what it knows, at the same places: `export import name = require(...)`,
# `export type * from ...`.
_UNKNOWN = re.compile(rb"export(?:(?=\s+import\s+(?:type\s+)?[\w$]+\s*=)|\s+type(?=\s*\*))")
_REFERENCE = re.compile(rb"""^\s*///\s*<(reference\s+path|amd-dependency\s+path)\s*=\s*["']([^"']+)["']""")
_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]+)\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(\r\n|.))", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0", "\n": "", "\r\n": ""}
# What the grammar takes for an error where it is none, without changing what is imported: type arguments after `import("...").Name`, and
# `using` as a name.
_MISTAKEN = re.compile(rb"""\bimport\s*\(\s*(["'])[^"'\n]*\1\s*\)(?=\s*\.)|\busing(?=\s*[^\s\w$\[{])""")


def imports_of(source: bytes, suffix: str) -> tuple[list[Found], int | None]:
    """The imports in the order of their lines, and the line near which the file cannot be parsed (None where it can). What can be read of a
    file that does not parse is read."""
    source = _as_utf8(source)
    source = _UNKNOWN.sub(lambda match: (b"export" if len(match[0]) > 6 else b"").ljust(len(match[0])), source)
    last = 0
    if len(source) > READ_WHOLE:
        for match in _IMPORTING.finditer(source):
            last = match.end()
        stop = source.find(b"\n", last)
        if last < len(source) // 2 and stop > 0:
            found, wrong = _parsed(source[:stop], _language(suffix))
            if wrong is None:
                return found, None
    found, wrong = _parsed(source, _language(suffix))
    if wrong is None:
        return found, None
    if suffix not in (*TYPESCRIPT, ".tsx"):
        # Types in a JavaScript file, as Flow has them, are for TypeScript's grammar to read.
        typed, still_wrong = _parsed(source, "tsx")
        if still_wrong is None:
            return typed, None
    plain = _MISTAKEN.sub(lambda match: b"_" * len(match[0]), source)
    is_mistaken = plain != source and not _parser(_language(suffix)).parse(plain).root_node.has_error
    return found, None if is_mistaken else wrong


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
    root = _parser(language).parse(source).root_node
    found = _references(source)
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
    text = (node.text or b"").decode("utf-8", "replace")
    literal = node.type == "string" or (
        node.type == "template_string" and all(child.type != "template_substitution" for child in node.named_children)
    )
    if not literal:
        shown = " ".join(text.split())
        return "computed", shown if len(shown) <= LONGEST_SHOWN else shown[: LONGEST_SHOWN - 1] + "…", line
    written = text[1:-1]
    return how, _ESCAPE.sub(_unescaped, written) if "\\" in written else written, line


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


def answer(path: str) -> dict[str, Any]:
    """What a file imports, or why it cannot be read, as JSON has it."""
    try:
        found, line = imports_of(_read(path), os.path.splitext(path)[1])  # noqa: PTH122
    except OSError as error:
        return {"imports": [], "unread": error.strerror or str(error)}
    return {"imports": found, "line": line}


def _read(path: str) -> bytes:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(0, "it is no regular file")
        if found.st_size > LARGEST_FILE:
            raise OSError(0, f"it has {found.st_size:,} bytes, more than the {LARGEST_FILE:,} that are read")
        return file.read(LARGEST_FILE + 1)


def main() -> None:
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
