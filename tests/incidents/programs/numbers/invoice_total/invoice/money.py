"""Amounts as people write them on invoices, with a comma before the cents."""

from decimal import ROUND_HALF_EVEN, Decimal

CENT = Decimal("0.01")


class Money:
    @staticmethod
    def amount(text):
        return Decimal(text.strip().replace(",", ".")).quantize(CENT)

    @staticmethod
    def tax(net, rate="19"):
        return (net * Decimal(rate) / 100).quantize(CENT, rounding=ROUND_HALF_EVEN)

    @staticmethod
    def text(amount):
        return f"{amount:.2f}".replace(".", ",")
