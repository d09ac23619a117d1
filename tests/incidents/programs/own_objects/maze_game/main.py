import sys

from house import play

for answer in play(sys.stdin):
    print(answer)
