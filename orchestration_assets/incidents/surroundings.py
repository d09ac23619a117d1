"""What a test puts around its call: a clock that stands, variables of the environment, files, a command line, standard input.

What belongs here: statements that use pytest's own fixtures.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class World:
    """What a call finds around it. Paths are relative to the working folder; None of a variable means that it is not set."""

    environment: Mapping[str, str | None] = field(default_factory=dict)
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    argv: Sequence[str] | None = None
    stdin: str | None = None
    now: datetime | None = None
    clocks: frozenset[tuple[str, str]] = frozenset()
    """What tells the time: the dotted name to replace, and `datetime`, `date`, `time`, `time_ns`, `localtime` or `gmtime`."""
    is_logged: bool = False
    """Whether the error was logged by code that went on."""

    @property
    def is_plain(self) -> bool:
        return self == World()


def surround(world: World, imports: dict[str, tuple[str, str]], head: list[ast.stmt], body: list[ast.stmt]) -> None:
    """Statements that make the world, at the top of the file (`head`) and at the beginning of the test."""
    if world.now is not None and world.clocks:
        _clock(world, imports, head, body)
    for name, value in sorted(world.environment.items()):
        if value is None:
            body.append(patch("delenv", ast.Constant(name), raising=ast.Constant(False)))
        else:
            body.append(patch("setenv", ast.Constant(name), ast.Constant(value)))
    if world.files:
        for path, content in sorted(world.files.items()):
            target: ast.expr = ast.BinOp(ast.Name("tmp_path"), ast.Div(), ast.Constant(path))
            if "/" in path:
                parent = ast.BinOp(ast.Name("tmp_path"), ast.Div(), ast.Constant(path.rpartition("/")[0]))
                made = ast.Call(ast.Attribute(parent, "mkdir"), [], [_true("parents"), _true("exist_ok")])
                body.append(ast.Expr(made))
            method = "write_bytes" if isinstance(content, bytes) else "write_text"
            encoding = (
                []
                if isinstance(content, bytes)
                else [ast.keyword("encoding", ast.Constant("utf-8")), ast.keyword("newline", ast.Constant(""))]
            )
            body.append(ast.Expr(ast.Call(ast.Attribute(target, method), [ast.Constant(content)], encoding)))
        body.append(patch("chdir", ast.Name("tmp_path")))
    if world.argv is not None:
        body.append(patch("setattr", ast.Constant("sys.argv"), ast.List([ast.Constant(each) for each in world.argv])))
    if world.stdin is not None:
        imports["io"] = ("io", "")
        made = ast.Call(
            ast.Attribute(ast.Name("io"), "TextIOWrapper"),
            [
                ast.Call(
                    ast.Attribute(ast.Name("io"), "BytesIO"),
                    [ast.Call(ast.Attribute(ast.Constant(world.stdin), "encode"), [], [])],
                    [],
                )
            ],
            [ast.keyword("encoding", ast.Constant("utf-8"))],
        )
        body.append(patch("setattr", ast.Constant("sys.stdin"), made))
    if world.is_logged:
        imports["logging"] = ("logging", "")
        head += ast.parse(
            '''class Raising(logging.Handler):
    """Raises what is logged as an exception, instead of going on."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1]:
            raise record.exc_info[1]
'''
        ).body
        handlers = ast.List([ast.Call(ast.Name("Raising"), [], [])])
        body.append(
            patch(
                "setattr",
                ast.Call(ast.Attribute(ast.Name("logging"), "getLogger"), [], []),
                ast.Constant("handlers"),
                handlers,
            )
        )


def _clock(world: World, imports: dict[str, tuple[str, str]], head: list[ast.stmt], body: list[ast.stmt]) -> None:
    assert world.now is not None
    now = world.now
    kinds = {kind for _, kind in world.clocks}
    imports["datetime"] = imports.get("datetime", ("datetime", "datetime"))
    head += ast.parse(f'NOW = datetime.fromisoformat("{now.isoformat()}")').body
    if "datetime" in kinds:
        head += ast.parse(
            '''class Moment(datetime):
    """A clock that stands at the time of the incident."""

    @classmethod
    def now(cls, tz=None):
        return NOW.astimezone(tz) if tz else NOW.replace(tzinfo=None)

    @classmethod
    def today(cls):
        return cls.now()

    @classmethod
    def utcnow(cls):
        return cls.now()
'''
        ).body
    if "date" in kinds:
        imports["date"] = ("datetime", "date")
        head += ast.parse(
            '''class Day(date):
    """A calendar that stands at the day of the incident."""

    @classmethod
    def today(cls):
        return NOW.date()
'''
        ).body
    stands = {
        "datetime": "Moment",
        "date": "Day",
        "time": "lambda: NOW.timestamp()",
        "time_ns": "lambda: int(NOW.timestamp() * 1e9)",
        "localtime": "lambda seconds=None: NOW.timetuple() if seconds is None else gmtime(seconds)",
        "gmtime": "lambda seconds=None: NOW.timetuple() if seconds is None else gmtime(seconds)",
    }
    if kinds & {"localtime", "gmtime"}:
        imports["gmtime"] = ("time", "gmtime")
    # Those of the standard library last: a module that is imported for its clock shall find the real one.
    for dotted, kind in sorted(world.clocks, key=lambda clock: (clock[0].startswith(("datetime.", "time.")), clock)):
        body.append(patch("setattr", ast.Constant(dotted), ast.parse(stands[kind], mode="eval").body))


def patch(method: str, *values: ast.expr, **named: ast.expr) -> ast.stmt:
    call = ast.Call(
        ast.Attribute(ast.Name("monkeypatch"), method), list(values), [ast.keyword(k, v) for k, v in named.items()]
    )
    return ast.Expr(call)


def _true(name: str) -> ast.keyword:
    return ast.keyword(name, ast.Constant(True))
