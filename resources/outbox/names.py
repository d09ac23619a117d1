"""Names of branches and files that go to GitHub: what git takes, and what nobody may be tricked with.

What belongs here: pure rules. Each returns why a name is refused, as the end of a sentence, or None.
"""

from __future__ import annotations

import re
import unicodedata

LONGEST_BRANCH = 200
LONGEST_PATH = 500
_FORBIDDEN_IN_REFS = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|$)")
_GIT_FOLDERS = frozenset({".git", "git~1"})
"""Names that some file system takes for git's own folder."""


def branch_fault(name: str) -> str | None:
    """The rules of `git check-ref-format --branch`, in UTF-8 and short enough for every file system."""
    if not name or len(name.encode(errors="replace")) > LONGEST_BRANCH:
        return f"is empty or longer than {LONGEST_BRANCH} bytes"
    if name in {"@", "HEAD"} or name[0] in "-./" or name[-1] in "./" or _FORBIDDEN_IN_REFS.search(name):
        return "is no name that git takes for a branch"
    if _hides_something(name):
        return "holds characters that are not seen"
    return None


def path_fault(path: str) -> str | None:
    """A file beneath the repository's root, which is neither git's own nor a workflow: those run with the repository's secrets."""
    if not path or len(path.encode(errors="replace")) > LONGEST_PATH:
        return f"is empty or longer than {LONGEST_PATH} bytes"
    if _hides_something(path) or "\\" in path:
        return "holds a backslash, or characters that are not seen"
    parts = path.split("/")
    plain = [part.casefold().rstrip(" .") for part in parts]
    if "" in plain:
        return "is not a relative path without `.` and `..`"
    if any(part in _GIT_FOLDERS or part.split(":")[0] in _GIT_FOLDERS for part in plain):
        return "lies in git's own folder"
    if plain[:2] == [".github", "workflows"]:
        return "is a workflow, which would run with the repository's secrets"
    return None


def paths_fault(paths: list[str]) -> str | None:
    """Of names that cannot be files of one commit together."""
    known = set(paths)
    for path in paths:
        parts = path.split("/")
        if any("/".join(parts[:end]) in known for end in range(1, len(parts))):
            return f"{path!r} lies beneath another of the files"
    return None


def _hides_something(name: str) -> bool:
    """Control characters, those that turn the direction of writing or take no room, and halves of characters."""
    return any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") for character in name)
