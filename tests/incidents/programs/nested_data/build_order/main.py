import sys

from order import plan


def read(lines):
    needs = {}
    for line in lines:
        package, colon, wanted = line.partition(":")
        if colon:
            needs[package.strip()] = frozenset(wanted.split())
    return needs


def main(goals):
    for number, layer in enumerate(plan(read(sys.stdin), goals), start=1):
        print(number, *layer)


if __name__ == "__main__":
    main(sys.argv[1:])
