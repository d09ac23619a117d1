"""Sorts the pictures of a camera by day."""

from __future__ import annotations

import shutil
from collections import defaultdict
from pathlib import Path

SUFFIXES = (".jpg", ".jpeg", ".png")


def taken_on(picture: Path) -> str:
    """The day in a camera's file name, such as IMG_20240702_101530.jpg."""
    digits = picture.stem.split("_")[1]
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}"


def pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)


def by_day(folder: Path) -> dict[str, list[Path]]:
    days: dict[str, list[Path]] = defaultdict(list)
    for picture in pictures(folder):
        days[taken_on(picture)].append(picture)
    return dict(days)


def arrange(folder: Path, target: Path) -> int:
    """Copies each picture into its day's folder; how many there are."""
    copied = 0
    for day, found in by_day(folder).items():
        (target / day).mkdir(parents=True, exist_ok=True)
        for picture in found:
            shutil.copy2(picture, target / day / picture.name)
            copied += 1
    return copied
