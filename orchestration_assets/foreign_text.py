"""How what an event or an effect carries is shown to a person: its texts as texts. What came from outside steers no terminal."""

from __future__ import annotations

import unicodedata

import orjson


def readable(payload: object) -> str:
    """As JSON, and below it each text of several lines as a block under its name, `body` or `files.src/cards.py`; in its place the JSON says
    how many lines it has. Ends with a line end."""
    blocks: list[tuple[str, list[str]]] = []
    rest = _without_texts(payload, "", blocks)
    lines = orjson.dumps(rest, option=orjson.OPT_INDENT_2).decode().split("\n")
    for name, text in blocks:
        lines += ["", f"{name}:", *(f"  {line}" if line else "" for line in text)]
    return "".join(f"{_harmless(line)}\n" for line in lines)


def _without_texts(value: object, name: str, blocks: list[tuple[str, list[str]]]) -> object:
    """With a word in the place of each text of several lines, which is put into `blocks`."""
    if isinstance(value, str):
        text = value.replace("\r\n", "\n").rstrip("\n").split("\n")
        if len(text) == 1:
            return value
        blocks.append((name, text))
        return f"({len(text):,} lines, below)"
    if isinstance(value, list):
        return [_without_texts(each, f"{name}[{number}]", blocks) for number, each in enumerate(value)]
    if isinstance(value, dict):
        return {key: _without_texts(each, f"{name}.{key}" if name else key, blocks) for key, each in value.items()}
    return value


def _harmless(line: str) -> str:
    """What would steer the terminal, or turn the direction of what follows, is shown as its code."""
    return "".join(
        each if each.isprintable() or each == "\t" or unicodedata.category(each) == "Zs" else ascii(each)[1:-1]
        for each in line
    )
