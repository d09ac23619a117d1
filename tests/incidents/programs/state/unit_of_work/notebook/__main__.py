import sys

from notebook.commands import run

print(*run(sys.argv[1:]), sep="\n")
