"""Usage: main.py NAME=FLOOR ... -- FROM>TO ..."""

import sys

from elevators import Elevator, House


def house_of(written):
    elevators = []
    for each in written:
        name, _, floor = each.partition("=")
        elevators.append(Elevator(name, in_service=False) if floor == "out" else Elevator(name, int(floor)))
    return House(*elevators)


def main(arguments):
    middle = arguments.index("--")
    house = house_of(arguments[:middle])
    for ride in arguments[middle + 1 :]:
        start, _, end = ride.partition(">")
        print(f"{ride}: {house.call(int(start), int(end))}")
    print(f"moved by {house.moved} floors")


main(sys.argv[1:])
