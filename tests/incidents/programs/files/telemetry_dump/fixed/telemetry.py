"""Binary records of a model rocket's flight.

A file begins with four bytes that name the format. A record is, in little endian: milliseconds (uint32), stage
(uint16), degrees Celsius (int16) and kilopascal (float32).
"""

import struct
from typing import NamedTuple

MAGIC = b"TLM1"
RECORD = struct.Struct("<IHhf")


class Sample(NamedTuple):
    at: int
    stage: int
    temperature: int
    pressure: float


class Dump:
    def __init__(self, content: bytes) -> None:
        if content[:4] != MAGIC:
            raise ValueError("this is no telemetry")
        self._content = content[4:]

    def __len__(self) -> int:
        return len(self._content) // RECORD.size

    def unpack(self, index: int) -> Sample:
        chunk = self._content[index * RECORD.size : (index + 1) * RECORD.size]
        return Sample(*RECORD.unpack(chunk))

    def __iter__(self):
        return (self.unpack(index) for index in range(len(self)))


def highest(samples):
    """Where the air was thinnest."""
    return min(samples, key=lambda sample: sample.pressure)
