"""The text of a test: what surrounds the call (clock, environment, files, command line), and a layout that people would write.

What belongs here: building a syntax tree and writing it out. All text from outside goes in as a constant; the result is parsed again
and looked at before it leaves.
"""

from __future__ import annotations

import ast
import copy
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from orchestration_assets.incidents import whitelist
from orchestration_assets.incidents.candidates import Candidate
from orchestration_assets.incidents.layout import laid_out
from orchestration_assets.incidents.reprs import Unrebuildable
from orchestration_assets.incidents.surroundings import World, patch, surround
from resources.scrubbing import scrub

LONGEST_TEST = whitelist.LONGEST
FOLDER = "tests/regression"


@dataclass(frozen=True)
class About:
    """What a test says of where it comes from, as text from outside."""

    exception: str
    message: str
    link: str
    release: str
    slug: str
    short_id: str

    @property
    def path(self) -> str:
        return f"{FOLDER}/test_{self.slug}_{self.short_id}.py"


def render(candidate: Candidate, world: World, about: About, own_modules: frozenset[str]) -> str:
    """The whole file. Raises Unrebuildable where it would hold what a test has no need of, or a secret."""
    imports = dict(candidate.draft.imports)
    body: list[ast.stmt] = []
    head: list[ast.stmt] = []
    for root in sorted(candidate.draft.roots - {"", "src"}):
        imports["Path"] = ("pathlib", "Path")
        folder = ast.BinOp(
            ast.Subscript(_attribute("Path", "parents", of=["__file__"]), ast.Constant(2)),
            ast.Div(),
            ast.Constant(root),
        )
        body.append(patch("syspath_prepend", folder))
    surround(world, imports, head, body)
    late = _late(candidate.draft.roots, imports, candidate)
    body += [*late, *candidate.draft.statements, *candidate.call]
    body = [_Scrubbed().visit(copy.deepcopy(each)) for each in body]
    fixtures = [name for name in ("monkeypatch", "tmp_path") if any(_mentions(each, name) for each in body)]
    if "monkeypatch" in fixtures:
        imports["pytest"] = ("pytest", "")
    types = {"monkeypatch": ast.Attribute(ast.Name("pytest"), "MonkeyPatch"), "tmp_path": ast.Name("Path")}
    if "tmp_path" in fixtures:
        imports["Path"] = ("pathlib", "Path")
    arguments = ast.arguments([], [ast.arg(name, types[name]) for name in fixtures], None, [], [], None, [])
    test = ast.FunctionDef(f"test_{about.slug}", arguments, body, [], ast.Constant(None), lineno=0)
    used = {node.id for each in [*head, *body, test] for node in ast.walk(each) if isinstance(node, ast.Name)}
    dropped = {name for each in late for name in _imported(each)}
    lines = [_import(name, *what) for name, what in imports.items() if name in used and name not in dropped]
    text = laid_out(title_of(about), lines, head, test)
    whitelist.check(text, own_modules)
    if scrub(text) != text:
        raise Unrebuildable("the test would hold what looks like a secret")
    return text


class _Scrubbed(ast.NodeTransformer):
    """Takes out of texts what looks like a secret: the error may show all the same."""

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        if isinstance(node.value, str):
            return ast.Constant(scrub(node.value))
        if isinstance(node.value, bytes) and scrub(text := node.value.decode("latin-1")) != text:
            raise Unrebuildable("the test would hold what looks like a secret")
        return node


def _late(roots: set[str], imports: Mapping[str, tuple[str, str]], candidate: Candidate) -> list[ast.stmt]:
    """Imports that have to wait until the path is set."""
    if not roots - {"", "src"}:
        return []
    found: list[ast.stmt] = []
    for name, (module, what) in imports.items():
        if module.partition(".")[0] not in whitelist.STANDARD | {"pytest"}:
            found += ast.parse(_import(name, module, what)).body
    return found


def _imported(statement: ast.stmt) -> list[str]:
    names = statement.names if isinstance(statement, ast.Import | ast.ImportFrom) else []
    return [(each.asname or each.name).partition(".")[0] for each in names]


def _import(name: str, module: str, what: str) -> str:
    if not what:
        return f"import {module}"
    return f"from {module} import {what}" + ("" if what == name else f" as {name}")


def title_of(about: About) -> str:
    """The docstring of a test: text from outside that cannot end it."""
    message = one_line(scrub(about.message), 160)
    exception = one_line(scrub(about.exception), 80)
    title = f"{exception}: {message}" if message else exception
    where = f"Release {one_line(scrub(about.release), 80)}. " if about.release else ""
    return f"{title}\n\n{where}{one_line(scrub(about.link), 300)}\n"


def one_line(text: str, most: int) -> str:
    """Text from outside that can stand in a docstring: printable, on one line, without quotes or backslashes that would end it."""
    clean = "".join(each if each.isprintable() else " " for each in unicodedata.normalize("NFC", text))
    clean = re.sub(r"\s+", " ", clean).strip().replace("\\", "/").replace('"', "'")
    return clean if len(clean) <= most else clean[: most - 1] + "…"


def _attribute(name: str, attribute: str, of: list[str]) -> ast.expr:
    return ast.Attribute(ast.Call(ast.Name(name), [ast.Name(each) for each in of], []), attribute)


def _mentions(statement: ast.stmt, name: str) -> bool:
    return any(isinstance(each, ast.Name) and each.id == name for each in ast.walk(statement))
