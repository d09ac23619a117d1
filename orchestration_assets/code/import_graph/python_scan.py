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
from functools import cache
from typing import TYPE_CHECKING, Any

from orchestration_assets.code.import_graph.model import Broken, FileImports
from orchestration_assets.code.import_graph.python_imports import absolute_base, file_imports
from orchestration_assets.code.import_graph.python_layout import Layout, Module
from orchestration_assets.code.import_graph.tree import Tree

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
_FROM_DOTS_APART = re.compile(rb"from\s*\.[\s.]*[\w.\x80-\xff\s]*$")
_BEFORE_WORD = frozenset(b" \t\n\r\f;:.\\")
_AFTER_WORD = frozenset(b" \t\\(*\f\r\n")


def scan_python(tree: Tree, layout: Layout, files: Sequence[str]) -> dict[str, FileImports]:
    """What each file imports; every file of the layout may be asked for, and an import is looked up among all of them."""
    sources: dict[str, bytes] = {}
    found: dict[str, FileImports] = {}
    for file in files:
        try:
            sources[file] = tree.read(file)
        except OSError as error:
            found[file] = FileImports(broken=Broken(file, f"cannot be read: {error.strerror}"))
    modules = [layout.modules[file] for file in sources]
    if len(modules) <= FEW:
        found.update((module.file, file_imports(sources[module.file], module, layout)) for module in modules)
        # Grimp's parser knows the syntax of later Pythons, too.
        modules = [module for module in modules if found[module.file].broken]
    if not modules:
        return found
    scanner = _Scanner(tree, layout, [module for module in modules if _is_safe(sources[module.file], module)])
    scanner.start()
    suspects = _Suspects(layout)
    suspected = {module.file for module in modules if suspects.holds(sources[module.file], module)}
    scanned = scanner.result(suspected)
    for module in modules:
        targets = scanned.get(module.file)
        if targets is not None and module.file not in suspected:
            found[module.file] = FileImports(targets)
            continue
        ours = file_imports(sources[module.file], module, layout)
        found[module.file] = FileImports(targets) if ours.broken and targets is not None else ours
    return found


def _is_safe(source: bytes, module: Module) -> bool:
    """Whether grimp's scanner bears the file: it panics, and says so on the terminal, where a relative import climbs too high."""
    climb = module.local.count(".") + 1 + module.is_package
    return len(source) <= LARGEST_SCANNED and not _climbing(climb).search(source)


@cache
def _climbing(dots: int) -> re.Pattern[bytes]:
    return re.compile(rb"from[\s\\]*(?:\.[\s\\]*){%d}" % dots)


class _Suspects:
    """Finds imports that do not plainly mean a module of the tree or one of elsewhere. What stands before or after the word `import` is judged
    once for all modules of a package."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._judged: dict[tuple[str, str, bool], dict[bytes, bool]] = defaultdict(dict)

    def holds(self, source: bytes, module: Module) -> bool:
        judged = self._judged[module.root, module.package, module.is_package]
        place = source.find(b"import")
        while place >= 0:
            end = place + 6
            if (place == 0 or source[place - 1] in _BEFORE_WORD) and (end >= len(source) or source[end] in _AFTER_WORD):
                line = source.rfind(b"\n", 0, place) + 1
                if source[line - 2 : line] == b"\\\n" or source[line - 3 : line] == b"\\\r\n":
                    return True
                text = source[line:place]
                if not text.strip() or text.rstrip()[-1] in b";:":
                    stop = source.find(b"\n", end)
                    text = source[place : stop if stop > 0 else len(source)]
                plain = judged.get(text)
                if plain is None:
                    plain = judged[text] = self._is_plain_text(text, module)
                if not plain:
                    return True
            place = source.find(b"import", end)
        return False

    def _is_plain_text(self, text: bytes, module: Module) -> bool:
        if text.startswith(b"import"):
            return self._are_plain_names(text[6:], module)
        match = _FROM.search(text)
        if match is None:
            # Neither `import` nor `from ... import`: a word of a comment or a text.
            return not text.rstrip().endswith(b"\\") and not _FROM_DOTS_APART.search(text)
        dots, name = match.groups()
        local = name.decode("utf-8", "replace")
        if dots:
            base = absolute_base(module, len(dots), local) if module.package else None
            return base is not None and self._is_plain(module, base)
        return self._is_plain(module, local)

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
    """Grimp's scanner on a thread that has stack enough."""

    def __init__(self, tree: Tree, layout: Layout, modules: Iterable[Module]) -> None:
        self._names: dict[str, str] = {}
        self._files: dict[Any, str] = {}
        self._packages: set[FoundPackage] = set()
        self._prepare(tree, layout, list(modules))
        self._done: dict[str, frozenset[str]] | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        if self._files:
            self._thread = _with_stack(self._scan_all)

    def result(self, suspected: set[str]) -> dict[str, frozenset[str]]:
        """Imported names by file; a file that grimp cannot read is missing. Where it could not read all at once, it gets those that are not
        suspected, and again the halves of what it cannot read."""
        if self._thread is None:
            return {}
        self._thread.join()
        if self._done is None:
            found: dict[str, frozenset[str]] = {}
            rest = [module_file for module_file, file in self._files.items() if file not in suspected]
            _with_stack(lambda: self._scan_parts(rest, found)).join()
            self._done = found
        return self._done

    def _scan_all(self) -> None:
        self._done = self._scan(list(self._files))

    def _scan_parts(self, module_files: list[ModuleFile], found: dict[str, frozenset[str]]) -> None:
        waiting = [module_files]
        while waiting:
            part = waiting.pop()
            done = self._scan(part) if part else {}
            if done is not None:
                found.update(done)
            elif len(part) > 1:
                waiting += [part[: len(part) // 2], part[len(part) // 2 :]]

    def _scan(self, module_files: list[ModuleFile]) -> dict[str, frozenset[str]] | None:
        from grimp.application.scanning import scan_imports

        # Read when its first thread starts, and by nothing else in this process.
        os.environ["RUST_MIN_STACK"] = str(SCANNER_STACK)
        try:
            scanned = scan_imports(
                module_files,
                found_packages=self._packages,
                include_external_packages=False,
                exclude_type_checking_imports=False,
            )
        except (KeyboardInterrupt, SystemExit):
            raise
        # Not only Exception: where its Rust code panics, which a file can bring about, the error is none.
        except BaseException:
            return None
        finally:
            os.environ.pop("RUST_MIN_STACK", None)
        names = self._names
        return {
            self._files[module_file]: frozenset([names[each.imported.name] for each in imports])
            for module_file, imports in scanned.items()
        }

    def _prepare(self, tree: Tree, layout: Layout, modules: list[Module]) -> None:
        """Grimp knows packages of one name each: what several roots call alike is left out. A module outside packages is one of its own."""
        from grimp.application.ports.modulefinder import FoundPackage, ModuleFile
        from grimp.domain.valueobjects import Module as GrimpModule

        tops: dict[str, set[ModuleFile]] = defaultdict(set)
        is_folder: dict[str, bool] = {}
        by_file: dict[str, ModuleFile] = {}
        for module in layout.modules.values():
            top = layout.top(module.local)
            # What a package of the same name hides is named by its path, which means nothing to grimp.
            if layout.owners.get(top) == module.root and module.name == module.local and "/" not in module.local:
                by_file[module.file] = ModuleFile(module=GrimpModule(module.local), mtime=0.0)
                tops[top].add(by_file[module.file])
                is_folder[top] = is_folder.get(top, False) or module.is_package or module.local != top
        if sum(not folder for folder in is_folder.values()) > MOST_SCRIPTS:
            is_folder = {top: True for top, folder in is_folder.items() if folder}
        for top in is_folder:
            root = layout.owners[top]
            directory = str(tree.root) if top == layout.prefix else f"{tree.absolute(root)}/{top}"
            if root and f"{root}/__init__.py" in tree.files:
                directory = tree.absolute(root)
            spaces = frozenset(name for name in layout.namespaces[root] if layout.top(name) == top)
            self._packages.add(
                FoundPackage(
                    name=top, directory=directory, module_files=frozenset(tops[top]), namespace_packages=spaces
                )
            )
            self._names.update((name, known) for name, known in layout.known[root].items() if layout.top(name) == top)
        self._files = {
            by_file[module.file]: module.file
            for module in modules
            if module.file in by_file and layout.top(module.local) in is_folder
        }


def _with_stack(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, name="import-scanner", daemon=True)
    before = threading.stack_size(SCANNER_STACK)
    try:
        thread.start()
    finally:
        threading.stack_size(before)
    return thread
