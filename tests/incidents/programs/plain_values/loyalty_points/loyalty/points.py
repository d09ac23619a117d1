from __future__ import annotations

MULTIPLIERS = {"basic": 1, "silver": 1.25, "gold": 1.5}
COUPONS = {"SPRING": 50, "WELCOME": 100}


def points_for(*, total: float, tier: str = "basic", birthday: bool = False, **extras: str) -> int:
    """One point a euro, more for the better tiers, twice on a birthday."""
    multiplier = MULTIPLIERS.get(tier)
    if birthday:
        total *= 2
    points = int(total * multiplier)
    return points + bonus(extras.get("coupon", ""))


def bonus(coupon: str) -> int:
    return COUPONS.get(coupon, 0)
