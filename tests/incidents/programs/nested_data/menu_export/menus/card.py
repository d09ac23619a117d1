from menus.flatten import flatten


def card(menu, indent=2):
    lines, before = [], ()
    for path, price in flatten(menu):
        for level, title in enumerate(path[:-1]):
            if before[: level + 1] != path[: level + 1]:
                lines.append(" " * indent * level + title)
        lines.append(" " * indent * (len(path) - 1) + dish(path[-1], price))
        before = path[:-1]
    return "\n".join(lines)


def dish(title, price):
    return title if price is None else f"{title} {price / 100:.2f}"
