"""What kind of thing an entry is, told from its words and paths: the category of work, releases, bots, assistance, vague subjects.

What belongs here: pure functions that judge. The words they go by stand in data/categories.toml, data/subjects.toml and
data/assistance.toml.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from orchestration_assets.worklogs.conventional import Conventional
from orchestration_assets.worklogs.model import Category, FileChange
from orchestration_assets.worklogs.tables import any_of, mapping, words
from orchestration_assets.worklogs.tense import is_verb_form, leading_verb
from orchestration_assets.worklogs.touched import Area, area_of, is_lock
from orchestration_assets.worklogs.wording import informal_type, prefix_scope, strip_prefixes, strip_tails

_TYPES = {name: Category(value) for name, value in mapping("categories", "types").items()}
_VERBS = {
    verb: Category(category) for category, verbs in mapping("categories", "verbs").items() for verb in verbs.split()
}
_SIGNALS = {
    Category(category): re.compile(rf"(?<![\w-])(?:{pattern})(?![\w-])", re.IGNORECASE)
    for category, pattern in mapping("categories", "signals").items()
}
_AREAS: dict[Area, Category] = {
    "test": Category.TEST,
    "documentation": Category.DOCUMENTATION,
    "build": Category.BUILD,
}


_BOT_NAMES = any_of("assistance", "bot_names")
_BOT_EMAILS = any_of("assistance", "bot_emails")
_ASSISTANTS = any_of("assistance", "assistants")
_ASSISTANT_EMAILS = any_of("assistance", "assistant_emails")
_TRAILER = re.compile(
    r"^[ \t]*(?:co-authored-by|assisted-by|generated-by|made-with|ai-assisted-by|co-developed-by):"
    r"[ \t]*(?P<name>[^<\n]*?)[ \t]*(?:<(?P<email>[^>\n]*)>)?[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
_GENERATED = re.compile(
    r"^\W*(?:generated|made|written|created|assisted|built)\s+(?:with|by|using)\s+(?:the\s+)?\[?(?:help of\s+)?"
    r"(?P<name>[\w .-]+?)\]?(?:\s*\(http[^)]*\)|\s*<[^>]*>)?[\s.!]*$",
    re.IGNORECASE | re.MULTILINE,
)

_NUMBER = r"(?:v?\d+(?:\.\d+)+(?:[.+-]?(?:alpha|beta|pre|preview|rc|dev|post|final|a|b|canary|next|snapshot)[.-]?\d*)*(?:[+-][\w.]+)?)"
_RELEASE = any_of("phrases", "releases", NUMBER=_NUMBER, PREFIX=r"(?:\w+(?:\([^)]*\))?!?: )?")
_DEPENDENCY = any_of("phrases", "dependencies")
_RELEASE_WORDS = re.compile(r"\b(?:release|version|bump|publish|prep)", re.IGNORECASE)
_VERSION_FILES = re.compile(
    r"(?:^|/)(?:\.release-please-manifest\.json|\.bumpversion\.cfg|__init__\.py|__version__\.py|_?version(?:\.\w+)?|(?:changelog|history|changes|news)[\w.-]*"
    r"|setup\.(?:py|cfg)|pyproject\.toml|package\.json|cargo\.toml|pom\.xml|mix\.exs|gradle\.properties|chart\.yaml|[\w.-]+\.gemspec|[\w.-]*lock[\w.-]*|readme\.\w+)$",
    re.IGNORECASE,
)
_MERGE_SUBJECT = re.compile(
    r"merge(?:d)? (?:pull request|branch(?:es)?|remote-tracking|tag|commit|in |from |into |\S+ into |master|main|upstream|origin)",
    re.IGNORECASE,
)

_COMMENTS = re.compile(
    r"\b(?:docstrings?|(?:doc[- ])?comments? (?:to|for|in|about)|comments$|typos?|spelling|grammar)\b", re.IGNORECASE
)
_ANNOTATIONS = re.compile(r"\btyp(?:e|ing)[ -](?:hint|annotation)s?\b|\bannotations?$", re.IGNORECASE)
_MISSING = re.compile(r"\b(?:missing|forgotten)\b", re.IGNORECASE)
_LABELS = frozenset(_TYPES) - {"add", "new", "copy", "cleanup"}

_VAGUE_WORDS = frozenset(words("subjects", "vague_words"))
_VAGUE_PHRASES = frozenset(words("subjects", "vague_phrases"))
_PLACES = frozenset(words("subjects", "vague_places"))
_PREPOSITIONS = frozenset({"in", "to", "for", "of", "on", "from"})
_BRANCH_NAME = any_of("subjects", "branch_names")
_TICKETS = re.compile(r"[\s\W]*(?:(?:[A-Z][A-Z0-9]+-\d+|(?:GH-|#)?\d+)[\s\W]*)+")
_WORD = re.compile(r"[^\W_]+(?:'[a-z]+)?")
_CONSONANTS = re.compile(r"[bcdfghjklmnpqrstvwxz]{4,}|(?:asd|qwe|jkl|zxc)\w*")


@lru_cache(maxsize=4096)
def is_bot(name: str, email: str) -> bool:
    """True for the identity of a program: Dependabot, Renovate, CI and their kin. A person named Abbot is none."""
    return _BOT_NAMES.fullmatch(name.strip()) is not None or _BOT_EMAILS.fullmatch(email.strip()) is not None


def is_assisted(text: str, author_name: str = "") -> bool:
    """True where a marker says that an AI assistant took part: a trailer that names one, "Generated with ...", "(aider)". Style, speed or
    length are no markers."""
    if "(aider)" in author_name or text.startswith("aider:"):
        return True
    for match in _TRAILER.finditer(text) if "-" in text else ():
        name, email = match["name"].strip(), (match["email"] or "").strip()
        if _ASSISTANTS.fullmatch(name) or "(aider)" in name or (email and _ASSISTANT_EMAILS.fullmatch(email)):
            return True
    return any(
        _ASSISTANTS.fullmatch(match["name"].strip()) or match["name"].strip().lower() in ("claude", "ai")
        for match in _GENERATED.finditer(text)
    )


def is_release(subject: str, files: Sequence[FileChange] = ()) -> bool:
    """True for the commit that makes a version of this project ("v1.2.3", "Bump version to 1.2"), not for a dependency's new version. Words
    that may mean more ("release notes") need that only files which hold versions or change logs were touched."""
    subject = subject.strip().rstrip(".")
    if not subject or (not _RELEASE_WORDS.search(subject) and not re.match(r"v?\d", subject)):
        return False
    bare = strip_tails(subject) or subject
    if _RELEASE.fullmatch(bare) or _RELEASE.fullmatch(strip_prefixes(bare)):
        return not files or len(files) <= 60
    if files and re.match(
        r"(?:\w+\([^)]*\)!?: |\w+!?: )?(?:prepare |new |next |final )?(?:release|version)\b", subject, re.IGNORECASE
    ):
        return all(_VERSION_FILES.search(file.path) for file in files)
    return False


def is_vague(headline: str, subject: str = "") -> bool:
    """True where a cleaned headline says nothing of the work: "wip", "fix", "typo", ticket ids, hammered keys."""
    lowered = headline.casefold().strip(" .!,;:-_*'\"`")
    if not any(letter.isalpha() for letter in lowered) or _TICKETS.fullmatch(headline) is not None:
        return True
    if lowered in _VAGUE_PHRASES:
        return True
    found = _WORD.findall(lowered.replace("`", ""))
    if len(found) == 1 and " " not in lowered and "`" not in headline:
        word = found[0]
        if is_verb_form(word) or _CONSONANTS.fullmatch(word) or (len(word) < 3 and word.isascii()):
            return True
    if _PREPOSITIONS & set(found) and _PLACES & set(found):
        return False
    return bool(found) and len(found) <= 8 and all(word in _VAGUE_WORDS or word.isdigit() for word in found)


def is_branch_name(title: str, branch: str = "") -> bool:
    """True where the title of a pull request only repeats its branch."""
    if _BRANCH_NAME.fullmatch(title.strip()):
        return True
    bare = re.sub(r"[\W_]+", "", title).casefold()
    own = branch.rpartition("/")[2]
    return bool(bare) and bare in {
        re.sub(r"[\W_]+", "", name).casefold() for name in (branch, own, branch.partition("/")[2]) if name
    }


def category_of_type(convention: Conventional) -> Category | None:
    """The category of a conventional type; None for types that say nothing (`revert` among them)."""
    kind = convention.type.text.lower()
    scope = convention.scope.text.lower() if convention.scope is not None else ""
    if kind in ("chore", "build", "bump", "misc", "fix") and scope in (
        "deps",
        "deps-dev",
        "dependencies",
        "dep",
        "ci",
        "cd",
        "build",
    ):
        return Category.FIX if kind == "fix" else Category.BUILD
    if kind == "bump":
        return Category.RELEASE if convention.description.text.lower().startswith("version") else Category.BUILD
    return _TYPES.get(kind)


def category_of_words(subject: str, files: Sequence[FileChange] = ()) -> Category:
    """The category of a subject that follows no convention: by a type or label before it, by the files touched where they are of one kind, by its
    first verb and by telling words."""
    for label in (informal_type(subject), prefix_scope(subject)):
        if label is not None and label.lower() in _LABELS:
            return _TYPES[label.lower()]
    text = strip_prefixes(subject)
    if _MERGE_SUBJECT.match(text):
        return Category.MERGE
    if _DEPENDENCY.fullmatch(strip_tails(text)):
        return Category.BUILD
    verb = leading_verb(text)
    areas = frozenset(area_of(file.path) for file in files[:200])
    return _of_only_area(areas, verb, text, files) or _of_words(verb, text, areas)


def _of_only_area(areas: frozenset[Area], verb: str | None, text: str, files: Sequence[FileChange]) -> Category | None:
    """The category that all files agree on, generated and data files apart; None where code is among them or nothing is left. Tests may
    also be formatted or moved about."""
    written = areas - {"generated"}
    if not written:
        return Category.BUILD if files and all(is_lock(file.path) for file in files[:200]) else None
    if len(written) > 1:
        written -= {"data"}
    if len(written) != 1:
        return None
    found = _AREAS.get(next(iter(written)))
    if found is Category.TEST and verb is not None and not _SIGNALS[Category.TEST].search(text):
        if _SIGNALS[Category.STYLE].search(text):
            return Category.STYLE
        if _VERBS.get(verb) is Category.REFACTORING:
            return Category.REFACTORING
    return found


def _of_words(verb: str | None, text: str, areas: frozenset[Area]) -> Category:
    """The category by verb and telling words. A word such as "changelog" tells only where files of its kind were touched, or none are
    known."""
    by_verb = _VERBS.get(verb) if verb is not None else None
    if by_verb in (Category.PERFORMANCE, Category.STYLE):
        return by_verb
    if _COMMENTS.search(text) and by_verb is not Category.FIX:
        return Category.DOCUMENTATION
    for category, area in ((Category.DOCUMENTATION, "documentation"), (Category.TEST, "test")):
        if by_verb is not Category.FIX and (not areas or area in areas) and _about(category, text):
            return category
    if by_verb in (Category.FIX, Category.DOCUMENTATION, Category.TEST, Category.BUILD):
        return by_verb
    if _about(Category.STYLE, text):
        return Category.STYLE
    if (not areas or "build" in areas) and verb not in ("implement", "introduce") and _about(Category.BUILD, text):
        return Category.BUILD
    if _ANNOTATIONS.search(text):
        return Category.REFACTORING
    if by_verb is Category.FEATURE and verb in ("add", "implement", "introduce", "create"):
        return Category.FIX if _MISSING.search(text) else Category.FEATURE
    for category in (Category.PERFORMANCE, Category.FIX, Category.REFACTORING):
        if _SIGNALS[category].search(text):
            return category
    if by_verb is not None:
        return by_verb
    if _about(Category.TEST, text):
        return Category.TEST
    return Category.DOCUMENTATION if _about(Category.DOCUMENTATION, text) else Category.OTHER


def _about(category: Category, text: str) -> bool:
    """True where a telling word stands near the start or at the end, not somewhere in the middle of what is told."""
    match = _SIGNALS[category].search(text)
    return match is not None and (text[: match.start()].count(" ") <= 3 or match.end() >= len(text) - 1)
