import sys
from pathlib import Path

from subtitles.srt import SubRip


def main(name, seconds):
    shifted = SubRip(name).shifted(float(seconds))
    Path(name).with_suffix(".shifted.srt").write_text(shifted, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
