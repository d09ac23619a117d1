"""SubRip files: numbered cues with two times each."""

import re
from pathlib import Path

TIME = re.compile(r"(\d\d):(\d\d):(\d\d),(\d{3})")


class SubRip:
    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def read(self) -> str:
        content = self.path.read_bytes()
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError:
            return content.decode("cp1252", errors="replace")

    def shifted(self, seconds: float) -> str:
        """The same cues, later by so many seconds, but none before the start."""

        def later(match: re.Match[str]) -> str:
            hours, minutes, whole, thousandths = map(int, match.groups())
            at = ((hours * 60 + minutes) * 60 + whole) * 1000 + thousandths
            return written(max(0, at + round(seconds * 1000)))

        return TIME.sub(later, self.read())


def written(at: int) -> str:
    at, thousandths = divmod(at, 1000)
    minutes, seconds = divmod(at, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02},{thousandths:03}"
