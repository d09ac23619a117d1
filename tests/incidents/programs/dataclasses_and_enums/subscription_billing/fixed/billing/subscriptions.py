"""Who pays for what."""

from __future__ import annotations

from dataclasses import dataclass

from billing.plans import Plan


@dataclass(frozen=True)
class Subscription:
    customer: str
    plan: Plan
    seats: int = 1

    @classmethod
    def from_row(cls, row: dict[str, str]) -> Subscription:
        return cls(row["customer"], Plan(row["plan"].strip().lower()), int(row["seats"] or 1))

    def monthly_cents(self) -> float:
        return self.seats * self.plan.cents / self.plan.months


def income(subscriptions: list[Subscription]) -> float:
    return sum(subscription.monthly_cents() for subscription in subscriptions)
