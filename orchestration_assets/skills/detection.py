"""Which skills one entry shows, and by what: its imports, manifests, file types, note tags and words. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from orchestration_assets.skills.model import Signal, SkillItem, SkillMention
from orchestration_assets.skills.taxonomy import Taxonomy
from orchestration_assets.worklogs.manifests import ecosystem
from orchestration_assets.worklogs.model import Entry, Evidence, Excerpt, ExcerptKind, FileChange
from orchestration_assets.worklogs.touched import is_generated, is_lock, is_vendored

TESTING = "testing"
SIGNALS: Mapping[ExcerptKind, Signal] = {
    ExcerptKind.IMPORT: "import",
    ExcerptKind.DEPENDENCY_ADDED: "manifest",
    ExcerptKind.DEPENDENCY_DROPPED: "manifest",
}
"""What a quoted line is a signal of. A TODO is none: what somebody means to use is not used."""

_FIXTURES = re.compile(
    r"(?:^|/)(?:__)?(?:fixtures?|testdata|test[-_]data|snapshots?|cassettes|corpus|goldens?|mocks?|samples?)(?:__)?/"
    r"|(?:^|/)(?:tests?|spec|__tests__|e2e)/(?:[^/]+/)*(?:data|resources|files|assets|inputs?|outputs?|expected|cases)/"
    r"|(?:^|/)queries/.*\.scm$",
    re.IGNORECASE,
)
_TESTS = re.compile(
    r"(?:^|/)(?:tests?|spec|__tests__|e2e)/|(?:^|/)test_[^/]*$|(?:^|/)conftest\.py$|_tests?\.\w+$|\.(?:test|spec)\.\w+$",
    re.IGNORECASE,
)
_ILLUSTRATION = re.compile(r"(?:^|/)(?:examples?|docs?|demos?|tutorials?|benchmarks?)/", re.IGNORECASE)
_TRAILER = re.compile(
    r"^(?:signed-off-by|co-authored-by|reviewed-by|acked-by|tested-by|reported-by|cc|change-id|generated with)\b.*$",
    re.IGNORECASE | re.MULTILINE,
)


@lru_cache(maxsize=65536)
def is_authored_path(path: str) -> bool:
    """True for a file that somebody wrote here: no fixture, lock file, generated or vendored file."""
    return not (_FIXTURES.search(path) or is_generated(path) or is_lock(path) or is_vendored(path))


def was_written(file: FileChange) -> bool:
    """True for an authored file that gained a line. A file that was only deleted or renamed shows no use."""
    return file.added != 0 and is_authored_path(file.path)


def is_test_path(path: str) -> bool:
    return _TESTS.search(path) is not None


def counts_as_evidence(item: SkillItem) -> bool:
    """Merges, bots, releases and commits of hundreds of files show nothing of what their author can do."""
    entry, analysis = item.entry, item.analysis
    return not (entry.is_merge or entry.is_bot or entry.vanished or analysis.is_release or analysis.is_mass)


def detect(item: SkillItem, taxonomy: Taxonomy) -> Iterator[SkillMention]:
    """Every mention of a skill in an entry, each with a verbatim quote; the same skill may be mentioned several times."""
    if not counts_as_evidence(item):
        return
    for excerpt in item.excerpts:
        yield from _in_excerpt(item.entry, excerpt, taxonomy)
    yield from _in_paths(item.entry, taxonomy)
    yield from _in_tags(item.entry, taxonomy)
    yield from _in_message(item.entry, taxonomy)


def skill_of(excerpt: Excerpt, taxonomy: Taxonomy) -> str | None:
    """The skill that a quoted line shows. Fixtures, examples and documentation show none; tests show what is for testing only."""
    if not is_authored_path(excerpt.path) or _ILLUSTRATION.search(excerpt.path):
        return None
    if excerpt.kind is ExcerptKind.IMPORT:
        skill = taxonomy.by_import(excerpt.language, excerpt.name)
        if skill and is_test_path(excerpt.path) and taxonomy.skills[skill].category != TESTING:
            return None
        return skill
    registry = ecosystem(excerpt.path)
    return taxonomy.by_package(registry, excerpt.name) if registry and excerpt.kind in SIGNALS else None


def _in_excerpt(entry: Entry, excerpt: Excerpt, taxonomy: Taxonomy) -> Iterator[SkillMention]:
    """The line without its indentation, as a quote."""
    if skill := skill_of(excerpt, taxonomy):
        quote = excerpt.line.strip()
        start = excerpt.line.index(quote)
        yield SkillMention(
            skill=skill,
            signal=SIGNALS[excerpt.kind],
            evidence=Evidence(
                entry_id=entry.entry_id,
                where="excerpt",
                index=excerpt.number,
                start=start,
                end=start + len(quote),
                quote=quote,
            ),
            dropped=excerpt.kind is ExcerptKind.DEPENDENCY_DROPPED,
        )


def _in_paths(entry: Entry, taxonomy: Taxonomy) -> Iterator[SkillMention]:
    """Each file type once an entry, by its first file."""
    seen: set[str] = set()
    for index, file in enumerate(entry.files):
        if not was_written(file):
            continue
        for skill in skills_of_path(file.path, taxonomy):
            if skill not in seen:
                seen.add(skill)
                evidence = Evidence(
                    entry_id=entry.entry_id, where="path", index=index, start=0, end=len(file.path), quote=file.path
                )
                yield SkillMention(skill=skill, signal="file_type", evidence=evidence)


def skills_of_path(path: str, taxonomy: Taxonomy) -> tuple[str, ...]:
    """The skills that a file's name shows. In documentation and examples only formats count: the rest is mostly scaffolding."""
    return _skills_of_path(taxonomy, path)


@lru_cache(maxsize=65536)
def _skills_of_path(taxonomy: Taxonomy, path: str) -> tuple[str, ...]:
    found = taxonomy.by_path(path)
    if _ILLUSTRATION.search(path):
        return tuple(skill for skill in found if taxonomy.skills[skill].low_value)
    return tuple(found)


def _in_tags(entry: Entry, taxonomy: Taxonomy) -> Iterator[SkillMention]:
    """A tag is evidence by the note that bears it; the quote is the note's first line."""
    first = entry.text.split("\n", 1)[0]
    for tag in entry.tags:
        if (skill := taxonomy.canonical(tag)) and first:
            evidence = Evidence(entry_id=entry.entry_id, where="message", start=0, end=len(first), quote=first)
            yield SkillMention(skill=skill, signal="note_tag", evidence=evidence)


def _in_message(entry: Entry, taxonomy: Taxonomy) -> Iterator[SkillMention]:
    trailers = [found.span() for found in _TRAILER.finditer(entry.text)]
    for match in taxonomy.find_in_text(entry.text):
        if not any(start <= match.start < end for start, end in trailers):
            quote = entry.text[match.start : match.end]
            evidence = Evidence(entry_id=entry.entry_id, where="message", start=match.start, end=match.end, quote=quote)
            yield SkillMention(skill=match.skill, signal="message", evidence=evidence)
