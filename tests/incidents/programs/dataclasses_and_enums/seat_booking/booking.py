"""Bookings on a night train."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from enum import IntEnum

__all__ = ["Booking", "Category", "moved", "upgrade"]


class Category(IntEnum):
    SEAT = 1
    COUCHETTE = 2
    SLEEPER = 3


@dataclass(frozen=True, order=True)
class Booking:
    day: date
    place: str
    guest: str
    age: int
    category: Category = Category.SEAT

    @property
    def is_senior(self) -> bool:
        return self.age >= 60


def moved(booking: Booking, day: date) -> Booking:
    return replace(booking, day=day)


def upgrade(booking: Booking, *, days: frozenset[date] = frozenset()) -> Booking:
    """One category better on the given days, for seniors."""
    if booking.day in days and booking.is_senior and booking.category < Category.SLEEPER:
        booking.category = Category(booking.category + 1)
    return booking
