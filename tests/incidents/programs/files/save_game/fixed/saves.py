"""Saved games: one file each, numbered; the last one is gone on with."""

import json
import os
from contextlib import contextmanager
from pathlib import Path


class SaveFolder:
    def __init__(self, folder="saves"):
        self.folder = Path(folder)

    def paths(self):
        return sorted(path for path in self.folder.glob("*.json") if path.stat().st_size)

    def latest(self):
        paths = self.paths()
        return self.load(paths[-1]) if paths else None

    @staticmethod
    def load(path):
        return json.loads(path.read_text())

    def save(self, state):
        self.folder.mkdir(exist_ok=True)
        number = len(self.paths()) + 1
        path = self.folder / f"{number:03}.json"
        with replaced(path) as file:
            json.dump(state, file)
        return path


@contextmanager
def replaced(path):
    draft = path.with_suffix(".draft")
    with draft.open("w") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
