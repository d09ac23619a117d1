import sys

from factors import factors
from pool import spread


def main(written):
    numbers = [int(number) for number in written]
    for number, found in zip(numbers, spread(factors, numbers), strict=True):
        print(number, "=", " * ".join(map(str, found)))


if __name__ == "__main__":
    main(sys.argv[1:])
