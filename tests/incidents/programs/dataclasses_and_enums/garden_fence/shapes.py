"""Beds of a garden by their shape; lengths are in metres."""

import math
from dataclasses import dataclass


@dataclass
class Bed:
    name: str

    def area(self) -> float:
        raise NotImplementedError(f"{type(self).__name__} has no area")

    def perimeter(self) -> float:
        raise NotImplementedError(f"{type(self).__name__} has no perimeter")


@dataclass
class Rectangle(Bed):
    width: float
    length: float

    def area(self) -> float:
        return self.width * self.length

    def perimeter(self) -> float:
        return 2 * (self.width + self.length)


@dataclass
class Circle(Bed):
    radius: float

    def area(self) -> float:
        return math.pi * self.radius**2

    def perimeter(self) -> float:
        return 2 * math.pi * self.radius


@dataclass
class Triangle(Bed):
    """With a right angle between `a` and `b`."""

    a: float
    b: float

    def area(self) -> float:
        return self.a * self.b / 2


SHAPES = {cls.__name__.lower(): cls for cls in (Rectangle, Circle, Triangle)}
