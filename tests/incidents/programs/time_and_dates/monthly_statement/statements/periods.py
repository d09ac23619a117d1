"""Months, as pairs of their first day and the first day after them."""

from datetime import datetime, timedelta


def month_of(day):
    first = day.replace(day=1)
    return first, (first + timedelta(days=32)).replace(day=1)


def previous_month():
    today = datetime.now().date()
    return month_of(today.replace(month=today.month - 1, day=1))


def days(period):
    first, after = period
    return (after - first).days
