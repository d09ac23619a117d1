"""Figures of a series of measurements, in one pass."""

from math import sqrt


def spread(values):
    """The standard deviation of the whole population."""
    count, total, squares = 0, 0.0, 0.0
    for value in values:
        count += 1
        total += value
        squares += value * value
    mean = total / count
    return sqrt(squares / count - mean * mean)


def outliers(values, limit=3.0):
    mean = sum(values) / len(values)
    width = spread(values)
    return [value for value in values if width and abs(value - mean) > limit * width]
