"""Configuration in layers: what the file says, then what the environment says."""

import os
import tomllib
from pathlib import Path


def put(tree, path, value):
    *above, last = path
    for name in above:
        if not isinstance(tree.get(name), dict):
            tree[name] = {}
        tree = tree[name]
    tree[last] = value


def value_of(text):
    """As TOML understands it; else the text itself."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def overlay(tree, variables, prefix):
    for name in sorted(variables):
        if name.startswith(prefix):
            put(tree, name.removeprefix(prefix).lower().split("__"), value_of(variables[name]))
    return tree


def load(file="defaults.toml", prefix="PORTER_"):
    tree = tomllib.loads((Path(__file__).parent / file).read_text())
    return overlay(tree, os.environ, prefix)


def get(tree, dotted):
    for name in dotted.split("."):
        tree = tree[name]
    return tree
