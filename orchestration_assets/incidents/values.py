"""From the text of a variable to a Python expression that makes an equal value, or the reason why there is none.

What belongs here: building syntax trees out of a short list of harmless parts. Nothing is evaluated, and a name that is neither a
known type of the standard library nor defined in the program's own source is refused.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import orjson

from orchestration_assets.incidents import syntax
from orchestration_assets.incidents.classes import accepted, keeps_nothing
from orchestration_assets.incidents.reprs import Special, Unrebuildable, dotted, parsed
from orchestration_assets.incidents.shapes import Shape, of_annotation
from orchestration_assets.incidents.sources import Module, Sources

Use = Callable[[str, str], ast.expr]
"""Imports a name of a module and gives the expression for it; the module "" is for what is built in."""

STANDARD: Mapping[str, tuple[str, str]] = {
    **{f"datetime.{name}": ("datetime", name) for name in ("date", "datetime", "time", "timedelta", "timezone")},
    "datetime.timezone.utc": ("datetime", "UTC"),
    "Decimal": ("decimal", "Decimal"),
    "Fraction": ("fractions", "Fraction"),
    "UUID": ("uuid", "UUID"),
    **{f"{kind}Path": ("pathlib", "Path") for kind in ("Posix", "Windows")},
    **{name: ("pathlib", name) for name in ("PurePosixPath", "PureWindowsPath")},
    **{name: ("", name) for name in ("range", "set", "frozenset", "bytearray", "slice", "complex")},
    **{name: ("collections", name) for name in ("deque", "Counter", "OrderedDict", "defaultdict", "ChainMap")},
    "mappingproxy": ("types", "MappingProxyType"),
    "namespace": ("types", "SimpleNamespace"),
    "Namespace": ("argparse", "Namespace"),
    "zoneinfo.ZoneInfo": ("zoneinfo", "ZoneInfo"),
    "re.compile": ("re", "compile"),
    **{
        name: ("ipaddress", name)
        for name in ("IPv4Address", "IPv6Address", "IPv4Network", "IPv6Network", "IPv4Interface", "IPv6Interface")
    },
}
"""Where the types are whose `repr` makes an equal value."""
_VIEWS = {"dict_keys", "dict_values", "dict_items", "odict_keys", "odict_values", "odict_items"}
_EXCEPTIONS = {name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, Exception)}
_TYPES = {name for name, kind in vars(builtins).items() if isinstance(kind, type)} - {"type", "object", "super"}
_FUNCTIONS = {
    "abs",
    "all",
    "any",
    "bool",
    "divmod",
    "len",
    "max",
    "min",
    "ord",
    "repr",
    "round",
    "sorted",
    "sum",
    "pow",
    "chr",
    "hash",
}
_DEEPEST = 60
_MAPPINGS = {"dict", "defaultdict", "Counter", "OrderedDict"}


@dataclass(frozen=True)
class Guesses:
    """What Sentry does not tell and the code does not say."""

    sequence: str = "list"
    """Of what type a sequence is."""
    number_keys: bool = False
    """Whether keys that look like whole numbers are some."""


class Values:
    """Rebuilds variables of one module of a tree."""

    def __init__(self, sources: Sources, near: Module, use: Use, guesses: Guesses | None = None) -> None:
        self._sources, self._near, self._use, self._guesses = sources, near, use, guesses or Guesses()

    def rebuild(self, text: str, shape: Shape | None = None) -> ast.expr:
        """Of what `resources/sentry_issues/traces.py` kept of a variable. Raises Unrebuildable."""
        if text[:1] in {"[", "{"}:
            try:
                return self._structure(orjson.loads(text), self._known(shape), 0)
            except orjson.JSONDecodeError:
                pass
        return self._text(text, self._known(shape), 0)

    def _known(self, shape: Shape | None) -> Shape | None:
        """The shape that an alias such as `Row = dict[str, str]` stands for."""
        if shape is not None and (found := self._sources.resolve(self._near, shape.kind)):
            match found[1]:
                case ast.Assign(value=ast.Subscript() | ast.BinOp() as value) if aliased := of_annotation(value):
                    return aliased
        return shape

    def _structure(self, value: object, shape: Shape | None, depth: int) -> ast.expr:
        if depth > _DEEPEST:
            raise Unrebuildable("it is nested too deeply")
        if isinstance(value, str):
            return self._text(value, shape, depth)
        if isinstance(value, list):
            return self._sequence(value, shape, depth)
        if isinstance(value, dict):
            return self._mapping(value, shape, depth)
        raise Unrebuildable("Sentry kept it in a way that no SDK writes")

    def _sequence(self, values: list[object], shape: Shape | None, depth: int) -> ast.expr:
        if (found := self._named_tuple(shape, len(values))) is not None:
            module, node = found
            fields = [of_annotation(each.annotation) for _, each in syntax.annotated_fields(node)]
            made = [self._structure(each, kind, depth + 1) for each, kind in zip(values, fields, strict=True)]
            return ast.Call(self._use(module.name, node.name), made, [])
        kind = shape.kind if shape is not None else ""
        items = shape.items if shape is not None else ()
        if kind == "tuple" and len(items) == len(values) and not (shape and shape.is_varied):
            return ast.Tuple([self._structure(each, item, depth + 1) for each, item in zip(values, items, strict=True)])
        of_items = items[0] if items and not (kind == "tuple" and len(items) > 1) else None
        made = [self._structure(each, self._known(of_items), depth + 1) for each in values]
        if kind not in {"list", "tuple", "set", "frozenset"}:
            kind = self._guesses.sequence
        match kind:
            case "tuple":
                return ast.Tuple(made)
            case "set":
                return ast.Set(made) if made else ast.Call(ast.Name("set"), [], [])
            case "frozenset":
                return ast.Call(ast.Name("frozenset"), [ast.Set(made)] if made else [], [])
        return ast.List(made)

    def _named_tuple(self, shape: Shape | None, length: int) -> tuple[Module, ast.ClassDef] | None:
        if shape is None:
            return None
        found = (each for each in self._sources.classes(shape.kind, self._near) if syntax.is_named_tuple(each[1]))
        if not shape.kind and shape.attributes:
            found = (each for each in self._sources.classes_with(shape.attributes))
        return next((each for each in found if len(syntax.annotated_fields(each[1])) == length), None)

    def _mapping(self, values: Mapping[str, object], shape: Shape | None, depth: int) -> ast.expr:
        kinds = shape.items if shape is not None and shape.kind in _MAPPINGS and len(shape.items) == 2 else (None, None)
        are_numbers = self._guesses.number_keys and all(key.lstrip("-").isdecimal() for key in values)
        keys = [self._key(key, Shape("int") if are_numbers and kinds[0] is None else kinds[0]) for key in values]
        made = ast.Dict(
            list(keys), [self._structure(each, self._known(kinds[1]), depth + 1) for each in values.values()]
        )
        match shape.kind if shape is not None else "":
            case "defaultdict":
                assert shape is not None
                factory = shape.factory if shape.factory in _TYPES else ""
                if not factory:
                    raise Unrebuildable("what its missing values are is not known")
                return ast.Call(self._use("collections", "defaultdict"), [ast.Name(factory), made], [])
            case ("Counter" | "OrderedDict") as name:
                return ast.Call(self._use("collections", name), [made], [])
        return made

    def _key(self, text: str, shape: Shape | None) -> ast.expr:
        """Keys were written with `str`, not with `repr`."""
        kind = shape.kind if shape is not None else ""
        if kind == "str":
            return ast.Constant(text)
        if kind in {"int", "float"}:
            try:
                return _number(int(text) if kind == "int" else float(text))
            except ValueError:
                return ast.Constant(text)
        if kind in {"date", "datetime", "Decimal", "UUID", "Path"}:
            return self._from_text(kind, text)
        owner, _, member = text.rpartition(".")
        if owner.isidentifier() and member.isidentifier() and owner[:1].isupper():
            try:
                return self._enum(Special("enum", owner, member))
            except Unrebuildable:
                return ast.Constant(text)
        if text[:1] == "(" and kind in {"", "tuple"}:
            try:
                return self._text(text, shape, 0)
            except Unrebuildable:
                return ast.Constant(text)
        return ast.Constant(text)

    def _from_text(self, kind: str, text: str) -> ast.expr:
        match kind:
            case "date" | "datetime":
                maker: ast.expr = ast.Attribute(self._use("datetime", kind), "fromisoformat")
            case "Decimal":
                maker = self._use("decimal", kind)
            case "UUID":
                maker = self._use("uuid", kind)
            case _:
                maker = self._use("pathlib", "Path")
        return ast.Call(maker, [ast.Constant(text)], [])

    def _text(self, text: str, shape: Shape | None, depth: int) -> ast.expr:
        node, specials = parsed(text)
        return self._expression(node, specials, shape, depth)

    def _expression(self, node: ast.expr, specials: Mapping[str, Special], shape: Shape | None, depth: int) -> ast.expr:
        if depth > _DEEPEST:
            raise Unrebuildable("it is nested too deeply")

        def inner(each: ast.expr, kind: Shape | None = None) -> ast.expr:
            return self._expression(each, specials, kind, depth + 1)

        match node:
            case ast.Constant(value=value) if value is not Ellipsis:
                return ast.Constant(value)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() as op, operand=ast.Constant() | ast.Name() as operand):
                return ast.UnaryOp(op, inner(operand))
            case ast.BinOp(op=ast.Add() | ast.Sub() as op, left=left, right=ast.Constant(value=complex()) as right):
                return ast.BinOp(inner(left), op, inner(right))
            case ast.List(elts=elements):
                return ast.List([inner(each) for each in elements])
            case ast.Tuple(elts=elements):
                return ast.Tuple([inner(each) for each in elements])
            case ast.Set(elts=elements):
                return ast.Set([inner(each) for each in elements])
            case ast.Dict(keys=keys, values=values):
                if any(key is None for key in keys):
                    raise Unrebuildable("its text is no value")
                return ast.Dict([inner(key) for key in keys if key], [inner(each) for each in values])
            case ast.Name(id=name) if name in specials:
                return self._special(specials[name])
            case ast.Name(id="nan" | "inf" as name):
                return ast.Call(ast.Name("float"), [ast.Constant(name)], [])
            case ast.Attribute() if dotted(node) in STANDARD:
                return self._use(*STANDARD[dotted(node)])
            case ast.Call():
                return self._call(
                    node, [inner(each) for each in node.args], {each.arg: inner(each.value) for each in node.keywords}
                )
        raise Unrebuildable("its text is no value")

    def _call(self, node: ast.Call, positional: list[ast.expr], named: dict[str | None, ast.expr]) -> ast.expr:
        name = dotted(node.func)
        if not name or None in named:
            raise Unrebuildable("its text is no value")
        keywords = [ast.keyword(key, value) for key, value in named.items()]
        if name in _VIEWS and len(positional) == 1 and not named:
            return positional[0]
        if name in STANDARD:
            return ast.Call(self._use(*STANDARD[name]), positional, keywords)
        first, *rest = name.split(".")
        for module, owner in self._sources.classes(first, self._near):
            found: ast.ClassDef | None = owner
            for each in rest:
                inside = found.body if found is not None else []
                found = next((one for one in inside if isinstance(one, ast.ClassDef) and one.name == each), None)
            if found is not None:
                kept = accepted(
                    self._sources, module, found, positional, {str(key): value for key, value in named.items()}
                )
                made: ast.expr = self._use(module.name, first)
                for each in rest:
                    made = ast.Attribute(made, each)
                return ast.Call(made, positional, kept)
        if name in _EXCEPTIONS and not named:
            return ast.Call(ast.Name(name), positional, [])
        assigned = self._sources.resolve(self._near, name)
        if assigned is not None and isinstance(assigned[1], ast.Assign):
            maker = syntax.last_name(assigned[1].value)
            if maker in {"namedtuple", "make_dataclass", "NamedTuple"}:
                return ast.Call(self._use(assigned[0].name, name), positional, keywords)
        raise Unrebuildable(f"there is no class {name[:60]!r} in the source of the release")

    def _special(self, special: Special) -> ast.expr:
        match special.kind:
            case "enum":
                return self._enum(special)
            case "class":
                return self._global(special.name, "class")
            case "function":
                return self._global(special.name, "function")
            case "built-in" if special.name in _FUNCTIONS:
                return ast.Name(special.name)
            case "object":
                return self._empty(special.name)
        raise Unrebuildable(f"<{special.name[:60]}> can be made in no way that its text tells")

    def _enum(self, special: Special) -> ast.expr:
        first, *rest = special.name.split(".")
        for module, owner in self._sources.classes(first, self._near):
            members = {
                name for each in ast.walk(owner) if isinstance(each, ast.stmt) for name in syntax.names_bound(each)
            }
            if rest or set(special.member.split("|")) <= members:
                made: ast.expr = self._use(module.name, first)
                for each in rest:
                    made = ast.Attribute(made, each)
                parts: list[ast.expr] = [ast.Attribute(made, each) for each in special.member.split("|")]
                result = parts[0]
                for part in parts[1:]:
                    result = ast.BinOp(result, ast.BitOr(), part)
                return result
        raise Unrebuildable(f"there is no {special.name}.{special.member} in the source of the release")

    def _global(self, name: str, what: str) -> ast.expr:
        """A class or function by its own name, with or without its module."""
        if what == "class" and name in _TYPES:
            return ast.Name(name)
        if name in STANDARD:
            return self._use(*STANDARD[name])
        parts = name.split(".")
        for at in range(len(parts) - 1, 0, -1):
            module = self._sources.named(".".join(parts[:at]), self._near)
            if module is None and parts[0] == "__main__":
                module = self._near
            if module is not None and parts[at] in module.bound:
                made = self._use(module.name, parts[at])
                for each in parts[at + 1 :]:
                    made = ast.Attribute(made, each)
                return made
        found = self._sources.resolve(self._near, parts[0])
        if found is None:
            found = next(iter(self._sources.defining(parts[0])), None)
        if found is None:
            raise Unrebuildable(f"there is no {what} {name[:60]!r} in the source of the release")
        made = self._use(found[0].name, parts[0])
        for each in parts[1:]:
            made = ast.Attribute(made, each)
        return made

    def _empty(self, name: str) -> ast.expr:
        """An object of a class that keeps nothing."""
        module_name, _, short = name.rpartition(".")
        for module, node in self._sources.classes(short, self._near):
            if module_name and module_name not in ("__main__", module.name):
                continue
            if keeps_nothing(self._sources, module, node):
                return ast.Call(self._use(module.name, short), [], [])
        raise Unrebuildable(f"what a {short[:60]} holds is not told")


def _number(value: float) -> ast.expr:
    return ast.UnaryOp(ast.USub(), ast.Constant(-value)) if value < 0 else ast.Constant(value)
