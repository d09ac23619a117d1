import sys

from invoice.money import Money
from invoice.totals import position, total

lines = [line.strip() for line in sys.stdin if line.strip()]
net, tax = total(lines)
for pieces, what, price in map(position, lines):
    print(f"{pieces:>4}  {what:<30} {Money.text(price):>12}")
print(f"{'Summe':<36} {Money.text(net + tax):>12}")
