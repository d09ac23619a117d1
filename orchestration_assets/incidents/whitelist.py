"""What a test may consist of, whoever wrote it: a list of kinds of nodes, of modules and of names.

What belongs here: the last look at a test before it is run or shown. It does not trust whoever made it.
"""

from __future__ import annotations

import ast
import re
import sys

from orchestration_assets.incidents.reprs import Unrebuildable

STANDARD = frozenset(
    "abc argparse array asyncio base64 bisect calendar collections contextlib copy csv dataclasses datetime decimal email enum fractions"
    " functools hashlib heapq html io ipaddress itertools json logging math numbers operator pathlib pprint queue random re"
    " runpy statistics string struct sys textwrap threading time tomllib types typing unicodedata uuid xml zlib zoneinfo".split()
)
"""Modules of the standard library that a test may import: none that opens connections, starts processes or loads code from data."""
_NODES = (
    ast.Module, ast.Import, ast.ImportFrom, ast.alias, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.arguments, ast.arg,
    ast.Return, ast.Raise, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.For, ast.While, ast.If, ast.With, ast.withitem,
    ast.Pass, ast.Break, ast.Continue, ast.Assert, ast.Try, ast.ExceptHandler,
    ast.Constant, ast.Name, ast.Attribute, ast.Subscript, ast.Slice, ast.Starred, ast.Call, ast.keyword, ast.List, ast.Tuple, ast.Set,
    ast.Dict, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.comprehension, ast.Lambda, ast.IfExp, ast.BoolOp, ast.BinOp,
    ast.UnaryOp, ast.Compare, ast.JoinedStr, ast.FormattedValue, ast.expr_context, ast.boolop, ast.operator, ast.unaryop, ast.cmpop,
)  # fmt: skip
_FORBIDDEN = frozenset(
    "__import__ __builtins__ __loader__ __spec__ breakpoint compile delattr eval exec exit globals input locals quit vars".split()
)
_REACHING = frozenset(
    "builtins chmod ctypes FileHandler FileIO hardlink_to importlib modules multiprocessing open_code os pickle popen posix pty rename"
    " rmdir rmtree shutil socket subprocess symlink_to system unlink urllib".split()
)
"""Attributes that lead from a harmless object to one that is not, such as the `os` of a module of the program."""
_DUNDER = re.compile(r"__\w+__")
_DUNDERS = frozenset(
    f"__{name}__"
    for name in "init enter exit call iter next len getitem setitem delitem contains add sub mul matmul truediv floordiv mod pow radd"
    " rsub rmul rtruediv neg pos abs invert eq ne lt le gt ge hash bool int float str repr format bytes and or xor lshift rshift"
    " missing reversed get set await post_init file instancecheck iadd isub imul round index".split()
)
LONGEST = 64 * 1024


def check(text: str, own_modules: frozenset[str]) -> ast.Module:
    """The test as a tree. `own_modules` are the first names of the program's modules. Raises Unrebuildable for anything that a test
    has no need of."""
    if len(text) > LONGEST:
        raise Unrebuildable("the test is too long")
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Unrebuildable(f"the test is no Python: {type(error).__name__}") from None
    for node in ast.walk(tree):
        if not isinstance(node, _NODES):
            raise Unrebuildable(f"a test has no need of {type(node).__name__}")
        match node:
            case ast.Import():
                for each in node.names:
                    _check_module(each.name, own_modules)
            case ast.ImportFrom():
                if node.level:
                    raise Unrebuildable("a test has no need of relative imports")
                _check_module(node.module or "", own_modules)
                if any(each.name == "*" for each in node.names):
                    raise Unrebuildable("a test has no need of import *")
            case ast.Name(id=name) | ast.arg(arg=name) | ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                _check_name(name)
            case ast.Attribute(attr=name):
                _check_name(name)
                if name in _REACHING:
                    raise Unrebuildable(f"a test has no need of {name}")
            case ast.Call():
                _check_call(node, own_modules)
    return tree


def _check_module(name: str, own_modules: frozenset[str]) -> None:
    first = name.partition(".")[0]
    if first in own_modules or first in STANDARD or first in {"__future__", "pytest"}:
        return
    if first in sys.stdlib_module_names:
        raise Unrebuildable(f"a test has no need of the module {first}")
    raise Unrebuildable(f"{first} is no module of the program")


def _check_call(node: ast.Call, own_modules: frozenset[str]) -> None:
    match node.func:
        case ast.Name(id="getattr" | "setattr"):
            named = node.args[1] if len(node.args) > 1 else None
            if not isinstance(named, ast.Constant) or not isinstance(named.value, str) or named.value in _REACHING:
                raise Unrebuildable("a test names the attributes that it takes")
            _check_name(named.value)
        case ast.Name(id="open") | ast.Attribute(attr="open"):
            written = [
                each.value
                for each in [*node.args, *(one.value for one in node.keywords)]
                if isinstance(each, ast.Constant)
            ]
            if any(isinstance(mode, str) and len(mode) < 4 and set(mode) & set("wax+") for mode in written):
                raise Unrebuildable("a test opens no file to write")
        case ast.Attribute(value=ast.Name(id="runpy")):
            names = (
                [each.value for each in ast.walk(node.args[0]) if isinstance(each, ast.Constant)] if node.args else []
            )
            firsts = {str(name).partition("/")[0].partition(".")[0] for name in names if isinstance(name, str)}
            if not firsts or not firsts <= own_modules:
                raise Unrebuildable("a test runs no script but the program's")


def _check_name(name: str) -> None:
    if name in _FORBIDDEN or (_DUNDER.fullmatch(name) and name not in _DUNDERS):
        raise Unrebuildable(f"a test has no need of {name[:40]}")
