from decimal import Decimal

from invoice.money import Money


def position(line):
    """Pieces, what, and the price of all of them."""
    description, _, price = line.rpartition(";")
    pieces, _, what = description.partition(" ")
    return int(pieces), what, int(pieces) * Money.amount(price)


def total(lines):
    net = sum((position(line)[2] for line in lines), start=Decimal())
    return net, Money.tax(net)
