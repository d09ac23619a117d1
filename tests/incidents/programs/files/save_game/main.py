import sys

from game import play

print("You start in level {level} with {lives} lives.".format(**play(sys.argv[1])))
