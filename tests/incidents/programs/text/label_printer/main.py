import argparse
import csv
import sys

from labels import job

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--copies", type=int, default=1)
    arguments = parser.parse_args()
    sys.stdin.reconfigure(encoding="utf-8")
    rows = [row for row in csv.reader(sys.stdin, delimiter=";") if row]
    sys.stdout.buffer.write(job(rows, arguments.copies))
