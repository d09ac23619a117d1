"""The taxonomy: every technology and practice that may be called a skill, and all the ways in which one shows.

What belongs here: loading the data files (`data/<category>.toml`, described by `data/taxonomy.schema.json`) and looking up a name, an
import, a package or a path. Finding skills in running text is `text_matching.py`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache, cached_property
from pathlib import Path, PurePosixPath

from orchestration_assets.skills.text_matching import Match, TextMatcher, normalised

DATA = Path(__file__).parent / "data"

LANGUAGE_OF_IMPORTS = {"typescript": "javascript", "kotlin": "java", "scala": "java"}
"""Languages that import the packages of another one."""
IMPORTS_OF_REGISTRY = {
    "pypi": "python",
    "npm": "javascript",
    "crates": "rust",
    "go": "go",
    "maven": "java",
    "gem": "ruby",
    "packagist": "php",
    "nuget": "csharp",
    "hex": "elixir",
}
"""The language whose imports usually bear the names of a registry's packages."""

LONGEST_NAME = 100
"""Characters. What is longer names no skill."""
_VERSION = re.compile(r"(?:(?<=[a-z+#]{2})|[\s\-@]+v?)\d+(?:\.\d+|\.x)*\+?$")
_SUFFIX = re.compile(
    r"(?<=..)(?:(?:[\s.\-]|(?<=[a-z]{4}))js|\.py"
    r"|[\s\-](?:lang|language|programming(?:[\s\-]language)?|framework|library|libraries|apps?|applications?|code|containers?|clients?"
    r"|servers?|apis?|components?|packages?|tutorials?|examples|linux|distribution|desktop|ide|cms|query|schema))$"
)
_PREFIX = re.compile(r"^(?:python|golang|rust|java|javascript|php|ruby|apache)[\s\-]")


@dataclass(frozen=True)
class TaxonomySkill:
    """One technology or practice; `data/taxonomy.schema.json` says what each field means.

    `ambiguous`: the name is an ordinary word too. `low_value`: a markup or configuration format.
    """

    id: str
    name: str
    category: str
    parents: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    ambiguous_aliases: tuple[str, ...] = ()
    imports: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    packages: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    files: tuple[str, ...] = ()
    ambiguous: bool = False
    low_value: bool = False


@dataclass(frozen=True, eq=False)
class Taxonomy:
    """All skills by id, and the lookups. One object serves the whole process."""

    skills: Mapping[str, TaxonomySkill]

    def canonical(self, name: str) -> str | None:
        """The skill that a name means, whatever its case, punctuation, suffix (".js", "language") or version; None for no skill."""
        text = name.strip().lower()
        return next((found for variant in _variants(text) if (found := self._by_name.get(normalised(variant)))), None)

    def by_import(self, language: str, module: str) -> str | None:
        """The skill behind an import: the longest known leading part of the module's path decides."""
        known = self._imports.get(LANGUAGE_OF_IMPORTS.get(language, language), {})
        return next((known[part] for part in _leading_parts(module) if part in known), None)

    def by_package(self, registry: str, name: str) -> str | None:
        """The skill behind a package of a registry (pypi, npm, crates, go, maven, gem, packagist, nuget, hex)."""
        found = self._packages.get((registry, _package_key(registry, name)))
        if found is not None:
            return found
        language = IMPORTS_OF_REGISTRY.get(registry, "")
        if registry == "go":
            return self.by_import(language, name)
        known = self._imports.get(language, {})
        return known.get(name) or known.get(name.lower().replace("-", "_"))

    def by_path(self, path: str) -> list[str]:
        """The skills that a file's name shows, each once; e.g. Python for `*.py`, Docker for `Dockerfile`."""
        pure = PurePosixPath(path)
        found = [*self._names.get(pure.name, ()), *self._extensions.get(pure.suffix.lower(), ())]
        if ".." not in pure.parts:
            found += [skill for pattern, skill in self._globs if fnmatchcase(f"/{path}", f"*/{pattern}")]
        return list(dict.fromkeys(found))

    def find_in_text(self, text: str) -> list[Match]:
        """The skills named in running text, in order, never overlapping; `text[start:end]` is the name as it stands there."""
        return self._matcher.find(text)

    @cached_property
    def _by_name(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for skill in self.skills.values():
            for name in (skill.id, skill.name, *skill.aliases, *skill.ambiguous_aliases):
                found.setdefault(normalised(name), skill.id)
        return found

    @cached_property
    def _imports(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for skill in self.skills.values():
            for language, modules in skill.imports.items():
                found.setdefault(language, {}).update(dict.fromkeys(modules, skill.id))
        return found

    @cached_property
    def _packages(self) -> dict[tuple[str, str], str]:
        return {
            (registry, _package_key(registry, name)): skill.id
            for skill in self.skills.values()
            for registry, names in skill.packages.items()
            for name in names
        }

    @cached_property
    def _names(self) -> dict[str, list[str]]:
        return self._files(lambda pattern: pattern if "*" not in pattern and "/" not in pattern else None)

    @cached_property
    def _extensions(self) -> dict[str, list[str]]:
        return self._files(lambda pattern: pattern[1:].lower() if _is_extension(pattern) else None)

    def _files(self, key_of: Callable[[str], str | None]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for skill in self.skills.values():
            for pattern in skill.files:
                if (key := key_of(pattern)) is not None:
                    found.setdefault(key, []).append(skill.id)
        return found

    @cached_property
    def _globs(self) -> list[tuple[str, str]]:
        return [
            (pattern, skill.id)
            for skill in self.skills.values()
            for pattern in skill.files
            if ("*" in pattern or "/" in pattern) and not _is_extension(pattern)
        ]

    @cached_property
    def _matcher(self) -> TextMatcher:
        return TextMatcher(
            (name, skill.id, doubtful)
            for skill in self.skills.values()
            for names, doubtful in (
                ((skill.name,), skill.ambiguous),
                (skill.aliases, False),
                (skill.ambiguous_aliases, True),
            )
            for name in names
        )


@cache
def load_taxonomy() -> Taxonomy:
    """The taxonomy of the data files. Raises ValueError for two skills of one id."""
    skills: dict[str, TaxonomySkill] = {}
    for path in sorted(DATA.glob("*.toml")):
        for skill in _read(path):
            if skill.id in skills:
                raise ValueError(f"The skill {skill.id} stands twice in {DATA}; remove one.")
            skills[skill.id] = skill
    return Taxonomy(skills)


def _read(path: Path) -> Iterator[TaxonomySkill]:
    with path.open("rb") as file:
        data = tomllib.load(file)
    for row in data["skill"]:
        yield TaxonomySkill(
            id=row["id"],
            name=row["name"],
            category=data["category"],
            parents=tuple(row.get("parents", ())),
            aliases=tuple(row.get("aliases", ())),
            ambiguous_aliases=tuple(row.get("ambiguous_aliases", ())),
            imports={language: tuple(names) for language, names in row.get("imports", {}).items()},
            packages={registry: tuple(names) for registry, names in row.get("packages", {}).items()},
            files=tuple(row.get("files", ())),
            ambiguous=row.get("ambiguous", False),
            low_value=row.get("low_value", False),
        )


def _variants(text: str) -> Iterator[str]:
    """The name itself first, then without its version, its suffix or the language it is for."""
    if len(text) > LONGEST_NAME:
        return
    for bare in (text, _PREFIX.sub("", text)):
        unversioned = _VERSION.sub("", bare)
        yield from (bare, unversioned, _SUFFIX.sub("", bare), _SUFFIX.sub("", unversioned))


def _leading_parts(module: str) -> Iterable[str]:
    """`a.b.c`, then `a.b`, then `a`: with whichever of `.`, `/`, `::` and `\\` the language parts its paths."""
    yield module
    for end in range(len(module) - 1, 0, -1):
        if module[end] in "./:\\":
            yield module[:end].rstrip("./:\\")


def _package_key(registry: str, name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.lower()) if registry == "pypi" else name.lower()


def _is_extension(pattern: str) -> bool:
    return pattern.startswith("*.") and "." not in pattern[2:] and "/" not in pattern and "*" not in pattern[1:]
