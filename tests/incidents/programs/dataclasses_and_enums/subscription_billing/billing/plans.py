from enum import Enum


class Plan(Enum):
    MONTHLY = "monthly"
    YEARLY = "yearly"
    TRIAL = "trial"

    @property
    def cents(self) -> int:
        return {Plan.MONTHLY: 900, Plan.YEARLY: 9000, Plan.TRIAL: 0}[self]

    @property
    def months(self) -> int:
        return 12 if self is Plan.YEARLY else 1
