from __future__ import annotations


class FlagError(Exception):
    """A flag that cannot be understood."""

    def __init__(self, text: str) -> None:
        super().__init__(f"cannot understand {text!r}")


def parse(text: str) -> tuple[str, float]:
    """A name and the share of people, between 0 and 1."""
    try:
        name, value = text.split(":")
        return name.strip(), share(value.strip())
    except ValueError as error:
        raise FlagError(text) from error


def share(value: str) -> float:
    if value in ("on", "off"):
        return float(value == "on")
    return float(value.removesuffix("%")) / 100
