"""What a value was before a function made it: the text that was parsed into it, the element that a comprehension took.

What belongs here: inverses of functions of the standard library, on plain values.
"""

from __future__ import annotations

import ast
import csv
import io
import json
from collections.abc import Iterable
from datetime import date
from typing import Any

from orchestration_assets.incidents.equations import MISSING
from orchestration_assets.incidents.syntax import last_name

KEEPS = frozenset("strip rstrip lstrip lower upper casefold title capitalize expanduser resolve absolute".split())
"""Methods whose result may be taken for what they were called on."""


def preimage(node: ast.expr, name: str, value: Any) -> Any:
    """The element that `node` made `value` of, where `name` stands for the element."""
    match node:
        case ast.Name() if node.id == name:
            return value
        case ast.Call(args=[inner]) if last_name(node.func) in {"int", "float", "str", "Path", "Decimal"}:
            return preimage(inner, name, str(value))
        case ast.Call(func=ast.Attribute(value=inner, attr=method), args=[]) if method in KEEPS:
            return preimage(inner, name, value)
        case ast.Call(args=[inner]) if last_name(node.func) in {"tuple", "list"}:
            return preimage(inner, name, value)
        case ast.Call(func=ast.Attribute(value=inner, attr="split"), args=separators) if are_texts(value):
            separator = separators[0].value if separators and isinstance(separators[0], ast.Constant) else " "
            return preimage(inner, name, separator.join(value)) if isinstance(separator, str) else MISSING
        case ast.Call(args=[inner]) if last_name(node.func) == "loads":
            return preimage(inner, name, as_json(value))
        case ast.Call(args=[inner]) if last_name(node.func) == "fromisoformat" and isinstance(value, date):
            return preimage(inner, name, value.isoformat())
    return MISSING


def as_json(value: Any) -> Any:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        return MISSING


def are_texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(each, str) for each in value)


def as_csv(rows: Iterable[Any], delimiter: str) -> Any:
    """A file with a head that reads as these rows. A mark of byte order can only be at its very beginning."""
    found = [row for row in rows if isinstance(row, dict) and all(isinstance(key, str) for key in row)]
    if not found or any(not isinstance(value, str) for row in found for value in row.values()):
        return MISSING
    names = sorted(found[0], key=lambda name: not name.startswith("\ufeff"))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, delimiter=delimiter, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(found)
    return text.getvalue()
