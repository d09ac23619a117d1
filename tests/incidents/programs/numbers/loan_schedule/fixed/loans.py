"""Loans that are paid back in equal monthly parts."""

from collections import namedtuple

Payment = namedtuple("Payment", "month interest principal left")


def annuity(principal, *, yearly_rate=0.05, months=12):
    rate = yearly_rate / 12
    if rate == 0:
        return principal / months
    return principal * rate / (1 - (1 + rate) ** -months)


def schedule(principal, yearly_rate=0.05, months=12):
    """What of each payment is interest, what pays the loan back, and what is left."""
    payment = annuity(principal, yearly_rate=yearly_rate, months=months)
    left, payments = principal, []
    for month in range(1, months + 1):
        interest = left * yearly_rate / 12
        left -= payment - interest
        payments.append(Payment(month, round(interest, 2), round(payment - interest, 2), round(max(left, 0), 2)))
    return payments


def cost(payments):
    return sum(payment.interest for payment in payments)
