"""Reading the Python files of a tree: grimp's scanner for what it can, our own reading for the rest.

Grimp reads thousands of files a second, yet gives up on all of them over one that does not parse, knows no scripts that import each other,
and does not tell what leads nowhere. So while it scans on a thread of its own, the text of every file is searched for imports that need a
second look (a word search that may suspect too much, never too little), and only those files are parsed here.
"""

from __future__ import annotations

import os
import re
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from enum import Enum, auto
from functools import cache
from typing import TYPE_CHECKING

from orchestration_assets.code.import_graph.model import Broken, FileImports
from orchestration_assets.code.import_graph.python_imports import file_imports
from orchestration_assets.code.import_graph.python_layout import Layout, Module
from orchestration_assets.code.import_graph.tree import Tree
from orchestration_assets.import_statements import absolute

if TYPE_CHECKING:
    from grimp.application.ports.modulefinder import FoundPackage, ModuleFile

LARGEST_SCANNED = 1024 * 1024
"""Bytes of a file that grimp gets: its parser needs stack in proportion to the depth of what is nested, and ends the process without it."""
SCANNER_STACK = 128 * 1024 * 1024
"""Bytes of address space for each of the scanner's threads, of which it takes what it needs: a megabyte of `a.a.a` took some 40 million."""
MOST_SCRIPTS = 200
"""Modules outside packages that grimp gets: it compares every import with each of them."""

FEW = 10
"""Files that are sooner read here than grimp is told of all modules of the tree."""

_FROM = re.compile(rb"(?:^|[;:\s])from\s*(\.*)\s*([\w.\x80-\xff]*)\s*$")
_NAME = re.compile(rb"\s*([\w.\x80-\xff]+)")
_FROM_DOTS_APART = re.compile(rb"(?:^|[;:\s])from\s*\.[\s.]*[\w.\x80-\xff\s]*$")
_BEFORE_BREAK = frozenset(b"\\\r")
_BEFORE_WORD = frozenset(b" \t\n\r\f;:.\\")
_AFTER_WORD = frozenset(b" \t\\(*\f\r\n")


def scan_python(tree: Tree, layout: Layout, files: Sequence[str]) -> dict[str, FileImports]:
    """What each file imports; every file of the layout may be asked for, and an import is looked up among all of them."""
    found: dict[str, FileImports] = {}
    if len(files) <= FEW:
        found = {file: _read_here(tree, layout, file) for file in files}
        # Grimp's parser knows the syntax of later Pythons, too.
        files = [file for file in files if found[file].broken]
    if not files:
        return found
    scanner = _Scanner(tree, layout)
    suspects = _Suspects(layout)
    suspected: set[str] = set()
    # While grimp scans the first part, the second is read.
    for part in (files[: len(files) // 3], files[len(files) // 3 :]):
        sources = {}
        for file in part:
            try:
                sources[file] = tree.read(file)
            except OSError:
                suspected.add(file)
        # An `__init__.py` is often empty, and there are many.
        found.update((file, FileImports()) for file, source in sources.items() if not source)
        modules = [(layout.modules[file], source) for file, source in sources.items() if source]
        scanner.start([module for module, source in modules if _is_safe(source, module)])
        suspected.update(module.file for module, source in modules if suspects.holds(source, module))
    scanned = scanner.result(suspected)
    for file in files:
        targets = scanned.get(file)
        if targets is not None and file not in suspected:
            found[file] = FileImports(targets)
        elif file not in found or found[file].broken:
            here = found[file] if file in found else _read_here(tree, layout, file)
            found[file] = FileImports(targets) if here.broken and targets is not None else here
    return found


def _read_here(tree: Tree, layout: Layout, file: str) -> FileImports:
    try:
        source = tree.read(file)
    except OSError as error:
        return FileImports(broken=Broken(file, f"cannot be read: {error.strerror}"))
    return file_imports(source, layout.modules[file], layout)


def _is_safe(source: bytes, module: Module) -> bool:
    """Whether grimp's scanner bears the file: it panics, and says so on the terminal, where a relative import climbs too high."""
    climb = module.local.count(".") + 1 + module.is_package
    return len(source) <= LARGEST_SCANNED and not _climbing(climb).search(source)


@cache
def _climbing(dots: int) -> re.Pattern[bytes]:
    return re.compile(rb"from[\s\\]*(?:\.[\s\\]*){%d}" % dots)


class _Judged(Enum):
    PLAIN = auto()
    SUSPECT = auto()
    BY_NAMES = auto()
    """`import` stands first, and what follows it tells."""


class _Suspects:
    """Finds imports that do not plainly mean a module of the tree or one of elsewhere. What stands before the word `import`, and what after it
    where nothing does, is judged once for all modules of a source root, or of a package where that has a say."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._of_roots: dict[str, dict[bytes, _Judged]] = defaultdict(dict)
        self._of_packages: dict[tuple[str, str], dict[bytes, _Judged]] = defaultdict(dict)

    def holds(self, source: bytes, module: Module) -> bool:
        own = self._of_packages[module.root, module.package]
        has_siblings = module.package in self._layout.namespaces[module.root]
        shared = own if has_siblings else self._of_roots[module.root]
        place = source.find(b"import")
        while place >= 0:
            end = place + 6
            if (place == 0 or source[place - 1] in _BEFORE_WORD) and (end >= len(source) or source[end] in _AFTER_WORD):
                line = source.rfind(b"\n", 0, place) + 1
                if (
                    line > 1
                    and source[line - 2] in _BEFORE_BREAK
                    and source[max(0, line - 3) : line].strip().endswith(b"\\")
                ):
                    return True
                text = source[line:place]
                judged = shared.get(text) or own.get(text)
                if judged is None:
                    judged, is_shared = self._judge(text, module)
                    (shared if is_shared else own)[text] = judged
                if judged is _Judged.BY_NAMES:
                    stop = source.find(b"\n", end)
                    text = source[place : stop if stop > 0 else len(source)]
                    judged = shared.get(text)
                    if judged is None:
                        are_plain = self._are_plain_names(text[6:], module)
                        judged = shared[text] = _Judged.PLAIN if are_plain else _Judged.SUSPECT
                if judged is _Judged.SUSPECT:
                    return True
            place = source.find(b"import", end)
        return False

    def _judge(self, before: bytes, module: Module) -> tuple[_Judged, bool]:
        """And whether that holds for all modules of the source root."""
        bare = before.strip()
        if not bare or bare[-1] in b";:":
            return _Judged.BY_NAMES, True
        match = _FROM.search(before)
        if match is None:
            # Neither `import` nor `from ... import`: a word of a comment or a text.
            is_plain = not bare.endswith(b"\\") and not _FROM_DOTS_APART.search(before)
            return _Judged.PLAIN if is_plain else _Judged.SUSPECT, True
        dots, name = match.groups()
        local: str | None = name.decode("utf-8", "replace")
        if dots and local is not None:
            local = absolute(local, len(dots), module.package) if module.package else None
        is_plain = local is not None and self._is_plain(module, local)
        return _Judged.PLAIN if is_plain else _Judged.SUSPECT, not dots

    def _are_plain_names(self, names: bytes, module: Module) -> bool:
        if b"\\" in names or b"\r" in names.rstrip():
            return False
        for part in names.partition(b"#")[0].partition(b";")[0].split(b","):
            match = _NAME.match(part)
            if match and not self._is_plain(module, match[1].decode("utf-8", "replace"), imported=True):
                return False
        return True

    def _is_plain(self, module: Module, local: str, *, imported: bool = False) -> bool:
        """Whether the name is a module of ours that has a file (a folder, where it is imported itself), or clearly is of elsewhere."""
        layout = self._layout
        if not layout.is_ours(module.root, local):
            return layout.sibling(module, local) is None
        if layout.find(module.root, local) is None:
            return layout.is_elsewhere(module.root, local)
        return imported or not layout.is_namespace(module.root, local)


class _Scanner:
    """Grimp's scanner, on threads that have stack enough. It knows packages of one name each: what several roots call alike is left out. A
    module outside packages is a package of its own."""

    def __init__(self, tree: Tree, layout: Layout) -> None:
        from grimp.application.ports.modulefinder import FoundPackage, ModuleFile
        from grimp.domain.valueobjects import Module as GrimpModule

        self._names: dict[str, str] = {}
        self._files: dict[str, str] = {}
        self._known: dict[str, ModuleFile] = {}
        self._packages: set[FoundPackage] = set()
        self._threads: list[threading.Thread] = []
        self._found: dict[str, frozenset[str]] = {}
        self._failed: list[list[ModuleFile]] = []
        tops: dict[str, list[Module]] = defaultdict(list)
        for module in layout.modules.values():
            top = layout.top(module.local)
            # What a package of the same name hides is named by its path, which means nothing to grimp.
            if layout.owners.get(top) == module.root and module.name == module.local and "/" not in module.local:
                tops[top].append(module)
        scripts = [top for top, modules in tops.items() if not modules[0].is_package and modules[0].local == top]
        for top in scripts if len(scripts) > MOST_SCRIPTS else ():
            del tops[top]
        for top, modules in tops.items():
            root = layout.owners[top]
            directory = f"{tree.absolute(root)}/{top}"
            if top == layout.prefix or (root and f"{root}/__init__.py" in tree.files):
                directory = tree.absolute(root).rstrip("/")
            known = {module.local: ModuleFile(module=GrimpModule(module.local), mtime=0.0) for module in modules}
            spaces = frozenset(name for name in layout.namespaces[root] if layout.top(name) == top)
            self._packages.add(FoundPackage(top, directory, frozenset(known.values()), spaces))
            self._known.update(known)
            self._files.update((module.local, module.file) for module in modules)
            self._names.update((name, layout.known[root][name]) for name in (*known, *spaces))

    def start(self, modules: Iterable[Module]) -> None:
        part = [self._known[module.local] for module in modules if self._files.get(module.local) == module.file]
        if part:
            self._threads.append(_with_stack(lambda: self._scan_part(part)))

    def result(self, suspected: set[str]) -> dict[str, frozenset[str]]:
        """Imported names by file; a file that grimp cannot read is missing. Where it could not read a part, it gets those of it that are not
        suspected, and again the halves of what it cannot read."""
        for thread in self._threads:
            thread.join()
        failed = [[each for each in part if self._files[each.module.name] not in suspected] for part in self._failed]
        if any(failed):
            _with_stack(lambda: self._scan_halves(failed)).join()
        os.environ.pop("RUST_MIN_STACK", None)
        return self._found

    def _scan_part(self, part: list[ModuleFile]) -> None:
        if not self._scan(part):
            self._failed.append(part)

    def _scan_halves(self, parts: list[list[ModuleFile]]) -> None:
        while parts:
            part = parts.pop()
            if part and not self._scan(part) and len(part) > 1:
                parts += [part[: len(part) // 2], part[len(part) // 2 :]]

    def _scan(self, part: list[ModuleFile]) -> bool:
        from grimp.application.scanning import scan_imports

        try:
            scanned = scan_imports(
                part,
                found_packages=self._packages,
                include_external_packages=False,
                exclude_type_checking_imports=False,
            )
        except (KeyboardInterrupt, SystemExit):
            raise
        # Not only Exception: where its Rust code panics, which a file can bring about, the error is none.
        except BaseException:
            return False
        names, files = self._names, self._files
        self._found.update(
            (files[each.module.name], frozenset([names[one.imported.name] for one in imports]))
            for each, imports in scanned.items()
        )
        return True


def _with_stack(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, name="import-scanner", daemon=True)
    before = threading.stack_size(SCANNER_STACK)
    # What grimp's own threads take; read when the first of them starts.
    os.environ["RUST_MIN_STACK"] = str(SCANNER_STACK)
    try:
        thread.start()
    finally:
        threading.stack_size(before)
    return thread
