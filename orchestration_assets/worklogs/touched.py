"""What a change touched, told from paths and line counts alone: languages, kinds of files, the distinctive part of the tree, real lines.

What belongs here: pure functions of paths and `FileChange`s. What each ending or folder means stands in data/paths.toml and
data/languages.toml.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import Literal

from orchestration_assets.worklogs.model import FileChange
from orchestration_assets.worklogs.tables import mapping, words

Area = Literal["code", "test", "documentation", "build", "data", "generated"]

MASS_FILES = 100
"""A commit that touches more files than this is a mass commit."""

_EXTENSIONS = mapping("languages", "extensions")
_FILENAMES = mapping("languages", "filenames")

_GENERIC = frozenset(words("paths", "generic"))
_VENDORED = frozenset(words("paths", "vendored_folders"))
_LOCKS = frozenset(words("paths", "lock_files"))
_GENERATED_FOLDERS = frozenset(words("paths", "generated_folders"))
_GENERATED_ENDINGS = tuple(words("paths", "generated_endings"))
_BINARY_ENDINGS = tuple(words("paths", "binary_endings"))
_TEST_FOLDERS = frozenset(words("paths", "test_folders"))
_TEST_NAMES = frozenset(words("paths", "test_names"))
_DOCUMENTATION_FOLDERS = frozenset(words("paths", "documentation_folders"))
_DOCUMENTATION_ENDINGS = tuple(words("paths", "documentation_endings"))
_DOCUMENTATION_NAMES = frozenset(words("paths", "documentation_names"))
_BUILD_FOLDERS = frozenset(words("paths", "build_folders"))
_BUILD_NAMES = frozenset(words("paths", "build_names"))
_DATA_ENDINGS = tuple(words("paths", "data_endings"))

_FIXTURES = frozenset({"fixtures", "__fixtures__", "testdata", "snapshots", "__snapshots__"})
_TEST_FILE = re.compile(r"(?:^|[._-])(?:tests?|spec)(?:[._-]|$)|^test[a-z]*\d*\.py$")
_REQUIREMENTS = re.compile(
    r"(?:^|[_-])(?:requirements|constraints)(?:[._-].*)?\.(?:txt|in)$|^dockerfile\.|\.dockerfile$|\.(?:csproj|gemspec|cabal)$"
)
_COMPILED_REQUIREMENTS = re.compile(r"(?:^|[_-])requirements[\w.-]*\.lock$")
_AFFIX = re.compile(r"^(?:test[_-]+|tests[_-]+)|(?:[_.-]+(?:tests?|spec))$")
_UNTELLING = re.compile(r"[\d._-]*|\d{4}-\d\d-\d\d.*|[0-9a-f]{7,}|.")


def language(path: str) -> str | None:
    """The language of a file by its name, spelled canonically; None for prose, data and what is not known."""
    name = path.rpartition("/")[2].lower()
    known = _FILENAMES.get(name)
    if known is not None:
        return known
    if name.startswith(("dockerfile.", "containerfile.")):
        return "Dockerfile"
    stem, dot, extension = name.rpartition(".")
    return _EXTENSIONS.get(extension) if dot and stem else None


def languages(paths: Iterable[str]) -> list[str]:
    """Languages of the files that somebody wrote here, most files first, then by name."""
    counts: Counter[str] = Counter()
    for path in paths:
        found = language(path)
        if found is not None and not is_generated(path) and not is_vendored(path):
            counts[found] += 1
    return [name for name, _ in sorted(counts.items(), key=_most_first)]


def areas(paths: Iterable[str]) -> list[Area]:
    """The kinds of files, most files first, then by name."""
    counts = Counter(area_of(path) for path in paths)
    return [name for name, _ in sorted(counts.items(), key=_most_first)]


@lru_cache(maxsize=16384)
def area_of(path: str) -> Area:
    """What kind of file a path is. A test's fixture is a test, a folder's README is documentation, whatever folder it is in."""
    lowered = path.lower()
    *folders, name = lowered.split("/")
    if is_generated(path) or is_lock(path) or is_vendored(path):
        return "generated"
    inside = set(folders)
    stem = name.partition(".")[0]
    if inside & _TEST_FOLDERS or name in _TEST_NAMES or _TEST_FILE.search(name):
        return "test"
    if stem in _DOCUMENTATION_NAMES or name in _DOCUMENTATION_NAMES:
        return "documentation"
    if name in _BUILD_NAMES or _REQUIREMENTS.search(name):
        return "build"
    if name.endswith(_DOCUMENTATION_ENDINGS) and not name.startswith("requirements"):
        return "documentation"
    if inside & _BUILD_FOLDERS:
        return "build"
    if inside & _DOCUMENTATION_FOLDERS and language(path) not in _PROGRAMS:
        return "documentation"
    if name.endswith(_BINARY_ENDINGS):
        return "data"
    return "data" if name.endswith(_DATA_ENDINGS) and language(path) is None else "code"


_PROGRAMS = frozenset(_EXTENSIONS.values()) - {
    "HTML",
    "CSS",
    "SCSS",
    "Sass",
    "Less",
    "Jinja",
    "TeX",
    "Jupyter Notebook",
}


_WEIGHTS: dict[Area, int] = {"code": 3, "test": 1}


def distinctive_area(paths: Sequence[str], root_packages: Collection[str] = ()) -> str | None:
    """The part of the tree that most of the paths share and that means something to a reader, as it is spelled there; None where only
    generic names are left, or where no part holds a third of the files.

    `root_packages` are folders that hold nearly everything (see `root_packages`), or the name of the repository: they, and what is generic
    after them (`soloist-core`), are never named.
    """
    roots = {root.lower() for root in root_packages}
    votes: Counter[str] = Counter()
    counted = [path for path in paths if not is_generated(path) and not is_lock(path) and not is_vendored(path)]
    for path in counted:
        found = _telling_part(path, roots)
        if found is not None:
            votes[found] += _WEIGHTS.get(area_of(path), 2)
    if not votes:
        return None
    name, weight = min(votes.items(), key=_most_first)
    return name if weight * 3 >= sum(votes.values()) else None


def root_packages(paths: Iterable[str]) -> frozenset[str]:
    """Top-level folders, and those right under a source folder, that hold more than half of a tree's files."""
    counts: Counter[str] = Counter()
    total = 0
    for path in paths:
        total += 1
        folders = path.split("/")[:-1]
        while folders and folders[0].lower() in ("src", "lib", "packages", "crates"):
            folders = folders[1:]
        if folders:
            counts[folders[0]] += 1
    return frozenset(name for name, count in counts.items() if count * 2 > total)


def is_lock(path: str) -> bool:
    """True for what a package manager writes: exact versions."""
    name = path.rpartition("/")[2].lower()
    return name in _LOCKS or _COMPILED_REQUIREMENTS.search(name) is not None


def is_vendored(path: str) -> bool:
    """True for other people's code that was copied in."""
    *folders, _ = path.lower().split("/")
    return not _VENDORED.isdisjoint(folders)


def is_generated(path: str) -> bool:
    """True for what a tool writes from something else: bundles, compiled protocols, snapshots."""
    *folders, name = path.lower().split("/")
    return name.endswith(_GENERATED_ENDINGS) or not _GENERATED_FOLDERS.isdisjoint(folders)


def substantive_lines(files: Iterable[FileChange]) -> int:
    """Lines added and deleted that somebody wrote. Binary files, pure renames, generated, lock and vendored files count nothing; that only
    white space changed cannot be seen from line counts."""
    total = 0
    for file in files:
        lines = (file.added or 0) + (file.deleted or 0)
        if lines and _counts(file.path):
            total += lines
    return total


def is_mass(files: Sequence[FileChange]) -> bool:
    """True where so many files were touched that the subject cannot describe the change."""
    return len(files) > MASS_FILES


@lru_cache(maxsize=16384)
def _counts(path: str) -> bool:
    return not (is_generated(path) or is_lock(path) or is_vendored(path) or path.lower().endswith(_BINARY_ENDINGS))


def _telling_part(path: str, roots: Collection[str]) -> str | None:
    """The outermost folder, else the file's name without ending, that is neither generic nor a root package."""
    *folders, name = path.split("/")
    if not _FIXTURES.isdisjoint(folders):
        return None
    for folder in folders:
        if _tells(folder, roots):
            return folder
    stem = name.lstrip(".").partition(".")[0] if language(path) or area_of(path) != "build" else ""
    stem = _AFFIX.sub("", stem)
    return stem if _tells(stem, roots) else None


def _tells(part: str, roots: Collection[str]) -> bool:
    lowered = part.lower()
    if lowered in _GENERIC or lowered in roots or lowered.startswith(".") or _UNTELLING.fullmatch(lowered):
        return False
    for root in roots:
        if lowered.startswith(root) and lowered[len(root) : len(root) + 1] in ("-", "_", "."):
            rest = lowered[len(root) + 1 :]
            if rest in _GENERIC or rest in roots:
                return False
    return lowered.replace("-", "_") not in roots and lowered.lstrip("_") not in _GENERIC


def _most_first(item: tuple[str, int]) -> tuple[int, str]:
    name, count = item
    return -count, name
