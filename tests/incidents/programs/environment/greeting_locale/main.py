import sys
from datetime import date

from letter import letter


def main(when, amount):
    print(letter(date.fromisoformat(when), float(amount)))


main(*sys.argv[1:])
