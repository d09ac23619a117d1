"""Shelf labels for a printer that knows one old code page."""

from __future__ import annotations

ESC = b"\x1b"
CUT = ESC + b"d\x03"


def encode(text: str, *, width: int = 24, bold: bool = False, codec: str = "cp437") -> bytes:
    """One line, cut or filled to the width."""
    line = text[:width].ljust(width).encode(codec)
    return ESC + b"E\x01" + line + ESC + b"E\x00" if bold else line


def label(name: str, price: str, unit: str) -> bytes:
    amount = f"{price} / {unit}" if unit else price
    return b"\n".join([encode(name, bold=True), encode(amount.rjust(24)), CUT])


def job(rows: list[list[str]], copies: int = 1) -> bytes:
    return b"".join(label(*row) * copies for row in rows)
