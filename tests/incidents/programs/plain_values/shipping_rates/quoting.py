"""Quotes that the shop shows before checkout."""

from rates import base_rate, express_surcharge, zone_of

FREE_FROM = 80.0


def quote(country, weight, express=False, basket_total=0.0):
    """The price of shipping in euros, rounded to cents."""
    if weight <= 0:
        raise ValueError(f"a parcel weighs something, not {weight}")
    zone = zone_of(country)
    price = 0.0 if basket_total >= FREE_FROM and zone == 1 else base_rate(zone, weight)
    if express:
        price += express_surcharge(zone, weight)
    return round(price, 2)
