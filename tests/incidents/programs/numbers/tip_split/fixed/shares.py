"""Divides an amount so that no cent is lost."""


def split(cents: int, weights: list[int]) -> list[int]:
    """Parts in proportion to the weights. The cents that are left over go to the first ones, one each."""
    whole = sum(weights)
    parts = [cents * weight // whole for weight in weights]
    left = cents - sum(parts)
    for place in range(left):
        parts[place] += 1
    assert sum(parts) == cents, (parts, cents)
    return parts


def split_by_name(cents: int, shares: dict[str, int]) -> dict[str, int]:
    names = sorted(shares, key=lambda name: (-shares[name], name))
    return dict(zip(names, split(cents, [shares[name] for name in names]), strict=True))
