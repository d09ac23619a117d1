"""What kind of container a value was: Sentry keeps lists, tuples and sets alike, and keys of all types as text.

What belongs here: reading annotations, defaults, and what the code does with a variable.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from orchestration_assets.incidents.sources import Function
from orchestration_assets.incidents.syntax import AnyFunction, last_name, own_nodes

_SEQUENCES = {
    "list": "list", "List": "list", "Sequence": "list", "Iterable": "list", "Collection": "list", "MutableSequence": "list",
    "Iterator": "list", "Generator": "list",
    "tuple": "tuple", "Tuple": "tuple",
    "set": "set", "Set": "set", "MutableSet": "set", "AbstractSet": "set",
    "frozenset": "frozenset", "FrozenSet": "frozenset",
    "deque": "deque", "Deque": "deque",
    "dict": "dict", "Dict": "dict", "Mapping": "dict", "MutableMapping": "dict",
    "defaultdict": "defaultdict", "DefaultDict": "defaultdict",
    "Counter": "Counter", "OrderedDict": "OrderedDict",
}  # fmt: skip
_MADE_BY = {
    "sorted": "list",
    "split": "list",
    "splitlines": "list",
    "readlines": "list",
    "keys": "list",
    "partition": "tuple",
}
_METHODS = {
    "append": "list", "extend": "list", "insert": "list", "sort": "list", "reverse": "list",
    "add": "set", "union": "set", "intersection": "set", "difference": "set", "issubset": "set", "issuperset": "set",
    "symmetric_difference": "set", "isdisjoint": "set",
    "most_common": "Counter", "popleft": "deque", "appendleft": "deque", "move_to_end": "OrderedDict",
}  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """`kind`: the name of a container, or of a class. `items`: of what is in it; of a mapping, keys and values. `factory` makes the
    values of a defaultdict."""

    kind: str
    items: tuple[Shape | None, ...] = ()
    is_varied: bool = False
    """A tuple of any length."""
    factory: str = ""
    attributes: frozenset[str] = frozenset()
    """Names that the code asks it for, where no class is known."""


def of_annotation(node: ast.expr | None) -> Shape | None:
    """None where nothing can be told."""
    match node:
        case ast.Constant(value=str() as text):
            try:
                return of_annotation(ast.parse(text, mode="eval").body)
            except SyntaxError:
                return None
        case ast.BinOp(op=ast.BitOr()):
            sides = [of_annotation(side) for side in (node.left, node.right)]
            return next((side for side in sides if side is not None and side.kind != "None"), None)
        case ast.Name() | ast.Attribute():
            name = last_name(node)
            return Shape(_SEQUENCES.get(name, name))
        case ast.Subscript():
            name = last_name(node.value)
            inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            if name in {"Optional", "Final", "Annotated", "ClassVar", "Required", "NotRequired", "Union"}:
                return of_annotation(inner[0])
            is_varied = any(isinstance(each, ast.Constant) and each.value is Ellipsis for each in inner)
            items = [each for each in inner if not (isinstance(each, ast.Constant) and each.value is Ellipsis)]
            return Shape(_SEQUENCES.get(name, name), tuple(of_annotation(each) for each in items), is_varied)
    return None


def of_expression(node: ast.expr | None) -> Shape | None:
    """Of what an expression makes."""
    match node:
        case ast.List() | ast.ListComp():
            return Shape(
                "list", (of_expression(node.elt if isinstance(node, ast.ListComp) else next(iter(node.elts), None)),)
            )
        case ast.Set() | ast.SetComp():
            return Shape("set")
        case ast.Tuple():
            return Shape("tuple", tuple(of_expression(each) for each in node.elts))
        case ast.Dict():
            return Shape(
                "dict", (of_expression(next(iter(node.keys), None)), of_expression(next(iter(node.values), None)))
            )
        case ast.DictComp():
            return Shape("dict", (of_expression(node.key), of_expression(node.value)))
        case ast.Constant(value=bool() | int() | float() | str() | bytes() as value):
            return Shape(type(value).__name__)
        case ast.JoinedStr():
            return Shape("str")
        case ast.Call():
            name = last_name(node.func)
            kind = _MADE_BY.get(name) or (name if name in _SEQUENCES or name in {"int", "str", "float"} else "")
            kind = _SEQUENCES.get(kind, kind)
            factory = ast.unparse(node.args[0]) if kind == "defaultdict" and node.args else ""
            return Shape(kind, factory=factory) if kind else (Shape(name) if name[:1].isupper() else None)
        case ast.BoolOp() | ast.IfExp():
            sides = node.values if isinstance(node, ast.BoolOp) else [node.body, node.orelse]
            return next((shape for side in reversed(sides) if (shape := of_expression(side))), None)
    return None


def of_parameter(function: Function, name: str) -> Shape | None:
    """What the signature says, else what the body does with it."""
    arguments = function.node.args
    if arguments.vararg is not None and arguments.vararg.arg == name:
        return Shape("tuple", (of_annotation(arguments.vararg.annotation),), is_varied=True)
    if arguments.kwarg is not None and arguments.kwarg.arg == name:
        return Shape("dict", (Shape("str"), of_annotation(arguments.kwarg.annotation)))
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    annotation = next((each.annotation for each in every if each.arg == name), None)
    if annotation is not None and (shape := of_annotation(annotation)):
        return shape
    default = of_expression(defaults(function.node).get(name))
    if default is not None and default.kind in {"list", "tuple", "set", "frozenset", "dict"}:
        return default
    return of_use(function.node, name)


def of_local(function: AnyFunction | ast.Module, name: str) -> Shape | None:
    """Of a variable that the code itself assigns."""
    for node in own_nodes(function):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == name:
            return of_annotation(node.annotation)
        if isinstance(node, ast.Assign) and name in {each.id for each in node.targets if isinstance(each, ast.Name)}:
            shape = of_expression(node.value)
            if shape is not None:
                return shape
    return of_use(function, name)


def of_use(function: AnyFunction | ast.Module, name: str) -> Shape | None:
    asked = frozenset(
        node.attr
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name
    )
    kind = next((_METHODS[each] for each in sorted(asked) if each in _METHODS), "")
    return Shape(kind, attributes=asked) if kind or asked else None


def defaults(node: AnyFunction) -> dict[str, ast.expr]:
    """Default values by the names of the parameters."""
    places = [*node.args.posonlyargs, *node.args.args]
    found = {each.arg: value for each, value in zip(places[::-1], node.args.defaults[::-1], strict=False)}
    found |= {each.arg: value for each, value in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True) if value}
    return found
