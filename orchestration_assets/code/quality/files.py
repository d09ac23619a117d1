"""The files of a project as they come: whether they can be taken at all, their syntax trees, and the hash of them all.

What belongs here: what is looked at before anything else is done with the bytes.
"""

from __future__ import annotations

import ast
import hashlib
import io
import tokenize
import warnings
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from orchestration_assets.code.paths import LONGEST_PATH, is_test, unsafe
from orchestration_assets.code.quality.model import TestFailure

MOST_BYTES_OF_CODE = 256 * 1024
MOST_BYTES_OF_A_FILE = 4 << 20
MOST_BYTES, MOST_FILES = 32 << 20, 2_000

CONFIGURING = frozenset(("conftest.py", "pytest.ini", ".pytest.ini", "pytest.toml", "tox.ini", "setup.cfg"))
"""They could change what tests say, and are never read when tests run."""

Sources = Mapping[str, bytes]


def hash_of(*parts: Sources) -> str:
    """One hash of all paths and bytes, in which the parts stay apart."""
    whole = hashlib.sha256()
    for part in parts:
        for path, data in sorted(part.items()):
            whole.update(f"{len(path.encode('utf-8', 'surrogatepass'))} {len(data)} ".encode())
            whole.update(path.encode("utf-8", "surrogatepass"))
            whole.update(data)
        whole.update(b".")
    return whole.hexdigest()


def refused(sources: Sources) -> Iterator[TestFailure]:
    """Files that are not taken: a path that leads elsewhere, too much of something, text that is none, wrong syntax."""
    if len(sources) > MOST_FILES or sum(map(len, sources.values())) > MOST_BYTES:
        yield TestFailure(
            kind="size",
            sentence=f"The project has more than {MOST_FILES:,} files or {MOST_BYTES:,} bytes; make it smaller.",
        )
    for path, data in sorted(sources.items()):
        if why := unsafe(path):
            yield TestFailure(
                kind="path", sentence=f"The path {path[:LONGEST_PATH]!r} {why}.", path=path[:LONGEST_PATH]
            )
            continue
        is_code = path.endswith(".py")
        most = MOST_BYTES_OF_CODE if is_code else MOST_BYTES_OF_A_FILE
        if len(data) > most:
            yield TestFailure(
                kind="size", sentence=f"{path} has {len(data):,} bytes; a file like it has at most {most:,}.", path=path
            )
        elif is_code:
            tree = parsed(path, data)
            if isinstance(tree, TestFailure):
                yield tree


def parsed(path: str, data: bytes) -> ast.Module | TestFailure:
    """The syntax tree, or why there is none."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        if encoding not in ("utf-8", "utf-8-sig"):
            raise UnicodeError(f"it says that it is {encoding}")
        data.decode(encoding)
    except (SyntaxError, UnicodeError) as error:
        return TestFailure(kind="encoding", sentence=f"{path} is no text in UTF-8: {error}.", path=path, line=1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(data)
    except SyntaxError as error:
        line = error.lineno or 0
        text = (error.text or "").rstrip()[:200]
        return TestFailure(
            kind="syntax",
            sentence=f"{path}, line {line}, is no Python: {error.msg}.",
            path=path,
            line=line,
            detail=f"{text}\n{' ' * max(0, (error.offset or 1) - 1)}^" if text else "",
        )
    except (ValueError, RecursionError, MemoryError) as error:
        return TestFailure(
            kind="syntax",
            sentence=f"{path} cannot be parsed: it is nested too deeply or holds NUL ({error}).",
            path=path,
        )


def trees(sources: Sources) -> dict[str, ast.Module]:
    """The syntax trees of all files of Python that have one."""
    found = {path: parsed(path, data) for path, data in sorted(sources.items()) if path.endswith(".py")}
    return {path: tree for path, tree in found.items() if isinstance(tree, ast.Module)}


def supports_tests(path: str) -> bool:
    """Whether it belongs to the tests: one of them, or beside them in a folder `tests`."""
    return is_test(path) or "tests" in PurePosixPath(path).parts[:-1]
