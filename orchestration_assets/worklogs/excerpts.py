"""Which lines of a diff are worth quoting: imports, dependencies added and dropped, and TODOs. Pure; git is read elsewhere."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import PurePosixPath
from typing import NamedTuple, Protocol

from orchestration_assets.worklogs.manifests import dependencies, is_compiled, is_manifest
from orchestration_assets.worklogs.model import Excerpt, ExcerptKind

MOST = 40
LONGEST = 300

LANGUAGES = {
    ".py": "python",
    ".pyi": "python",
    ".js": "javascript",
    ".jsx": "javascript",
    ".mjs": "javascript",
    ".cjs": "javascript",
    ".ts": "typescript",
    ".tsx": "typescript",
    ".mts": "typescript",
    ".go": "go",
    ".rs": "rust",
    ".java": "java",
    ".kt": "kotlin",
    ".kts": "kotlin",
    ".rb": "ruby",
    ".php": "php",
    ".cs": "csharp",
    ".swift": "swift",
    ".ex": "elixir",
    ".exs": "elixir",
    ".scala": "scala",
}

_MANIFESTS = (
    *("pyproject.toml", "*requirements*.txt", "*requirements*.in", "requirements/*.txt", "requirements/*.in"),
    *("setup.py", "Pipfile", "package.json", "Cargo.toml"),
    *("go.mod", "Gemfile", "composer.json", "pom.xml", "build.gradle", "build.gradle.kts", "*.csproj", "mix.exs"),
)
_NOT_WRITTEN_HERE = (
    "node_modules",
    "vendor",
    "vendored",
    "third_party",
    "fixtures",
    "__fixtures__",
    "dist",
    "testdata",
)

PATHSPECS: tuple[str, ...] = (
    *(f"*{extension}" for extension in LANGUAGES),
    *(f":(glob)**/{name}" for name in _MANIFESTS),
    *(f":(exclude,glob)**/{folder}/**" for folder in _NOT_WRITTEN_HERE),
    ":(exclude,glob)**/*.min.js",
    ":(exclude,glob)**/*_pb2.py",
)
"""What `git diff-tree` is asked for: source files and manifests that somebody wrote here. Lock files are none."""


class ChangedLine(Protocol):
    """One added ("+") or removed ("-") line of a diff."""

    @property
    def path(self) -> str: ...
    @property
    def sign(self) -> str: ...
    @property
    def line_number(self) -> int: ...
    @property
    def text(self) -> str: ...


class _Run(NamedTuple):
    """Changed lines of one sign that follow one another in a file."""

    path: str
    sign: str
    lines: list[str]


class _Found(NamedTuple):
    kind: ExcerptKind
    path: str
    line: str
    name: str


def excerpts(entry_id: str, diff_lines: Iterable[ChangedLine], own_modules: frozenset[str]) -> list[Excerpt]:
    """The noteworthy lines of one commit's diff, at most 40, in the order of the diff, numbered from 0.

    What was only moved, or only changed its version, is left out, and so are imports of `own_modules` (top-level names) and the pins of
    compiled requirements.
    """
    runs = list(_runs(diff_lines))
    compiled = {run.path for run in runs if is_compiled(run.path, run.lines)}
    added: list[_Found] = []
    removed: list[_Found] = []
    for run in runs:
        if run.path not in compiled:
            (added if run.sign == "+" else removed).extend(_notes(run))
    had = {(found.kind, _key(found)) for found in removed}
    has = {(found.kind, _key(found)) for found in added}
    own = {top_level(name) for name in own_modules}
    chosen: dict[tuple[ExcerptKind, str, str], _Found] = {}
    for found in added:
        moved = (found.kind, _key(found)) in had
        if not moved and not (found.kind is ExcerptKind.IMPORT and top_level(found.name) in own):
            chosen.setdefault((found.kind, found.path, found.name), found)
    for found in removed:
        if found.kind is ExcerptKind.DEPENDENCY_ADDED and (found.kind, _key(found)) not in has:
            dropped = found._replace(kind=ExcerptKind.DEPENDENCY_DROPPED)
            chosen.setdefault((dropped.kind, dropped.path, dropped.name), dropped)
    return [
        Excerpt.model_construct(
            entry_id=entry_id,
            number=number,
            kind=found.kind,
            path=found.path,
            language=_language(found.path) or "manifest",
            line=found.line,
            name=found.name,
        )
        for number, found in enumerate(islice(chosen.values(), MOST))
    ]


def _runs(diff_lines: Iterable[ChangedLine]) -> Iterator[_Run]:
    run, expected = _Run("", "", []), -1
    for line in diff_lines:
        if line.line_number != expected or line.path != run.path or line.sign != run.sign:
            if run.lines:
                yield run
            run = _Run(line.path, line.sign, [])
        run.lines.append(line.text)
        expected = line.line_number + 1
    if run.lines:
        yield run


def _notes(run: _Run) -> Iterator[_Found]:
    if is_manifest(run.path):
        for position, name in dependencies(run.path, run.lines):
            if len(run.lines[position]) <= LONGEST:
                yield _Found(ExcerptKind.DEPENDENCY_ADDED, run.path, run.lines[position], name)
    elif (language := _language(run.path)) is not None:
        words, parse = _IMPORT_WORDS[language], _IMPORTS[language]
        for line in _code(run.lines) if language == "python" else run.lines:
            if len(line) > LONGEST:
                continue
            names = parse(line) if any(word in line for word in words) else ()
            for name in names:
                yield _Found(ExcerptKind.IMPORT, run.path, line, name)
            if not names and ("TODO" in line or "FIXME" in line) and (todo := _TODO.search(line)):
                yield _Found(ExcerptKind.TODO_ADDED, run.path, line, todo[1].strip())


def _code(lines: Iterable[str]) -> Iterator[str]:
    """The lines of Python that do not stand inside a string of several lines that opens among them."""
    opened = ""
    for line in lines:
        if not opened:
            yield line
        for quotes in _TRIPLE_QUOTES.findall(line):
            if not opened:
                opened = quotes
            elif quotes == opened:
                opened = ""


def _key(found: _Found) -> str:
    """What stays the same when a line only moves: a dependency stays within its manifest, anything else may go anywhere."""
    if found.kind is ExcerptKind.DEPENDENCY_ADDED:
        return f"{found.path}\0{found.name.lower().replace('_', '-')}"
    return found.name.lower()


def top_level(module: str) -> str:
    """What the name of a module begins with, as it is compared: `shelf_tools.store` and `Shelf-Tools/store` are both `shelf-tools`."""
    return re.split(r"[./:\\]", module.lower(), maxsplit=1)[0].replace("-", "_")


def _language(path: str) -> str | None:
    return LANGUAGES.get(PurePosixPath(path).suffix.lower())


_TODO = re.compile(r"(?:#|//|/\*|^\s*\*|<!--|--)\s*(?:@?(?:TODO|FIXME))\b(?:\([^)]*\))?[:\s-]*(\S.*?)\s*(?:\*/|-->)?$")


_TRIPLE_QUOTES = re.compile(r'"""|\'{3}')


def _python(line: str) -> tuple[str, ...]:
    """The modules of an import statement, by Python's own parser. A line inside a string that is no whole statement parses to nothing."""
    text = line.strip()
    if not text.startswith(("import ", "from ")):
        return ()
    if text.partition("#")[0].rstrip().endswith("("):
        text = text.partition("#")[0] + "x)"
    elif text.endswith(("\\", ",")):
        text = text.rstrip("\\, ")
        text += " x" if text.endswith("import") else ""
    try:
        statements = ast.parse(text).body
    except (SyntaxError, ValueError):
        return ()
    if len(statements) == 1 and isinstance(statements[0], ast.Import):
        return tuple(alias.name for alias in statements[0].names)
    if len(statements) == 1 and isinstance(statements[0], ast.ImportFrom) and statements[0].level == 0:
        return (statements[0].module,) if statements[0].module else ()
    return ()


def _matching(*patterns: str) -> Callable[[str], tuple[str, ...]]:
    compiled = [re.compile(pattern) for pattern in patterns]

    def parse(line: str) -> tuple[str, ...]:
        return next(((found[1],) for pattern in compiled if (found := pattern.search(line))), ())

    return parse


_script = _matching(
    r"""^\s*(?:import|export)\b[^'"]*\bfrom\s+['"]([@\w][\w./@-]*)['"]""",
    r"""^\s*import\s+['"]([@\w][\w./@-]*)['"]""",
    r"""^\s*\}\s*from\s+['"]([@\w][\w./@-]*)['"]""",
    r"""\brequire\(\s*['"]([@\w][\w./@-]*)['"]\s*\)""",
    r"""\bimport\(\s*['"]([@\w][\w./@-]*)['"]\s*\)""",
)
_jvm = _matching(r"^\s*import\s+(?:static\s+)?([a-z]\w*(?:\.\w+)+)")

_IMPORTS: dict[str, Callable[[str], tuple[str, ...]]] = {
    "python": _python,
    "javascript": _script,
    "typescript": _script,
    "go": _matching(r"""^\s*(?:import\s+)?(?:[\w.]+\s+)?"((?:[\w-]+\.)+[\w-]+/[\w./~-]+)"\s*$"""),
    "rust": _matching(r"^\s*(?:pub\s+)?use\s+(?!crate\b|self\b|super\b|std\b|core\b|alloc\b)(\w+)(?:::|;| as )"),
    "java": _jvm,
    "kotlin": _jvm,
    "scala": _jvm,
    "ruby": _matching(r"""^\s*require\s+['"]([\w/-]+)['"]"""),
    "php": _matching(r"^\s*use\s+([A-Z]\w*(?:\\\w+)+)"),
    "csharp": _matching(r"^\s*(?:global\s+)?using\s+(?:static\s+)?([A-Z]\w*(?:\.\w+)*);"),
    "swift": _matching(r"^\s*import\s+(?:struct\s+|class\s+|func\s+)?([A-Z]\w+)"),
    "elixir": _matching(r"^\s*(?:use|import|alias|require)\s+([A-Z]\w*)"),
}
_IMPORT_WORDS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(_IMPORTS, ("import", "require")),
    "go": ('"',),
    "rust": ("use ",),
    "php": ("use ",),
    "csharp": ("using ",),
    "elixir": ("use ", "import ", "alias ", "require "),
    "javascript": ("import", "require", "from"),
    "typescript": ("import", "require", "from"),
}
