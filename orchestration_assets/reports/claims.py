"""Claims: one sentence and the verbatim quotes that it rests on. Nothing is said that a quote does not prove.

"Closes #12" is what somebody wrote, so a claim says "references #12"; a release commit "prepares" a release; a merge is said to be one only
where there is a merge commit.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date

from orchestration_assets.reports.in_progress import OpenWork
from orchestration_assets.reports.model import Claim, ReportEntry
from orchestration_assets.reports.patterns import Line
from orchestration_assets.reports.phrasing import (
    MAX_QUOTE,
    clip,
    listing,
    one_line,
    plain,
    subject_key,
    uncapitalised,
)
from orchestration_assets.reports.rules import rules
from orchestration_assets.reports.topics import is_distinctive
from orchestration_assets.reports.units import Unit, merge_title, read_title, subject_span
from orchestration_assets.worklogs.model import Category, Evidence, Statement
from orchestration_assets.worklogs.tense import capitalised, leading_verb
from orchestration_assets.worklogs.wording import clean_headline, imperative, is_foreign, past_tense, plural

MAX_EVIDENCE = 50
MAX_REFERENCES = 2
MAX_WORDS = 60
"""Characters that are told of a message which says little."""

_VERSION = re.compile(
    r"(?<![\w.])v?\d+(?:\.\d+)+(?:[-.+_]?(?:rc|alpha|beta|a|b|dev|pre|post)[-.]?\d*)?(?!\w)", re.IGNORECASE
)
_CANDIDATE = re.compile(r"[-.+_]?(?:rc|alpha|beta|a|b|dev|pre)[-.]?\d*$", re.IGNORECASE)
_SAYS_FIX = re.compile(r"\b(?:\w*fix(?:es|ed|up|ups)?|repairs?|corrections?)\b", re.IGNORECASE)
_NEGATED = re.compile(r"(?:do not|don['’]?t|never)\b", re.IGNORECASE)
_ADDRESS = re.compile(r"\S+@\S+\.\S+|(?<!\S)\(?@\w\S*")


def evidence_of(entries: Iterable[ReportEntry], spans: dict[str, tuple[int, int]] | None = None) -> list[Evidence]:
    """A quote of each entry (its subject, or `spans` by entry id), up to `MAX_EVIDENCE`. An entry without a word is quoted by its path."""
    found: list[Evidence] = []
    for entry in entries:
        if len(found) == MAX_EVIDENCE:
            break
        span = (spans or {}).get(entry.entry.entry_id) or subject_span(entry.entry)
        if (quote := _quote(entry, *span)) is not None:
            found.append(quote)
    return found


def line_claim(line: Line) -> Claim:
    """The claim of a line, on a quote of every entry in it."""
    members = [member for unit in line.units for member in unit.members]
    spans = {unit.lead.entry.entry_id: unit.span for unit in line.units}
    return Claim(text=_sentence(line), evidence=evidence_of(members, spans))


def open_claim(work: OpenWork, lead_in: str = "", since: date | None = None) -> Claim | None:
    """A branch in progress, by its first substantive commit, which is quoted first; None where nothing can be quoted. What is not done yet
    stands in the imperative, however its author wrote it; where nothing was done on it `since` a day, it says when something was."""
    if work.headline:
        text = imperative(work.headline)
        text = lead_in + uncapitalised(text) if lead_in else text
    else:
        area = (
            f" in {plain(work.area)}"
            if work.area and is_distinctive(work.area, work.commits[0].entry.repository)
            else ""
        )
        described = _as_described(entry.entry.subject for entry in work.commits)
        text = f"{lead_in}{'work' if lead_in else 'Work'}{area} that has not landed {described}"
    text += _extent(work, since)
    ordered = (
        [work.first, *(entry for entry in work.commits if entry is not work.first)] if work.first else work.commits
    )
    evidence = evidence_of(entry for entry in ordered if entry)
    return Claim(text=text, evidence=evidence) if evidence else None


def _extent(work: OpenWork, since: date | None) -> str:
    """` [3 commits]`, ` [3 commits, the last on 21 May]`, ` [commit of 21 May]`; "" for one recent commit."""
    last = work.commits[-1].day
    rested = since is not None and last < since
    day = f"{last.day} {last:%B}" + (f" {last.year}" if since is not None and last.year != since.year else "")
    if work.count > 1:
        return f" [{work.count:,} commits{f', the last on {day}' if rested else ''}]"
    return f" [commit of {day}]" if rested else ""


def note_claim(entry: ReportEntry) -> Claim | None:
    """A note in its own words: a plan, or a blocker that its tag calls so."""
    text = clip(capitalised(plain(entry.entry.subject)))
    evidence = evidence_of([entry])
    return Claim(text=text, evidence=evidence) if text and evidence else None


def releases_claim(entries: Sequence[ReportEntry]) -> Claim | None:
    """`Prepared releases v2.1.0 and v0.1.0-rc.10 (8 candidates)`."""
    versions = [found[0] for entry in entries if (found := _VERSION.search(_told(entry)))]
    candidates: Counter[str] = Counter()
    latest: dict[str, str] = {}
    for version in versions:
        base = _CANDIDATE.sub("", version).removeprefix("v")
        if _CANDIDATE.search(version):
            candidates[base] += 1
        if base not in latest or _CANDIDATE.search(latest[base]):
            latest[base] = version
    names = [
        f"{version} ({candidates[base]} candidates)" if candidates[base] > 1 and _CANDIDATE.search(version) else version
        for base, version in reversed(latest.items())
    ]
    evidence = evidence_of(entries)
    if not evidence:
        return None
    if not names:
        return Claim(text=f"Made {plural(len(entries), 'release commit')}", evidence=evidence)
    return Claim(text=f"Prepared {'release' if len(names) == 1 else 'releases'} {listing(names)}", evidence=evidence)


def merged_claim(entries: Sequence[ReportEntry]) -> Claim | None:
    """Merges of pull requests whose commits are told of elsewhere, or are somebody else's: only the merge itself is claimed."""
    spans = {entry.entry.entry_id: title for entry in entries if (title := merge_title(entry.entry))}
    evidence = evidence_of(entries, spans)
    if not evidence:
        return None
    numbers = [f"#{entry.analysis.pull_request}" for entry in entries]
    if len(entries) == 1:
        headline = read_title(entries[0].entry.text[slice(*spans[entries[0].entry.entry_id])])[2] if spans else ""
        return Claim(
            text=f"Merged pull request {numbers[0]}" + (f": {uncapitalised(headline)}" if headline else ""),
            evidence=evidence,
        )
    return Claim(text=f"Merged {plural(len(entries), 'pull request')} ({listing(numbers, 8)})", evidence=evidence)


def bots_claim(entries: Sequence[ReportEntry]) -> Claim | None:
    evidence = evidence_of(entries)
    updates = sum(
        1 for entry in entries if re.search(r"\b(?:bump|update|upgrade|pin|renovate|lock)", _told(entry), re.IGNORECASE)
    )
    noun = "dependency update" if updates == len(entries) else "automated change"
    return Claim(text=f"{plural(len(entries), noun)} by bots", evidence=evidence) if evidence else None


def _sentence(line: Line) -> str:
    unit = line.units[0]
    if unit.mass:
        files = sum(len(member.entry.files) for member in unit.members)
        recorded = f", recorded as “{unit.headline}”" if line.headline else ""
        return f"Changed {files:,} files at once{recorded}{_tail(line.units)}"
    if not line.headline:
        return _vague_sentence(line.units)
    return told_as_done(line.headline, line.category) + _tail(line.units)


def told_as_done(headline: str, category: Category) -> str:
    """The headline in the past tense. One without a verb names the fault, or what is supported, and not what was done: `Fix: division by
    zero returns inf`, `Added support for lids`."""
    if leading_verb(headline) is None and not is_foreign(headline):
        if category is Category.FIX and not _SAYS_FIX.search(headline) and not _NEGATED.match(headline):
            return f"Fix: {uncapitalised(headline)}"
        if category is Category.FEATURE and headline.casefold().startswith("support for "):
            return f"Added {uncapitalised(headline)}"
    return past_tense(headline)


def _vague_sentence(units: Sequence[Unit]) -> str:
    """`49 website copy edits`; else what was touched, and the few words of the messages: `1 change to docs (described only as “fix typo”)`."""
    nouns = {rules().vague_nouns.get(subject_key(unit.lead.entry.subject).rstrip(".!")) for unit in units}
    noun = nouns.pop() if len(nouns) == 1 else None
    area = plain(units[0].area or "") if is_distinctive(units[0].area or "", units[0].repository) else ""
    count = len(units)
    if noun:
        return plural(count, f"{area} {noun}".strip())
    described = _as_described(unit.lead.entry.text[slice(*unit.span)] for unit in units)
    return f"{plural(count, 'change')}{f' to {area}' if area else ''} {described}"


def _as_described(messages: Iterable[str]) -> str:
    """`(described only as “fix” and “3.11+”, 2 not at all)` of messages that say little; `(no description)` where none holds a word."""
    said = [_words_of(message) for message in messages]
    distinct = {words.casefold(): f"“{words}”" for words in said if words}
    if not distinct:
        return "(no description)"
    silent = said.count("")
    return f"(described only as {listing(list(distinct.values()), rest='others')}{f', {silent:,} not at all' if silent else ''})"


def _words_of(message: str) -> str:
    """The words of a message without prefix and numbers at its end; "" where it is empty, a placeholder or hammered keys."""
    words = clip(plain(clean_headline(one_line(message[:MAX_QUOTE]))), MAX_WORDS)
    return words if re.search(r"\w", words) and not rules().no_words.fullmatch(words.strip(" .…!?")) else ""


def _tail(units: Sequence[Unit]) -> str:
    """`(#1808, references #12)`, `[4 PRs]` or `[3 commits]`."""
    requests = list(dict.fromkeys(unit.pull_request for unit in units if unit.pull_request is not None))
    commits = sum(len([m for m in unit.members if not m.entry.is_merge]) for unit in units)
    if len(requests) > 1:
        return f" [{len(requests):,} PRs]"
    references = _references(units[0]) if len(units) == 1 else []
    inside = [f"#{requests[0]}"] if requests else []
    inside += [f"references {listing(references)}"] if references else []
    brackets = f" ({', '.join(inside)})" if inside else ""
    notes = units[0].kind == "note"
    return brackets if requests or commits == 1 else f"{brackets} [{plural(commits, 'note' if notes else 'commit')}]"


def _references(unit: Unit) -> list[str]:
    """Issues that the unit's messages say they close: at most `MAX_REFERENCES`."""
    own = f"#{unit.pull_request}"
    found = [
        reference.target
        if reference.target.startswith("#")
        else f"#{reference.target}"
        if reference.target.isdigit()
        else reference.target
        for member in unit.members
        for reference in member.analysis.references
        if reference.kind == "issue" and reference.closing
    ]
    shown = (target for target in dict.fromkeys(found) if not target.endswith(own) and target not in unit.headline)
    return [target for target in shown if re.fullmatch(r"[\w./-]*#?[\w-]+", target)][:MAX_REFERENCES]


def statement_claim(entry: ReportEntry, statement: Statement) -> Claim | None:
    """A blocker or follow-up in the entry's own words; None where its quote is not verbatim."""
    evidence, text = statement.evidence, clip(capitalised(plain(statement.text)))
    verbatim = evidence.where != "message" or entry.entry.text[evidence.start : evidence.end] == evidence.quote
    if not text or not evidence.quote or not verbatim or evidence.entry_id != entry.entry.entry_id:
        return None
    return Claim(text=text, evidence=[evidence])


def _quote(entry: ReportEntry, start: int, end: int) -> Evidence | None:
    known = entry.entry
    start, end = _without_address(known.text, start, min(end, start + MAX_QUOTE))
    if start < end:
        return Evidence(entry_id=known.entry_id, where="message", start=start, end=end, quote=known.text[start:end])
    for index, file in enumerate(known.files):
        if file.path:
            path = file.path[:MAX_QUOTE]
            return Evidence(entry_id=known.entry_id, where="path", index=index, start=0, end=len(path), quote=path)
    return None


def _without_address(text: str, start: int, end: int) -> tuple[int, int]:
    """The longer side of an e-mail address or a handle in a quote: documents carry none."""
    while found := _ADDRESS.search(text, start, end):
        if found.start() - start >= end - found.end():
            end = found.start()
        else:
            start = found.end()
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _told(entry: ReportEntry) -> str:
    return entry.entry.text[slice(*(merge_title(entry.entry) or subject_span(entry.entry)))]
