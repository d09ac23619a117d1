"""Usage: main.py DOWN ACROSS < rows.jsonl"""

import json
import sys

from pivot import as_text, pivot


def load(stream):
    return [json.loads(line) for line in stream if line.strip()]


def main():
    down, across = sys.argv[1:3]
    rows = load(sys.stdin)
    print(as_text(*pivot(rows, down, across)))


main()
