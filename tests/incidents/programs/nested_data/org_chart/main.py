"""Usage: main.py < people.csv"""

import csv
import sys

from chart import draw

managers = {row["person"]: row["manager"] for row in csv.DictReader(sys.stdin)}
for line in draw(managers):
    print(line)
