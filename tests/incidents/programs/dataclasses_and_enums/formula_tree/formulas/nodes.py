"""What a formula is made of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Node:
    pass


@dataclass(frozen=True)
class Number(Node):
    value: float


@dataclass(frozen=True)
class Name(Node):
    name: str


@dataclass(frozen=True)
class Negated(Node):
    operand: Node


@dataclass(frozen=True)
class Operation(Node):
    sign: str
    left: Node
    right: Node
