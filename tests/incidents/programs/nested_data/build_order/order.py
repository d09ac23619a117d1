"""The order in which packages can be built: everything of one layer at the same time."""


def reachable(goals, needs):
    """The goals and all that they need."""
    found, todo = set(), list(goals)
    while todo:
        package = todo.pop()
        if package not in found:
            found.add(package)
            todo.extend(needs.get(package, ()))
    return found


def layers(needs):
    waiting = {package: set(wanted) for package, wanted in needs.items()}
    users = {package: set() for package in needs}
    for package, wanted in needs.items():
        for each in wanted:
            users[each].add(package)
    result = []
    ready = sorted(package for package, wanted in waiting.items() if not wanted)
    while ready:
        result.append(ready)
        following = []
        for package in ready:
            del waiting[package]
            for user in users[package]:
                waiting[user].discard(package)
                if not waiting[user]:
                    following.append(user)
        ready = sorted(following)
    if waiting:
        raise ValueError(f"these need each other: {', '.join(sorted(waiting))}")
    return result


def plan(needs, goals):
    wanted = reachable(goals, needs) if goals else set(needs)
    return layers({package: needs[package] for package in sorted(wanted) if package in needs})
