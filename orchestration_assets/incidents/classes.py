"""What a class of the program takes to be made, as its source says.

What belongs here: constructors, fields and bases, read and never run.
"""

from __future__ import annotations

import ast

from orchestration_assets.incidents import syntax
from orchestration_assets.incidents.reprs import Unrebuildable
from orchestration_assets.incidents.sources import Module, Sources


def bases_of(sources: Sources, module: Module, node: ast.ClassDef, depth: int = 0) -> list[tuple[Module, ast.ClassDef]]:
    """The class and those of its bases that are in the tree, itself first."""
    found = [(module, node)]
    for base in node.bases if depth < 8 else []:
        if (resolved := sources.resolve(module, syntax.last_name(base))) and isinstance(resolved[1], ast.ClassDef):
            found += bases_of(sources, resolved[0], resolved[1], depth + 1)
    return found


def constructor_of(sources: Sources, module: Module, node: ast.ClassDef) -> syntax.AnyFunction | None:
    for _, each in bases_of(sources, module, node):
        for method in each.body:
            if isinstance(method, ast.FunctionDef) and method.name in {"__init__", "__new__"}:
                return method
        if syntax.is_dataclass(each) or syntax.is_named_tuple(each):
            return None
    return None


def fields_of(
    sources: Sources, module: Module, node: ast.ClassDef
) -> tuple[set[str], dict[str, ast.AnnAssign], set[str]]:
    """Names that the generated constructor needs, all fields that it takes in order, and those it does not take."""
    required, allowed, dropped = set(), {}, set()
    for _, each in reversed(bases_of(sources, module, node)):
        for name, field in syntax.annotated_fields(each):
            keywords = (
                {key.arg: ast.unparse(key.value) for key in field.value.keywords}
                if isinstance(field.value, ast.Call)
                else {}
            )
            if keywords.get("init") == "False":
                dropped.add(name)
                continue
            allowed[name] = field
            if field.value is None or (
                syntax.last_name(field.value) == "field" and not {"default", "default_factory"} & keywords.keys()
            ):
                required.add(name)
            else:
                required.discard(name)
    return required, allowed, dropped


def keeps_nothing(sources: Sources, module: Module, node: ast.ClassDef) -> bool:
    """Whether it is made of nothing: neither it nor its bases ever set an attribute of `self`, and all of its bases are known."""
    known = bases_of(sources, module, node)
    if constructor_of(sources, module, node) is not None or fields_of(sources, module, node)[1]:
        return False
    unknown = [
        base
        for _, each in known
        for base in each.bases
        if not any(syntax.last_name(base) == one.name for _, one in known)
    ]
    stores = any(
        isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Store)
        for _, one in known
        for each in ast.walk(one)
    )
    return not stores and all(syntax.last_name(base) in {"object", "ABC", "Protocol", "Generic"} for base in unknown)


def accepted(
    sources: Sources, module: Module, node: ast.ClassDef, positional: list[ast.expr], named: dict[str, ast.expr]
) -> list[ast.keyword]:
    """The keywords that its constructor takes, if with the positional ones these are all that it needs. Raises Unrebuildable."""
    constructor = constructor_of(sources, module, node)
    misfit = Unrebuildable(f"what is shown of {node.name} is not what its constructor takes")
    if constructor is None:
        required, allowed, dropped = fields_of(sources, module, node)
        if not allowed and positional:
            is_error = any(syntax.last_name(base).endswith(("Error", "Exception")) for base in node.bases)
            if not is_error or named:
                raise misfit
            return []
        given = {*named, *list(allowed)[: len(positional)]}
        if len(positional) > len(allowed) or not given <= allowed.keys() | dropped or not required <= given:
            raise misfit
        return [ast.keyword(key, value) for key, value in named.items() if key not in dropped]
    arguments = constructor.args
    places = [each.arg for each in [*arguments.posonlyargs, *arguments.args]][1:]
    by_name = {*places, *(each.arg for each in arguments.kwonlyargs)}
    needed = set(places[: len(places) - len(arguments.defaults)])
    needed |= {
        each.arg for each, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if value is None
    }
    fits = (len(positional) <= len(places) or arguments.vararg) and (set(named) <= by_name or arguments.kwarg)
    if not fits or not needed <= {*places[: len(positional)], *named}:
        raise misfit
    return [ast.keyword(key, value) for key, value in named.items()]
