"""Whose birthday is near."""

from datetime import date, timedelta


def in_year(born, year):
    try:
        return born.replace(year=year)
    except ValueError:
        return date(year, 3, 1)


def next_birthday(born, today):
    birthday = in_year(born, today.year)
    return birthday if birthday >= today else in_year(born, today.year + 1)


def soon(people, within=timedelta(days=14), today=None):
    """Name, day and new age of those whose birthday is at most so far away."""
    today = today or date.today()
    found = []
    for name, born in people.items():
        day = next_birthday(born, today)
        if day - today <= within:
            found.append((day, name, day.year - born.year))
    return sorted(found)
