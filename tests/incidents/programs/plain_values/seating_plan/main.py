"""Usage: main.py SEATS_PER_ROW < parties"""

import sys

from seating import seat_all


def read_parties(lines):
    parties = []
    for line in lines:
        if line.strip():
            name, size = line.split()
            parties.append((name, int(size)))
    return parties


def main():
    free = [int(seats) for seats in sys.argv[1].split(",")]
    for line in seat_all(free, read_parties(sys.stdin)):
        print(line)


main()
