"""What a Python file imports, and which modules of the tree that means. Grimp's scanner reads most files and has the same rules; these read
what it cannot: scripts, names that two source roots share, and whether an import leads nowhere."""

from __future__ import annotations

import ast
import re

from orchestration_assets.code.import_graph.model import Broken, FileImports, Unresolved
from orchestration_assets.code.import_graph.python_layout import Layout, Module
from orchestration_assets.import_statements import Import, imports_in

_ENDLESS_NAME = re.compile(rb"[\w.]{5000}")


class Unparsable(Exception):
    """Its text is one sentence without the file's name."""


def read_imports(source: bytes) -> list[Import]:
    """All imports. Raises Unparsable."""
    # Python joins the parts of a dotted name one by one, which takes minutes for a name of a megabyte.
    if _ENDLESS_NAME.search(source):
        raise Unparsable("holds a name of more than 5,000 characters")
    try:
        parsed = ast.parse(source)
    except SyntaxError as error:
        where = f" (line {error.lineno})" if error.lineno else ""
        raise Unparsable(f"is no Python that can be parsed: {error.msg}{where}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        reason = str(error) if isinstance(error, ValueError) else "it is nested too deeply"
        raise Unparsable(f"is no Python that can be parsed: {reason}") from None
    return list(imports_in(parsed))


def file_imports(source: bytes, module: Module, layout: Layout) -> FileImports:
    """Reads and resolves; a file that cannot be parsed brings nothing but that."""
    try:
        imports = read_imports(source)
    except Unparsable as error:
        return FileImports(broken=Broken(module.file, str(error)))
    targets: set[str] = set()
    unresolved: list[Unresolved] = []
    for each in imports:
        _resolve(each, module, layout, targets, unresolved)
    return FileImports(frozenset(targets), tuple(unresolved))


def _resolve(each: Import, module: Module, layout: Layout, targets: set[str], unresolved: list[Unresolved]) -> None:
    def report(name: str, reason: str) -> None:
        unresolved.append(Unresolved(module.name, each.line, name, reason))

    if each.names is None:
        base, wanted = each.module, [each.module]
    elif each.level:
        absolute = each.absolute(module.package)
        if absolute is None:
            report("." * each.level + each.module, "leads above the topmost package")
            return
        base = absolute
        wanted = [f"{base}.{name}".lstrip(".") for name in each.names]
    else:
        base = each.module
        wanted = [f"{base}.{name}" for name in each.names]
    if not each.level and not layout.is_ours(module.root, base):
        _resolve_sibling(each, module, layout, targets)
        return
    for name in wanted:
        found = layout.find(module.root, name) or layout.find(module.root, name.rpartition(".")[0])
        if found is not None:
            targets.add(found)
    if not layout.is_ours(module.root, base):
        return
    if layout.find(module.root, base) is None and not layout.is_elsewhere(module.root, base) and base:
        report("." * each.level + each.module, "there is no such module")
    elif each.names is not None and layout.is_namespace(module.root, base):
        for name in wanted:
            if name.endswith("*"):
                continue
            if layout.find(module.root, name) is None and not layout.is_elsewhere(module.root, name):
                report(name, "there is no such module, and the folder has no __init__.py that could define it")


def _resolve_sibling(each: Import, module: Module, layout: Layout, targets: set[str]) -> None:
    base = layout.sibling(module, each.module)
    if base is None:
        return
    known = layout.known[module.root]
    for name in each.names or ("*",):
        targets.add(known.get(f"{base}.{name}", known[base]))
