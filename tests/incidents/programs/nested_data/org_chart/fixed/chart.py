"""Who reports to whom."""


def depth(person, managers):
    """How many managers are above a person, each counted once."""
    above = set()
    while (person := managers.get(person)) and person not in above:
        above.add(person)
    return len(above)


def levels(managers):
    found = {}
    for person in managers:
        found.setdefault(depth(person, managers), []).append(person)
    return found


def draw(managers):
    for level, people in sorted(levels(managers).items()):
        yield f"{'  ' * level}{level}: {', '.join(sorted(people))}"
