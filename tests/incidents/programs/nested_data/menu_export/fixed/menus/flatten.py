from collections.abc import Iterator
from typing import Any


def flatten(node: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], int | None]]:
    """Path and price of every dish, in the order of the card."""
    if isinstance(node, str):
        node = {"title": node}
    here = (*path, node["title"])
    if "items" in node:
        for child in node["items"]:
            yield from flatten(child, here)
    else:
        yield here, node.get("price")
