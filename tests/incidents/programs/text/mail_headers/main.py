import sys

from intake.orders import order_of

order = order_of(sys.stdin.read())
print("no order" if order is None else "order {}-{}".format(*order))
