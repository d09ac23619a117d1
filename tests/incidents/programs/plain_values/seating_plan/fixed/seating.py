"""Places parties of guests in the rows of a small theatre."""


def find_row(free: list[int], size: int) -> int | None:
    """The first row that the whole party fits in; None where there is none."""
    return next((row for row, seats in enumerate(free) if seats >= size), None)


def seat(free: list[int], name: str, size: int) -> str:
    row = find_row(free, size)
    if row is None:
        return f"{name}: waiting list"
    first = free[row]
    free[row] -= size
    return f"{name}: row {row + 1}, seats {first - size + 1} to {first}"


def seat_all(free: list[int], parties: list[tuple[str, int]]) -> list[str]:
    """Bigger parties choose first; those of one size keep their order."""
    lines = []
    for name, size in sorted(parties, key=lambda party: -party[1]):
        lines.append(seat(free, name, size))
    return lines
