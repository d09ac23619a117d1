"""What made a run fail, in a form in which the same cause looks the same in every run.

What belongs here: pure functions from what a run's events say to a cause, and from a cause to what a person reads. What an exception says is
anybody's text: it is scrubbed, cut short, and shown as text only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from resources.language_model.agent import content_hash
from resources.scrubbing import scrub

LONGEST_SENTENCE = 300
_CLASS_BEFORE_MESSAGE = re.compile(r"^[A-Za-z_][\w.]*(?:Error|Exception|Failure|Interrupt|Exit|Warning)?:\s+")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s")
_UNSAYABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, those that turn the direction of writing, and halves of characters."""
_DIFFERS = (
    (re.compile(r"\b[a-z][a-z0-9+.-]{0,20}://[^\s'\"<>]+", re.IGNORECASE), "<address>"),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"(?<![\w.])~?(?:\.{0,2}/|[A-Za-z]:\\)[^\s'\",;:()<>]+|\b[\w.-]+(?:/[\w.@+-]+)+"), "<path>"),
    (re.compile(r"\b0x[0-9a-f]+\b|\b(?=[0-9a-f]*\d)(?=[0-9]*[a-f])[0-9a-f]{7,}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"\d+(?:[.,:]\d+)*"), "<number>"),
)
"""What two failures of the same cause may differ in."""


@dataclass(frozen=True)
class Cause:
    """`place` is the asset, operation or job; `error` the class of the error; `sentence` the first that it says."""

    place: str
    error: str
    sentence: str

    @property
    def hash(self) -> str:
        return content_hash(self.place, self.error, like_others(self.sentence))[:16]

    @property
    def says(self) -> str:
        return f"{self.place}: {self.error}: {self.sentence}"[:500]


def cause_of(place: str, error: str, message: str) -> Cause:
    """From an error's class, as `module.Class` or `Class`, and its message, which may begin with it."""
    return Cause(_plain(place), _plain(error.rpartition(".")[2]), first_sentence(message))


def first_sentence(message: str) -> str:
    """Without secrets, and without the name of the class that Python writes before it."""
    first_line = next((line for line in message.strip().splitlines() if line.strip()), "")
    said = _SENTENCE_END.split(_CLASS_BEFORE_MESSAGE.sub("", scrub(first_line[:2000]), count=1))[0]
    whole = " ".join(_UNSAYABLE.sub(" ", said).split())
    return whole if len(whole) <= LONGEST_SENTENCE else whole[: LONGEST_SENTENCE - 1] + "…"


def like_others(sentence: str) -> str:
    """The sentence without numbers, ids, paths and addresses."""
    for pattern, name in _DIFFERS:
        sentence = pattern.sub(name, sentence)
    return sentence.lower()


def issue_text(cause: Cause, run: str, job: str, failures: int) -> tuple[str, str]:
    """Title and body of an issue, in Markdown."""
    often = "for the first time" if failures == 1 else f"for the {failures:,}th time"
    fence = "`" * (3 + max((len(run) for run in re.findall(r"`+", cause.sentence)), default=0))
    title = f"Runs fail at {cause.place}: {cause.error}"[:200]
    body = (
        f"A run of `{_plain(job)}` failed at `{cause.place}`, {often} by this cause:\n\n"
        f"{fence}text\n{cause.error}: {cause.sentence}\n{fence}\n\n"
        f"Run `{_plain(run)}`; its log is in `soloist ui`, under Runs. The same cause is told again after seven days, or once it "
        "comes back after a success."
    )
    return title, body


def _plain(name: str) -> str:
    """A name that cannot be Markdown, a mention or a line of its own."""
    return re.sub(r"[^\w.\[\]-]", "_", name)[:100] or "unknown"
