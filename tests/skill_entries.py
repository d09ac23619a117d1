"""Entries with diffs, as the tests of this domain need them."""

from __future__ import annotations

from datetime import UTC, date, datetime

from orchestration_assets.skills.model import SkillItem
from orchestration_assets.worklogs.model import Analysis, Category, Entry, Excerpt, ExcerptKind, FileChange


def an_entry(text: str = "Change things", paths: tuple[str, ...] = (), **fields: object) -> Entry:
    values: dict[str, object] = {
        "entry_id": "e1",
        "source": "git",
        "repository_id": "r1",
        "repository": "example",
        "text": text,
        "subject": text.split("\n", 1)[0],
        "author_name": "Ada Example",
        "author_email": "ada@example.com",
        "authored_at": datetime(2026, 1, 5, tzinfo=UTC),
        "committed_at": datetime(2026, 1, 5, tzinfo=UTC),
        "files": [FileChange(path=path, added=3, deleted=1) for path in paths],
        "month": date(2026, 1, 1),
        "input_hash": "h1",
    }
    return Entry.model_validate(values | fields)


def an_analysis(**fields: object) -> Analysis:
    return Analysis.model_validate({"category": Category.FEATURE, "headline": "Change things"} | fields)


def an_item(
    text: str = "Change things",
    paths: tuple[str, ...] = (),
    excerpts: tuple[Excerpt, ...] = (),
    **fields: object,
) -> SkillItem:
    return SkillItem(entry=an_entry(text, paths, **fields), analysis=an_analysis(), excerpts=list(excerpts))


def an_import(name: str, path: str = "src/core.py", language: str = "python", number: int = 0) -> Excerpt:
    return Excerpt(
        entry_id="e1",
        number=number,
        kind=ExcerptKind.IMPORT,
        path=path,
        language=language,
        line=f"    import {name}",
        name=name,
    )


def a_dependency(name: str, path: str = "requirements.txt", *, dropped: bool = False, number: int = 0) -> Excerpt:
    kind = ExcerptKind.DEPENDENCY_DROPPED if dropped else ExcerptKind.DEPENDENCY_ADDED
    return Excerpt(
        entry_id="e1", number=number, kind=kind, path=path, language="manifest", line=f"{name}>=1", name=name
    )
