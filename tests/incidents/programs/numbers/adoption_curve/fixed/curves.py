"""Curves that forecasts are made with: functions of the day, between 0 and 1."""

import math


def logistic(midpoint, steepness=1.0):
    """Grows slowly, fast, slowly; a half is reached at the midpoint."""

    def curve(day):
        return 1 / (1 + math.exp(min(-steepness * (day - midpoint), 700)))

    return curve


def linear(first, last):
    def curve(day):
        return min(1.0, max(0.0, (day - first) / (last - first)))

    return curve


def blend(*curves):
    """The mean of several curves."""
    return lambda day: sum(each(day) for each in curves) / len(curves)
