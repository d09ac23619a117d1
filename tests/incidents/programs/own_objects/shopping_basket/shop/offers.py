from shop.basket import Basket


def shipping(basket: Basket) -> float:
    """Baskets of small things ship as a letter."""
    if basket.total >= 40:
        return 0.0
    return 1.6 if basket.average_price < 2 and basket.pieces <= 3 else 4.9
