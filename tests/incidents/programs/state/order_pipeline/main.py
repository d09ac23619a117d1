import asyncio
import sys

from pipeline import follow


def main():
    events = [tuple(line.split()) for line in sys.stdin if line.strip()]
    orders = asyncio.run(follow(events))
    for number, article, paid in orders.done:
        print(number, article, "paid" if paid else "cancelled")
    print(len(orders.open), "still open")


if __name__ == "__main__":
    main()
