"""Who reports to whom."""


def depth(person, managers):
    """How many managers are above a person."""
    manager = managers.get(person)
    if not manager:
        return 0
    return 1 + depth(manager, managers)


def levels(managers):
    found = {}
    for person in managers:
        found.setdefault(depth(person, managers), []).append(person)
    return found


def draw(managers):
    for level, people in sorted(levels(managers).items()):
        yield f"{'  ' * level}{level}: {', '.join(sorted(people))}"
