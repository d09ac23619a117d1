"""Running a program as it was run: its entry script or package with the command line of the incident, or the import that failed.

What belongs here: candidates that call no function, because the code that failed runs when a file is run or imported.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from orchestration_assets.incidents.candidates import Candidate
from orchestration_assets.incidents.drafts import Draft
from orchestration_assets.incidents.frames import Level
from orchestration_assets.incidents.inverting import Fact
from orchestration_assets.incidents.reprs import Unrebuildable
from orchestration_assets.incidents.sources import Sources


def command_line(facts: Sequence[Fact], script: str) -> list[str] | None:
    """`sys.argv` as far as facts tell it without a gap; None where they tell nothing of it."""
    places: dict[int, str] = {}
    for fact in facts:
        if fact.kind == "arguments" and isinstance(fact.key, int):
            places |= {fact.key + number: each for number, each in enumerate(fact.value)}
        elif fact.kind == "argv" and isinstance(fact.key, int):
            places[fact.key] = fact.value
    known = any(fact.kind in {"arguments", "argv"} for fact in facts)
    if not known or set(places) - {0} != set(range(1, len(places) + (0 not in places))):
        return None
    return [places.get(0, script), *(places[number] for number in sorted(places) if number)]


def runs(levels: list[Level], sources: Sources, facts: Sequence[Fact], reasons: list[str]) -> list[Candidate]:
    """The run of the entry script, and the import of the outermost module that failed while it was imported."""
    found = []
    for number, level in enumerate(levels):
        if level.function is not None or level.place.is_inline:
            continue
        try:
            if level.place.frame.module == "__main__":
                found.append(_script(level, number, sources, facts))
            else:
                draft = Draft(sources, level.module)
                draft.roots.add(level.module.root)
                found.append(
                    Candidate(
                        draft, (ast.Import([ast.alias(level.module.name)]),), number, f"import {level.module.name}", 0
                    )
                )
                break
        except Unrebuildable as error:
            reasons.append(f"{level.module.path}: {error}")
    return found


def _script(level: Level, number: int, sources: Sources, facts: Sequence[Fact]) -> Candidate:
    """Raises Unrebuildable where it reads what is not known."""
    module = level.module
    reads = _reads(module.tree)
    if "argv" in reads and command_line(facts, module.path) is None:
        raise Unrebuildable("the command line of that time is not told")
    if "stdin" in reads and not any(fact.kind == "stdin" for fact in facts):
        raise Unrebuildable("its standard input of that time is not told")
    draft = Draft(sources, module)
    draft.roots.add(module.root)
    runpy = draft.use_module("runpy")
    main = ast.keyword("run_name", ast.Constant("__main__"))
    if module.path.endswith("__main__.py") and "." in module.name:
        package = module.name.removesuffix(".__main__")
        call = ast.Call(
            ast.Attribute(runpy, "run_module"),
            [ast.Constant(package)],
            [main, ast.keyword("alter_sys", ast.Constant(True))],
        )
        what = f"python -m {package}"
    else:
        here = ast.Call(draft.use("pathlib", "Path"), [ast.Name("__file__")], [])
        root = ast.Subscript(ast.Attribute(here, "parents"), ast.Constant(2))
        path = ast.Call(ast.Name("str"), [ast.BinOp(root, ast.Div(), ast.Constant(module.path))], [])
        call = ast.Call(ast.Attribute(runpy, "run_path"), [path], [main])
        what = f"python {module.path}"
    return Candidate(draft, (ast.Expr(call),), number, what, 0)


def require_told(level: Level, argv: Sequence[str] | None, stdin: str | None) -> None:
    """Raises Unrebuildable where a function itself reads a command line or standard input that is not known."""
    if level.function is None:
        return
    reads = _reads(level.function.node)
    if "argv" in reads and argv is None:
        raise Unrebuildable("the command line of that time is not told")
    if "stdin" in reads and stdin is None:
        raise Unrebuildable("its standard input of that time is not told")


def _reads(code: ast.AST) -> set[str]:
    """`argv` and `stdin`, if the code reads them."""
    found = set()
    for node in ast.walk(code):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"sys.argv", "sys.stdin"}:
            found.add(node.attr)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            if name == "parse_args" and not node.args:
                found.add("argv")
            elif name == "input":
                found.add("stdin")
    return found
