"""Who is on call in which week."""


def on_call(week: int, *people: str, away: tuple[str, ...] = ()) -> tuple[str, str]:
    """The first and the second of the week; the second stands in for the first."""
    first = pick(week, [person for person in people if person not in away] or list(people))
    others = [person for person in people if person != first and person not in away]
    second = pick(week + 1, others) if others else first
    return first, second


def pick(week: int, available: list[str]) -> str:
    return available[week % len(available)]


def calendar(weeks: range, people: list[str], away: tuple[str, ...]) -> list[str]:
    return [f"week {week}: {' / '.join(on_call(week, *people, away=away))}" for week in weeks]
