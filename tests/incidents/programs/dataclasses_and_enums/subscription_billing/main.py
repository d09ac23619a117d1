import csv
import sys

from billing.subscriptions import Subscription, income


def main():
    subscriptions = list(map(Subscription.from_row, csv.DictReader(sys.stdin)))
    print(f"{len(subscriptions)} subscriptions, {income(subscriptions) / 100:.2f} a month")


main()
