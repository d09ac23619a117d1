import json
import sys
from pathlib import Path

from ranking import Front


def main(path):
    front = Front(json.loads(Path(path).read_text(encoding="utf-8")))
    for place, story in enumerate(front.ranked, start=1):
        print(place, story["title"])


main(sys.argv[1])
