"""What came from outside, as a person reads it at a terminal: texts as texts, and nothing that steers the terminal."""

from __future__ import annotations

import sys

import orjson
from pydantic import BaseModel

_SPACES = "\t\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u202f\u205f\u3000"


def print_detail(shown: BaseModel) -> None:
    """An event or an effect: a line for each member, and its `payload` below."""
    members = shown.model_dump(mode="json")
    payload = members.pop("payload")
    for name, value in members.items():
        sys.stdout.write(f"{name:12}  {'' if value is None else value}\n")
    sys.stdout.write(readable(payload))


def readable(payload: object) -> str:
    """As JSON, and below it each text of several lines as a block under its name, `body` or `files.src/cards.py`; in its place the JSON says
    how many lines it has. Ends with a line end."""
    blocks: list[tuple[str, list[str]]] = []
    rest = _without_texts(payload, "", blocks)
    lines = orjson.dumps(rest, option=orjson.OPT_INDENT_2).decode().split("\n")
    for name, text in blocks:
        lines += ["", f"{name}:", *(f"  {line}" if line else "" for line in text)]
    return "".join(f"{harmless(line, kept=_SPACES)}\n" for line in lines)


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


def harmless(text: str, *, kept: str) -> str:
    """What would steer the terminal, turn the direction of what follows, or is no text, is shown as its code, but for the characters `kept`."""
    return "".join(each if each.isprintable() or each in kept else ascii(each)[1:-1] for each in text)
