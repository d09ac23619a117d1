"""What an entry was about, told without a model: the extractive rules put together into one `Analysis`.

What belongs here: which rule decides which field. The rules themselves are in the modules that this one imports.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from orchestration_assets.worklogs.classification import (
    category_of_type,
    category_of_words,
    is_branch_name,
    is_release,
    is_vague,
)
from orchestration_assets.worklogs.conventional import Conventional, parse
from orchestration_assets.worklogs.model import Analysis, AnalysisItem, Category, Entry, Excerpt, ExcerptKind
from orchestration_assets.worklogs.references import pull_request, references, reverts
from orchestration_assets.worklogs.statements import statements
from orchestration_assets.worklogs.touched import areas, distinctive_area, is_mass, languages, substantive_lines
from orchestration_assets.worklogs.wording import clean_headline, prefix_scope

MAX_TEXT, MAX_SUBJECT = 65_536, 400
"""Characters that are read of a message and of a subject: a hostile or machine-made one costs no more than these."""

_MERGED_BRANCH = re.compile(r"(?:\bfrom\s+[\w.-]+[/:]|\bbranch\s+'|\bin\s+)([^\s']+)")
_NO_TITLE = re.compile(r"#|[*-] |[\w-]+-by:|See merge request|Conflicts:|https?://\S+$", re.IGNORECASE)
_BREAKING = re.compile(r"^BREAKING[ -]CHANGE: ", re.MULTILINE)


class Kind(NamedTuple):
    """What an entry is by its convention, its merge or its marks; `category` is None where only its words can tell."""

    convention: Conventional | None
    category: Category | None
    reverts: str | None
    is_release: bool


def analyse(item: AnalysisItem) -> Analysis:
    """The analysis of an entry by rules alone. Never raises for what a message may hold."""
    entry = item.entry
    text = entry.text[:MAX_TEXT]
    kind = kind_of(entry)
    title = _title(entry)[:MAX_SUBJECT]
    headline = clean_headline(title)
    vague = not headline or (is_vague(headline) and not kind.is_release)
    if (
        kind.reverts is not None
        and kind.convention is not None
        and kind.convention.type.text.lower() == "revert"
        and headline
    ):
        headline = f'Revert "{headline}"'
    paths = [file.path for file in entry.files]
    area = distinctive_area(paths, _root_names(entry.repository)) if paths else None
    said = statements(entry.entry_id, text, is_note=entry.source == "note", tags=entry.tags, excerpts=item.excerpts)
    added, dropped = _dependencies(item.excerpts)
    return Analysis.model_construct(
        category=kind.category or category_of_words(_description(kind.convention, title), entry.files),
        scope=_scope(kind.convention, title),
        breaking=_is_breaking(kind.convention, text),
        headline=(area or "") if vague else headline,
        vague=vague,
        pull_request=entry.number if entry.source == "pull_request" else pull_request(text),
        reverts=kind.reverts,
        references=references(entry.entry_id, text),
        languages=languages(paths),
        areas=areas(paths),
        area=area,
        dependencies_added=added,
        dependencies_dropped=dropped,
        is_release=kind.is_release,
        is_mass=is_mass(entry.files),
        substantive_lines=substantive_lines(entry.files),
        activities=said.activities,
        blockers=said.blockers,
        follow_ups=said.follow_ups,
        dropped_claims=0,
    )


def kind_of(entry: Entry) -> Kind:
    """What the entry says of its own kind, in the order of what weighs most: merge, revert, release, conventional type."""
    text = entry.text[:MAX_TEXT]
    convention = parse(text)
    reverted = reverts(text, convention)
    release = entry.source == "git" and not entry.is_merge and is_release(entry.subject[:MAX_SUBJECT], entry.files)
    if entry.is_merge:
        category: Category | None = Category.MERGE
    elif reverted is not None:
        category = Category.REVERT
    elif release:
        category = Category.RELEASE
    else:
        category = category_of_type(convention) if convention is not None else None
    return Kind(convention, category, reverted, release)


def _title(entry: Entry) -> str:
    """The line that says what was done: of a merge the title that its body opens with, where that is more than the branch's name."""
    if not entry.is_merge:
        return entry.subject
    head, _, body = entry.text.partition("\n")
    title = next((line.strip() for line in body.splitlines() if line.strip()), "")
    if not title and head.startswith("Merged PR "):
        title = head.partition(":")[2].strip()
    branch = _MERGED_BRANCH.search(head)
    if not title or _NO_TITLE.match(title) or is_branch_name(title, branch[1] if branch is not None else ""):
        return "" if head.startswith(("Merge", "merge")) else entry.subject
    return title


def _description(convention: Conventional | None, title: str) -> str:
    """The words to judge by: of `revert: use the old colours` and of unknown types those after the colon."""
    return (
        convention.description.text[:MAX_SUBJECT]
        if convention is not None and title.startswith(convention.type.text)
        else title
    )


def _scope(convention: Conventional | None, title: str) -> str | None:
    if convention is not None and convention.scope is not None:
        return convention.scope.text
    return prefix_scope(title)


def _is_breaking(convention: Conventional | None, text: str) -> bool:
    return (
        convention.is_breaking if convention is not None else "BREAKING" in text and _BREAKING.search(text) is not None
    )


def _root_names(repository: str) -> tuple[str, ...]:
    """The names under which a repository's own package is likely to stand in its tree."""
    name = repository.rstrip("/").rpartition("/")[2].removesuffix(".git").lower()
    bare = name.removeprefix("python-").removesuffix("-python").removesuffix(".py").removesuffix(".js")
    return tuple(
        {spelled for each in (name, bare) if each for spelled in (each, each.replace("-", "_"), each.replace("-", ""))}
    )


def _dependencies(excerpts: Sequence[Excerpt]) -> tuple[list[str], list[str]]:
    """Names added and dropped; one that is both has only changed its version."""
    if not excerpts:
        return [], []
    added = dict.fromkeys(excerpt.name for excerpt in excerpts if excerpt.kind is ExcerptKind.DEPENDENCY_ADDED)
    dropped = dict.fromkeys(excerpt.name for excerpt in excerpts if excerpt.kind is ExcerptKind.DEPENDENCY_DROPPED)
    return [name for name in added if name not in dropped], [name for name in dropped if name not in added]
