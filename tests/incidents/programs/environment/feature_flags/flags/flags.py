import os
import zlib

from flags.parsing import parse


class Flags:
    def __init__(self, shares):
        self.shares = shares

    @classmethod
    def load(cls, variable="FEATURES"):
        return cls(dict(parse(each) for each in os.environ.get(variable, "").split(",") if each))

    def is_on(self, name, person):
        return zlib.crc32(f"{name}:{person}".encode()) % 100 < 100 * self.shares.get(name, 0)
