"""Usage: shop ARTICLE*PIECES@PRICE ... ; /ARTICLE takes it out again."""

import re
import sys

from shop.basket import Basket, Line
from shop.offers import shipping


def filled(steps):
    basket = Basket()
    for step in steps:
        if step.startswith("/"):
            basket.drop(step[1:])
        else:
            article, pieces, price = re.split(r"[*@]", step)
            basket.add(Line(article, int(pieces), float(price)))
    return basket


def main(steps):
    basket = filled(steps)
    print(f"{basket.pieces} pieces, {basket.total:.2f} and {shipping(basket):.2f} for shipping")


main(sys.argv[1:])
