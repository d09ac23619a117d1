"""Whose birthday is near."""

from datetime import date, timedelta


def next_birthday(born, today):
    birthday = born.replace(year=today.year)
    if birthday < today:
        birthday = birthday.replace(year=today.year + 1)
    return birthday


def soon(people, within=timedelta(days=14), today=None):
    """Name, day and new age of those whose birthday is at most so far away."""
    today = today or date.today()
    found = []
    for name, born in people.items():
        day = next_birthday(born, today)
        if day - today <= within:
            found.append((day, name, day.year - born.year))
    return sorted(found)
