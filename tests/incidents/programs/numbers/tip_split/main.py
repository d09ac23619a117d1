"""Usage: main.py AMOUNT NAME=SHARE ..."""

import sys

from shares import split_by_name


def cents_of(text):
    euros, _, cents = text.partition(".")
    return int(euros) * 100 + int(cents.ljust(2, "0") or 0)


def main(amount, *written):
    shares = {}
    for each in written:
        name, _, share = each.partition("=")
        shares[name] = int(share or 1)
    for name, part in split_by_name(cents_of(amount), shares).items():
        print(f"{name}: {part / 100:.2f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
