import json
import sys
from pathlib import Path

from contacts import load, without_doubles


def main(paths):
    found = []
    for path in paths:
        found += load(Path(path))
    json.dump(without_doubles(found), sys.stdout, indent=2)


if __name__ == "__main__":
    main(sys.argv[1:])
