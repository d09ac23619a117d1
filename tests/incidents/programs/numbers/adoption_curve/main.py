import sys

from forecast import forecast


def main(steepness, midpoint, *days):
    wanted = [int(day) for day in days]
    counts = forecast(wanted, 10_000, midpoint=float(midpoint), steepness=float(steepness))
    for day, count in zip(wanted, counts, strict=True):
        print(f"day {day}: {count} customers")


main(*sys.argv[1:])
