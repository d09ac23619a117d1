"""International Standard Book Numbers, of ten digits and of thirteen."""


class WrongNumber(Exception):
    pass


def digits_of(number):
    return number.replace("-", "").replace(" ", "")


def is_valid(number):
    digits = digits_of(number)
    if len(digits) == 10:
        return _checksum_10(digits) == 0
    if len(digits) == 13:
        return _checksum_13(digits) == 0
    raise WrongNumber(f"{number} has {len(digits)} digits")


def _checksum_10(digits):
    return sum(int(digit) * weight for digit, weight in zip(digits, range(10, 0, -1), strict=True)) % 11


def _checksum_13(digits):
    return sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits)) % 10


def to_13(number):
    """The same book's number of thirteen digits."""
    digits = digits_of(number)
    if len(digits) == 13:
        return digits
    start = "978" + digits[:9]
    return start + str(-_checksum_13(start + "0") % 10)
