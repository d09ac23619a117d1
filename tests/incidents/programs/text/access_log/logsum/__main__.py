import sys

from logsum.summary import summarise


def main():
    lines = [line.rstrip("\n") for line in sys.stdin if line.strip()]
    for path, requests, size in summarise(lines):
        print(f"{size:>10} {requests:>5} {path}")


main()
