from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class Urgency(Enum):
    HIGH = 0
    NORMAL = 1
    LOW = 2


@dataclass
class Job:
    document: str
    pages: int


class Request(NamedTuple):
    urgency: Urgency
    job: Job
