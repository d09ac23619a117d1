"""What the code that ran asks of its surroundings: the time first of all.

What belongs here: reading the source of what a call can reach.
"""

from __future__ import annotations

import ast

from orchestration_assets.incidents.sources import Module, Sources, absolute

MOST_MODULES = 60
_ASKS = {"now", "today", "utcnow"}
_TIMES = {"time", "time_ns", "localtime", "gmtime"}


def reachable(module: Module, sources: Sources) -> list[Module]:
    """The module itself first, and those of the tree that it imports, and so on, up to a bound."""
    found, waiting = {module.path: module}, [module]
    while waiting and len(found) < MOST_MODULES:
        current = waiting.pop(0)
        for node in ast.walk(current.tree):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [each.name for each in node.names]
            elif isinstance(node, ast.ImportFrom):
                base = absolute(current, node)
                names = [base, *(f"{base}.{each.name}" for each in node.names)]
            for name in names:
                other = sources.named(name, current) if name else None
                if other is not None and other.path not in found:
                    found[other.path] = other
                    waiting.append(other)
    return list(found.values())


def clocks(modules: list[Module]) -> frozenset[tuple[str, str]]:
    """What tells the time in these modules: the dotted name that stands for it, and the kind of clock (see `surroundings.py`)."""
    found = set()
    for module in modules:
        for node in ast.walk(module.tree):
            match node:
                case ast.Attribute(value=ast.Name(id=name), attr=attr) if attr in _ASKS:
                    if (kind := _origin(module, name)) in {"datetime.datetime", "datetime.date"}:
                        found.add((f"{module.name}.{name}", kind.partition(".")[2]))
                case ast.Attribute(
                    value=ast.Attribute(value=ast.Name(id=name), attr="datetime" | "date" as kind), attr=attr
                ):
                    if attr in _ASKS and _origin(module, name) == "datetime":
                        found.add((f"datetime.{kind}", kind))
                case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attr), args=arguments):
                    if attr in _TIMES and _origin(module, name) == "time" and not arguments:
                        found.add((f"time.{attr}", attr))
                case ast.Call(func=ast.Name(id=name), args=[]):
                    origin, _, attr = _origin(module, name).rpartition(".")
                    if origin == "time" and attr in _TIMES:
                        found.add((f"{module.name}.{name}", attr))
    return frozenset(found)


def origins(found: frozenset[tuple[str, str]]) -> frozenset[tuple[str, str]]:
    """The same clocks where they come from, in the standard library."""
    return frozenset((f"{'datetime' if kind in {'datetime', 'date'} else 'time'}.{kind}", kind) for _, kind in found)


def _origin(module: Module, name: str) -> str:
    """The dotted name that an imported name stands for."""
    statement = module.bound.get(name)
    if isinstance(statement, ast.Import):
        return next((each.name for each in statement.names if (each.asname or each.name) == name), "")
    if isinstance(statement, ast.ImportFrom):
        alias = next((each.name for each in statement.names if (each.asname or each.name) == name), "")
        return f"{statement.module}.{alias}"
    return ""
