"""Places parties of guests in the rows of a small theatre."""


def find_row(free: list[int], size: int) -> int:
    """The first row that the whole party fits in."""
    row = 0
    while free[row] < size:
        row += 1
    return row


def seat(free: list[int], name: str, size: int) -> str:
    row = find_row(free, size)
    first = free[row]
    free[row] -= size
    return f"{name}: row {row + 1}, seats {first - size + 1} to {first}"


def seat_all(free: list[int], parties: list[tuple[str, int]]) -> list[str]:
    """Bigger parties choose first; those of one size keep their order."""
    lines = []
    for name, size in sorted(parties, key=lambda party: -party[1]):
        lines.append(seat(free, name, size))
    return lines
