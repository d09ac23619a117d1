"""Risky calls in JavaScript and TypeScript, told from syntax trees.

What belongs here: what puts text into a page as markup, runs it, or gives it to a shell; where a value that is not written down gets there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from orchestration_assets.reviews.change import Change
from orchestration_assets.reviews.model import Finding
from orchestration_assets.reviews.rules import Spot, new_findings

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

_MARKUP = frozenset({"innerHTML", "outerHTML"})
_CLEAN = re.compile(r"sanitiz|sanitis|purify|escape|encode|trusted|JSON\.stringify", re.IGNORECASE)
_SHELL = frozenset({"exec", "execSync"})
_LANGUAGES = {
    **dict.fromkeys(("js", "jsx", "mjs", "cjs"), "javascript"),
    **dict.fromkeys(("ts", "mts", "cts"), "typescript"),
    "tsx": "tsx",
}


def javascript_findings(change: Change) -> Iterator[Finding]:
    files = [file for file in change.written if _language(file.path) is not None]
    return new_findings(change, files, _spots)


def _spots(path: str, text: str) -> Iterator[Spot]:
    language = _language(path)
    if language is None or (text.startswith("#!") and "node" not in text.partition("\n")[0]):
        return
    tree = _parser(language).parse(text.encode())
    has_shell, lines = "child_process" in text, text.split("\n")
    pending = [tree.root_node]
    while pending:
        node = pending.pop()
        pending += node.children
        if (found := _judged(node, has_shell)) is not None:
            rule, named = found
            if any("eslint-disable" in line for line in lines[max(0, node.start_point[0] - 1) : node.end_point[0] + 1]):
                continue  # a check of the repository's own saw it, and somebody let it pass
            yield Spot(rule, node.start_point[0] + 1, node.end_point[0] + 1, named)


def _judged(node: Node, has_shell: bool) -> tuple[str, str] | None:
    """The rule that a node breaks, and what its sentence names."""
    match node.type:
        case "assignment_expression" | "augmented_assignment_expression":
            return _assignment(node)
        case "call_expression":
            return _call(node, has_shell)
        case "new_expression":
            made, arguments = node.child_by_field_name("constructor"), _arguments(node)
            if _text(made) == "Function" and arguments and not _is_written_down(arguments[-1]):
                return "javascript-eval", "new Function"
        case "jsx_attribute":
            return _attribute(node)
        case "pair":
            key, value = node.child_by_field_name("key"), node.child_by_field_name("value")
            if _text(key).strip("'\"") == "rejectUnauthorized" and _text(value) == "false":
                return "tls-unchecked", ""
        case "catch_clause":
            body = node.child_by_field_name("body")
            if body is not None and not body.named_children:
                return "empty-catch", ""
    return None


def _assignment(node: Node) -> tuple[str, str] | None:
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if left is None or left.type != "member_expression":
        return None
    name = _text(left.child_by_field_name("property"))
    if name in _MARKUP and not _is_safe(right):
        return "innerhtml", name
    if name == "NODE_TLS_REJECT_UNAUTHORIZED" and _text(right).strip("'\"`") == "0":
        return "tls-unchecked", ""
    return None


def _call(node: Node, has_shell: bool) -> tuple[str, str] | None:
    function, arguments = node.child_by_field_name("function"), _arguments(node)
    if function is None or not arguments:
        return None
    name = _text(function)
    method = _text(function.child_by_field_name("property")) if function.type == "member_expression" else name
    if name == "eval" and not _is_written_down(arguments[0]):
        return "javascript-eval", "eval"
    if name in ("document.write", "document.writeln") and not _is_safe(arguments[0]):
        return "innerhtml", name
    if method == "insertAdjacentHTML" and len(arguments) > 1 and not _is_safe(arguments[1]):
        return "innerhtml", method
    whole = function.child_by_field_name("object") if function.type == "member_expression" else None
    of_process = whole is None or re.fullmatch(
        r"child_?process|cp|require\(.child_process.\)", _text(whole), re.IGNORECASE
    )
    if has_shell and method in _SHELL and of_process and _is_built(arguments[0]):
        return "child-process-shell", method
    return None


def _attribute(node: Node) -> tuple[str, str] | None:
    if not node.named_children or _text(node.named_children[0]) != "dangerouslySetInnerHTML":
        return None
    pending = list(node.named_children[1:])
    while pending:
        each = pending.pop()
        pending += each.named_children
        if each.type == "pair" and _text(each.child_by_field_name("key")).strip("'\"") == "__html":
            return None if _is_safe(each.child_by_field_name("value")) else ("dangerously-set-inner-html", "")
    return None


def _is_written_down(node: Node | None) -> bool:
    """Whether a value is a text that stands in the program as it is."""
    if node is None:
        return True
    if node.type == "binary_expression":
        return _is_written_down(node.child_by_field_name("left")) and _is_written_down(
            node.child_by_field_name("right")
        )
    if node.type == "template_string":
        put_in = [
            each
            for child in node.named_children
            if child.type == "template_substitution"
            for each in child.named_children
        ]
        return all(_is_written_down(each) for each in put_in)
    if node.type == "identifier":  # a constant
        return _text(node).isupper()
    return node.type in ("string", "number", "null", "true", "false", "undefined")


def _is_safe(node: Node | None) -> bool:
    if node is not None and node.type == "member_expression" and _text(node.child_by_field_name("property")) in _MARKUP:
        return True  # what is markup already
    return _is_written_down(node) or _CLEAN.search(_text(node)) is not None


def _is_built(node: Node) -> bool:
    """Whether a text is put together from what the program does not write down."""
    return node.type in ("template_string", "binary_expression") and not _is_written_down(node)


def _arguments(node: Node) -> list[Node]:
    listed = node.child_by_field_name("arguments")
    return [each for each in listed.named_children if each.type != "comment"] if listed is not None else []


def _text(node: Node | None) -> str:
    return node.text.decode(errors="replace") if node is not None and node.text is not None else ""


def _language(path: str) -> str | None:
    return _LANGUAGES.get(path.rpartition(".")[2].lower()) if not path.endswith(".d.ts") else None


@lru_cache(maxsize=3)
def _parser(language: str) -> Parser:
    import tree_sitter_javascript
    import tree_sitter_typescript
    from tree_sitter import Language, Parser

    grammars = {
        "javascript": tree_sitter_javascript.language,
        "typescript": tree_sitter_typescript.language_typescript,
        "tsx": tree_sitter_typescript.language_tsx,
    }
    return Parser(Language(grammars[language]()))
