import argparse
import sys
from datetime import date
from functools import partial

from booking import Booking, upgrade


def read(line):
    guest, day, place, age = line.split()
    return Booking(date.fromisoformat(day), place, guest, int(age))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--upgrade", nargs="*", type=date.fromisoformat, default=[])
    days = frozenset(parser.parse_args().upgrade)
    bookings = sorted(map(read, filter(str.strip, sys.stdin)))
    for booking in map(partial(upgrade, days=days), bookings):
        print(booking.day, booking.place, booking.category.name.lower(), booking.guest)


if __name__ == "__main__":
    main()
