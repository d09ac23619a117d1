"""Usage: main.py BASE 'AMOUNT CURRENCY' ..."""

import sys

from rates import NoRate, convert


def main(base, *sums):
    total = 0.0
    for written in sums:
        amount, currency = written.split()
        try:
            value = convert(float(amount), currency, base=base)
        except NoRate as problem:
            print(f"left out: {problem}")
            continue
        total += value
    print(f"{total:.2f} {base}")


main(*sys.argv[1:])
