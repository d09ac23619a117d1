"""What a customer is about to buy."""

from __future__ import annotations


class Line:
    def __init__(self, article: str, pieces: int, price: float) -> None:
        self.article = article
        self.pieces = pieces
        self.price = price

    def __repr__(self) -> str:
        return f"Line({self.article!r}, {self.pieces}, {self.price})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Line) and vars(self) == vars(other)

    __hash__ = None


class Basket:
    def __init__(self, lines: list[Line] | None = None) -> None:
        self.lines = lines or []

    def __repr__(self) -> str:
        return f"Basket({self.lines!r})"

    def add(self, line: Line) -> None:
        self.lines.append(line)

    def drop(self, article: str) -> None:
        self.lines = [line for line in self.lines if line.article != article]

    @property
    def pieces(self) -> int:
        return sum(line.pieces for line in self.lines)

    @property
    def total(self) -> float:
        return sum(line.pieces * line.price for line in self.lines)

    @property
    def average_price(self) -> float:
        return self.total / self.pieces if self.pieces else 0.0
