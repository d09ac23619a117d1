import argparse
import json
import sys

from menus.card import card


def main(argv=None):
    parser = argparse.ArgumentParser(prog="menus")
    parser.add_argument("--indent", type=int, default=2)
    options = parser.parse_args(argv)
    print(card(json.load(sys.stdin), options.indent))


if __name__ == "__main__":
    main()
