"""What an entry says of itself in its own words: activities, blockers and follow-ups, each with its verbatim quote.

What belongs here: cutting a message into bullets and sentences with their offsets, and the phrases that make one of them a blocker or a
follow-up. Nothing is inferred: where no phrase stands, nothing is returned.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestration_assets.worklogs.classification import is_vague
from orchestration_assets.worklogs.model import Evidence, Excerpt, ExcerptKind, Statement
from orchestration_assets.worklogs.references import closing_spans
from orchestration_assets.worklogs.tables import any_of, words
from orchestration_assets.worklogs.tense import leading_verb
from orchestration_assets.worklogs.wording import clean_headline, strip_prefixes

MAX_STATEMENTS = 50
"""Of one kind and entry: a message that lists more is a log, not an account."""

MAX_SENTENCE = 1000
"""Characters: what is longer is no sentence of a person, but a log or a paste."""

BLOCKER_TAGS = frozenset({"blocker", "blocked", "blocking"})
FOLLOW_UP_TAGS = frozenset({"plan", "planned", "todo", "next", "upcoming", "follow-up", "followup"})

_NO_ACTIVITIES = frozenset(words("verbs", "no_activities"))

_BULLET = re.compile(r"[ \t]*(?:[-*+•]|\d{1,2}[.)])[ \t]+(?:\[[ xX]\][ \t]+)?")
_FENCE = re.compile(r"[ \t]*(?:```|~~~)")
_NOISE = any_of("phrases", "noise")
_SENTENCE_END = re.compile(
    r"(?<=[.!?])(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\bvs\.)(?<!\betc\.)(?<!\bcf\.)[)\"']?\s+(?=[A-Z`\"'(\[*]|https?:)"
)
_HEADING = any_of("phrases", "headings")

_TARGET = r"(?:https?://\S+|(?:[\w.-]{1,60}(?:/[\w.-]{1,60}){1,4})?#\d{1,7}|GH-\d+|\b(?:PR|MR|issue|pull request|ticket|bug)\s+#?\d+|\b[A-Z][A-Z0-9]{1,9}-\d+\b)"
_PHRASE = f"(?:{any_of('phrases', 'blockers').pattern})"
_RESOLVED = r"(?:fixed|resolved|released|merged|closed|addressed|done|available|implemented|landed|published|approved|answered|back)"
_BLOCKER = re.compile(
    rf"{_PHRASE}(?:[^.!?]{{0,80}}?|.{{0,20}}?)(?P<target>{_TARGET})"
    rf"|\b(?:until|as\s+long\s+as|before)\s+[^!?]{{0,60}}?(?P<until>{_TARGET})[^.!?]{{0,30}}?"
    rf"\b(?:lands?|ships?|(?:is|are|gets?|has\s+been|have\s+been|isn't|not)\s+(?:not\s+)?(?:been\s+)?{_RESOLVED})\b",
    re.IGNORECASE | re.DOTALL,
)
_NOTE_BLOCKER = re.compile(
    rf"{_PHRASE}|\buntil\s+[^.!?]{{0,60}}?\b(?:is|are|gets?|has\s+been)\s+{_RESOLVED}\b", re.IGNORECASE
)
_NOT_BLOCKING = re.compile(
    r"(?:\bno longer|\bnot|n't|\bwas|\bwere|\bhad been|\bpreviously|\bnever|\bstop(?:ped)?|\bavoid(?:ed)?|\binstead of|\bwithout)\s+(?:\w+\s+)?$",
    re.IGNORECASE,
)
_SQUASH_TAIL = re.compile(r"(?:\s*\((?:#|GH-|!)\d+\))+[\s.]*\Z")
_REPAIRS = frozenset({"fix", "avoid", "stop", "prevent", "resolve", "remove", "close", "unblock", "handle", "repair"})

_FOLLOW_UP = any_of("phrases", "follow_ups")
_BLOCKER_HINTS = tuple(words("phrases", "blocker_hints"))
_FOLLOW_UP_HINTS = tuple(words("phrases", "follow_up_hints"))


@dataclass(frozen=True, slots=True)
class Segment:
    """A bullet or sentence of a message at `start:end`. `under` is the heading ("TODO:") that a bullet stands under."""

    start: int
    end: int
    is_bullet: bool
    under: str = ""


@dataclass(frozen=True, slots=True)
class Statements:
    """What an entry says it did, what hinders it, and what is left to do."""

    activities: list[Statement]
    blockers: list[Statement]
    follow_ups: list[Statement]


def statements(
    entry_id: str, text: str, *, is_note: bool = False, tags: Sequence[str] = (), excerpts: Sequence[Excerpt] = ()
) -> Statements:
    """The statements of a message. A commit's blocker needs a phrase and what it waits for (an issue, a request, an address); in a note the
    phrase, or a tag, suffices. A note's sentences are its activities unless they are one of the others."""
    found = Statements([], [], [])
    tagged = frozenset(tag.lower().lstrip("#") for tag in tags) if is_note else frozenset()
    lowered = text.lower()
    seek = _Seek(
        is_note=is_note,
        plans=bool(tagged & FOLLOW_UP_TAGS),
        blocks=bool(tagged & BLOCKER_TAGS),
        may_block=any(hint in lowered for hint in _BLOCKER_HINTS),
        may_follow=any(hint in lowered for hint in _FOLLOW_UP_HINTS),
    )
    if is_note or seek.may_block or seek.may_follow or "\n" in text.rstrip():
        _collect(found, entry_id, text, seek)
    found.follow_ups.extend(_todos(excerpts))
    return found


def segments(text: str) -> Iterator[Segment]:
    """The bullets and sentences of a message in their order, without trailers, code, quotations and headings."""
    for start, end, is_bullet, under in _blocks(text):
        begin = start
        for match in _SENTENCE_END.finditer(text, start, end):
            if match.start() > begin:
                yield Segment(begin, match.start(), is_bullet, under)
            begin = match.end()
        if begin < end:
            yield Segment(begin, end, is_bullet, under)


def statement(entry_id: str, text: str, start: int, end: int, shown: str | None = None) -> Statement:
    """A statement that quotes `text[start:end]`; `shown` is its text, by default the quote on one line without its final point."""
    quote = text[start:end]
    return Statement.model_construct(
        text=" ".join((quote if shown is None else shown).split()).rstrip("."),
        evidence=Evidence.model_construct(
            entry_id=entry_id, where="message", index=0, start=start, end=end, quote=quote
        ),
    )


def is_blocker(sentence: str, *, is_note: bool = False) -> bool:
    """True where the sentence says that the work waits for something else. What it closes is no blocker, nor is what it no longer waits
    for."""
    if is_note:
        match = _NOTE_BLOCKER.search(sentence)
        return match is not None and _NOT_BLOCKING.search(sentence, 0, match.start()) is None
    sentence = _SQUASH_TAIL.sub("", sentence)
    closing = closing_spans(sentence)
    for match in _BLOCKER.finditer(sentence):
        group = "target" if match["target"] is not None else "until"
        closes = any(start <= match.start(group) < end for start, end in closing)
        if not closes and not _NOT_BLOCKING.search(sentence, 0, match.start()):
            return leading_verb(strip_prefixes(sentence)) not in _REPAIRS
    return False


def is_follow_up(sentence: str) -> bool:
    """True where the sentence says explicitly that something is left for later."""
    return _FOLLOW_UP.search(sentence) is not None


@dataclass(frozen=True, slots=True)
class _Seek:
    """What to look for in a message: what its tags say it is, and which phrases its words leave possible."""

    is_note: bool
    plans: bool
    blocks: bool
    may_block: bool
    may_follow: bool


def _collect(found: Statements, entry_id: str, text: str, seek: _Seek) -> None:
    subject_end = text.find("\n")
    subject_end = len(text) if subject_end < 0 else subject_end
    seen = {text[:subject_end].strip().lower()}
    for segment in segments(text):
        quote = text[segment.start : segment.end]
        if len(quote) > MAX_SENTENCE and not seek.is_note:
            continue
        if seek.plans or (seek.may_follow and (segment.under or is_follow_up(quote))):
            _append(found.follow_ups, statement(entry_id, text, segment.start, segment.end))
        elif seek.blocks or (seek.may_block and is_blocker(quote, is_note=seek.is_note)):
            _append(found.blockers, statement(entry_id, text, segment.start, segment.end))
        elif seek.is_note:
            _append(found.activities, statement(entry_id, text, segment.start, segment.end))
        elif segment.start >= subject_end and quote.lower() not in seen:
            seen.add(quote.lower())
            _append_activity(found.activities, entry_id, text, segment)


def _append_activity(activities: list[Statement], entry_id: str, text: str, segment: Segment) -> None:
    """A bullet or sentence of a commit's body counts where a known verb leads it."""
    quote = text[segment.start : segment.end]
    bare = strip_prefixes(quote)
    verb = leading_verb(bare[:120])
    if verb is None or verb in _NO_ACTIVITIES or len(activities) >= MAX_STATEMENTS:
        return
    shown = clean_headline(" ".join(quote.split()))
    if shown and not is_vague(shown):
        activities.append(statement(entry_id, text, segment.start, segment.end, shown))


def _append(found: list[Statement], made: Statement) -> None:
    if len(found) < MAX_STATEMENTS and any(letter.isalnum() for letter in made.text):
        found.append(made)


def _todos(excerpts: Sequence[Excerpt]) -> Iterator[Statement]:
    """TODO and FIXME comments that the commit added."""
    for excerpt in excerpts:
        if excerpt.kind != ExcerptKind.TODO_ADDED:
            continue
        quote = excerpt.name if excerpt.name and excerpt.name in excerpt.line else excerpt.line.strip()
        start = excerpt.line.find(quote)
        if quote:
            evidence = Evidence.model_construct(
                entry_id=excerpt.entry_id,
                where="excerpt",
                index=excerpt.number,
                start=start,
                end=start + len(quote),
                quote=quote,
            )
            yield Statement.model_construct(text=" ".join((excerpt.name or quote).split()), evidence=evidence)


def _blocks(text: str) -> Iterator[tuple[int, int, bool, str]]:
    """(start, end, is_bullet, heading) of the subject, each paragraph and each bullet; hard-wrapped lines are joined."""
    block: _Block | None = None
    heading = ""
    fenced = False
    position = 0
    for number, line in enumerate(text.split("\n")):
        start, position = position, position + len(line) + 1
        stripped = line.strip()
        bullet = _BULLET.match(line)
        is_fence = _FENCE.match(line) is not None
        is_heading = number > 0 and (block is None or bullet is None) and _HEADING.fullmatch(stripped) is not None
        skipped = not stripped or is_fence or fenced or is_heading or _is_noise(stripped)
        skipped = skipped or (block is None and bullet is None and number > 0 and line.startswith(("    ", "\t")))
        fenced = fenced != is_fence
        if block is not None and (skipped or bullet is not None or number == 1):
            yield block.start, block.end, block.is_bullet, heading if block.is_bullet else ""
            block = None
        if is_heading:
            heading = stripped
        if skipped:
            continue
        if block is None:
            heading = heading if bullet is not None else ""
            inner = bullet.end() if bullet is not None else len(line) - len(line.lstrip())
            block = _Block(start + inner, start + len(line.rstrip()), bullet is not None)
        else:
            block.end = start + len(line.rstrip())
    if block is not None:
        yield block.start, block.end, block.is_bullet, heading if block.is_bullet else ""


@dataclass(slots=True)
class _Block:
    start: int
    end: int
    is_bullet: bool


def _is_noise(line: str) -> bool:
    return _NOISE.match(line) is not None
