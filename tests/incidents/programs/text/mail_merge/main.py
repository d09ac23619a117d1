import json
import sys
from pathlib import Path

from merge.template import render


def main(path):
    text = Path(path).read_text(encoding="utf-8")
    print(render(text, **json.load(sys.stdin)))


if __name__ == "__main__":
    main(sys.argv[1])
