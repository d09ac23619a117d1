import sys

from tickets import Desk


def main(letter, size):
    desk = Desk(letter, int(size))
    guests = (line.strip() for line in sys.stdin if line.strip())
    print("\n".join(desk.serve(guests)))


if __name__ == "__main__":
    main(*sys.argv[1:])
