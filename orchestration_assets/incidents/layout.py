"""How a test looks on the page: imports in groups, long values over several lines, strings in double quotes.

What belongs here: text out of a syntax tree that is complete already.
"""

from __future__ import annotations

import ast
import io
import tokenize

from orchestration_assets.incidents import whitelist

WIDTH = 100


def laid_out(docstring: str, imports: list[str], head: list[ast.stmt], test: ast.FunctionDef) -> str:
    groups: list[list[str]] = [[], [], []]
    for each in _merged(imports):
        first = each.split()[1].partition(".")[0]
        groups[0 if first in whitelist.STANDARD else 1 if first == "pytest" else 2].append(each)
    parts = [f'"""{docstring}"""', "\n\n".join("\n".join(group) for group in groups if group)]
    top = "\n".join(written(each, 0) for each in head if isinstance(each, ast.Assign))
    classes = [ast.unparse(each) for each in head if isinstance(each, ast.ClassDef)]
    arguments = ", ".join(f"{each.arg}: {ast.unparse(each.annotation)}" for each in test.args.args if each.annotation)
    function = "\n".join([f"def {test.name}({arguments}) -> None:", *(written(each, 4) for each in test.body)])
    text = "\n\n".join(part for part in [*parts, top] if part) + "\n\n\n" + "\n\n\n".join([*classes, function]) + "\n"
    return _with_double_quotes(text)


def _merged(imports: list[str]) -> list[str]:
    """Modules first, then names, those of one module in one line."""
    names: dict[str, list[str]] = {}
    for each in imports:
        if each.startswith("from "):
            module, _, what = each.removeprefix("from ").partition(" import ")
            names.setdefault(module, []).append(what)
    modules = sorted(each for each in imports if each.startswith("import "))
    return modules + [f"from {module} import {', '.join(sorted(names[module]))}" for module in sorted(names)]


def _with_double_quotes(text: str) -> str:
    """Strings as people write them, where this takes no escapes."""
    lines = text.splitlines(keepends=True)
    for token in reversed(list(tokenize.generate_tokens(io.StringIO(text).readline))):
        string = token.string
        at = string.find("'") if token.type == tokenize.STRING else -1
        if at < 0 or string.startswith("'''", at) or token.start[0] != token.end[0] or '"' in string:
            continue
        row, (begin, end) = token.start[0] - 1, (token.start[1], token.end[1])
        lines[row] = lines[row][:begin] + string[:at] + '"' + string[at + 1 : -1] + '"' + lines[row][end:]
    return "".join(lines)


def written(statement: ast.stmt, indent: int) -> str:
    """A statement with its containers broken over lines where they are long."""
    pad = " " * indent
    statement = ast.fix_missing_locations(statement)
    whole = ast.unparse(statement)
    if max(len(line) for line in whole.splitlines()) + indent <= WIDTH:
        return "\n".join(pad + line for line in whole.splitlines())
    match statement:
        case ast.Assign(targets=[target], value=value):
            return f"{pad}{ast.unparse(target)} = {expression(value, indent)}"
        case ast.Expr(value=value):
            return f"{pad}{expression(value, indent)}"
    return "\n".join(pad + line for line in whole.splitlines())


def expression(node: ast.expr, indent: int) -> str:
    whole = ast.unparse(node)
    if len(whole) + indent <= WIDTH - 20:
        return whole
    match node:
        case ast.List(elts=elements) if elements:
            return _broken("[", [expression(each, indent + 4) for each in elements], "]", indent)
        case ast.Set(elts=elements) if elements:
            return _broken("{", [expression(each, indent + 4) for each in elements], "}", indent)
        case ast.Tuple(elts=elements) if len(elements) > 1:
            return _broken("(", [expression(each, indent + 4) for each in elements], ")", indent)
        case ast.Dict(keys=keys, values=values) if values:
            pairs = [
                f"{ast.unparse(key) if key else '**'}: {expression(value, indent + 4)}"
                for key, value in zip(keys, values, strict=True)
            ]
            return _broken("{", pairs, "}", indent)
        case ast.Call() if node.args or node.keywords:
            given = [expression(each, indent + 4) for each in node.args]
            given += [
                f"{each.arg}={expression(each.value, indent + 4)}" if each.arg else f"**{ast.unparse(each.value)}"
                for each in node.keywords
            ]
            return _broken(f"{expression(node.func, indent)}(", given, ")", indent)
    return whole


def _broken(opening: str, parts: list[str], closing: str, indent: int) -> str:
    pad = " " * (indent + 4)
    return opening + "\n" + "".join(f"{pad}{part},\n" for part in parts) + " " * indent + closing
