"""How many pieces lie in which warehouse."""


def merged(stock, movements):
    """The stock after the movements; what was given stays as it is."""
    result = {warehouse: dict(shelves) for warehouse, shelves in stock.items()}
    for warehouse, article, pieces in movements:
        shelves = result.setdefault(warehouse, {})
        shelves[article] = shelves.get(article, 0) + pieces
    for shelves in result.values():
        drop_empty(shelves)
    return result


def drop_empty(shelves):
    for article, pieces in shelves.items():
        if pieces == 0:
            del shelves[article]


def missing(stock, least):
    return sorted(
        (warehouse, article)
        for warehouse, shelves in stock.items()
        for article, pieces in shelves.items()
        if pieces < least
    )
