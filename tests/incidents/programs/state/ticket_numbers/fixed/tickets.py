"""Hands out the numbers of a roll of tickets."""

from itertools import count


def roll(letter, size):
    for number in range(1, size + 1):
        yield f"{letter}{number:03}"


def issue(guests, numbers):
    """Guests with their tickets, one after the other."""
    for guest in guests:
        yield guest, next(numbers, "sold out")


class Desk:
    def __init__(self, letter, size):
        self.numbers = roll(letter, size)
        self.served = count(1)

    def serve(self, guests):
        for guest, ticket in issue(guests, self.numbers):
            yield f"{next(self.served)}. {guest}: {ticket}"
