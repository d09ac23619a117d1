import json
import sys

from stock import merged, missing


def main():
    told = json.load(sys.stdin)
    stock = merged(told["stock"], told["movements"])
    for warehouse, article in missing(stock, told.get("least", 2)):
        print(f"{warehouse}: order {article}")
    json.dump(stock, sys.stdout, indent=2, sort_keys=True)


if __name__ == "__main__":
    main()
