"""What `repr` wrote comes back as an expression of an equal value, or is refused; nothing else ever comes out of it."""

from __future__ import annotations

import ast
import collections
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import PosixPath
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration_assets.incidents.drafts import Draft
from orchestration_assets.incidents.examining import Loaded
from orchestration_assets.incidents.reprs import Unrebuildable
from orchestration_assets.incidents.shapes import Shape, of_annotation
from orchestration_assets.incidents.sources import Module, Sources
from orchestration_assets.incidents.values import Guesses, Values
from tests.incidents.crashing import files

TREE = files(
    shop__model="""
    from dataclasses import dataclass, field
    from enum import Enum, Flag
    from collections import namedtuple
    from typing import NamedTuple

    class Colour(Enum):
        RED = 1
        BLUE = "blue"

    class Rights(Flag):
        READ = 1
        WRITE = 2

    @dataclass
    class Line:
        article: str
        pieces: int = 1
        total: float = field(init=False, default=0.0)
        colour: Colour = Colour.RED

    class Point(NamedTuple):
        x: int
        y: int

    Pair = namedtuple("Pair", "left right")

    class Basket:
        def __init__(self, lines, *, owner=None):
            self.lines = lines

    class Empty:
        def nothing(self):
            return None

    class Outer:
        class Inner(Enum):
            ONE = 1

    Row = dict[str, int]

    def price(line):
        return 1
    """
) | {"shop/__init__.py": b""}


def module() -> tuple[Sources, Module]:
    sources = Sources(Loaded(TREE))
    found = sources.module("shop/model.py")
    assert found is not None
    return sources, found


SOURCES, MODULE = module()


def rebuilt(text: str, shape: Shape | None = None, guesses: Guesses | None = None) -> str:
    """The expression; names of the program stand without their module."""
    made = Values(SOURCES, MODULE, Draft(SOURCES, MODULE).use, guesses).rebuild(text, shape)
    return ast.unparse(ast.fix_missing_locations(ast.Expression(made)))


def value(text: str, shape: Shape | None = None) -> Any:
    """The value of the expression. Only for texts of this file."""
    names: dict[str, Any] = {"UTC": UTC, "Path": PosixPath, "Decimal": Decimal, "Fraction": Fraction, "UUID": UUID}
    names |= {
        "date": date,
        "datetime": datetime,
        "timedelta": timedelta,
        "deque": collections.deque,
        "Counter": collections.Counter,
    }
    return eval(rebuilt(text, shape), names)


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.complex_numbers(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=12,
)
STANDARD: st.SearchStrategy[Any] = (
    st.dates() | st.datetimes() | st.datetimes(timezones=st.just(UTC)) | st.timedeltas() | st.uuids() | st.fractions() | st.decimals(allow_nan=False)
    | st.builds(PosixPath, st.text(alphabet="ab./", min_size=1)) | st.frozensets(st.integers()) | st.builds(range, st.integers(-9, 9), st.integers(-9, 9))
    | st.builds(collections.deque, st.lists(st.integers()))
)  # fmt: skip


@given(PLAIN | STANDARD | st.lists(STANDARD))
@settings(max_examples=80, deadline=None)
def test_what_repr_wrote_comes_back_equal(original: object) -> None:
    assert value(f" {original!r}") == original


@given(st.text(alphabet="<>'\"\\()[]{}=.,:ab0 @#\n", max_size=60) | st.text(max_size=40))
@settings(max_examples=150, deadline=None)
def test_no_text_makes_a_call_that_is_not_on_the_list(text: str) -> None:
    try:
        made = ast.parse(rebuilt(text), mode="eval")
    except Unrebuildable:
        return
    for node in ast.walk(made):
        assert not isinstance(
            node, ast.Lambda | ast.Await | ast.NamedExpr | ast.Starred | ast.comprehension | ast.JoinedStr
        )
        if isinstance(node, ast.Call):
            assert ast.unparse(node.func) in {"float", "set", "frozenset"}


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "os.system('true')",
        "open('/etc/passwd')",
        "Line(article=__import__('os'))",
        "[each for each in ()]",
        "(lambda: 1)()",
        "f'{1}'",
        "eval('1')",
        "print(1)",
        "getattr(1, 'real')",
        "Line('a').pieces",
        "datetime.datetime.now()",
        "datetime.datetime.__class__(1)",
        "Line(*[1])",
        "{**{}}",
        "Colour.__class__",
        "<Colour.GREEN: 3>",
        "<function price.<locals>.inner at 0x7f>",
        "<generator object roll at 0x7f73b4a763e0>",
        "<shop.model.Basket object at 0x7f73b4a763e0>",
        "Basket()",
        "Line(pieces=2)",
        "Line(article='a', weight=2)",
        "Point(x=1)",
        "[1, 2, ...]",
        "'cut off",
        "[Filtered]",
        "['a', [Filtered]]",
        '["\'a\'","[Filtered]"]',
        "'[hidden]'",
        "",
    ],
)
def test_what_tells_no_value_is_refused(text: str) -> None:
    with pytest.raises(Unrebuildable):
        rebuilt(text)


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        (
            "Line(article='tea', pieces=2, total=3.5, colour=<Colour.BLUE: 'blue'>)",
            "Line(article='tea', pieces=2, colour=Colour.BLUE)",
        ),
        ("[Line('<Colour.RED: 1>')]", "[Line('<Colour.RED: 1>')]"),
        ("Point(x=1, y=-2)", "Point(x=1, y=-2)"),
        ("Pair(left=1, right=(2,))", "Pair(left=1, right=(2,))"),
        ("Basket([Line('tea', 1)], owner=None)", "Basket([Line('tea', 1)], owner=None)"),
        ("<Rights.READ|WRITE: 3>", "Rights.READ | Rights.WRITE"),
        ("<Outer.Inner.ONE: 1>", "Outer.Inner.ONE"),
        ("<class 'shop.model.Line'>", "Line"),
        ("<class 'int'>", "int"),
        ("<function price at 0x7f2f9bf02ac0>", "price"),
        ("<shop.model.Empty object at 0x7f2f9bf02ac0>", "Empty()"),
        ("datetime.datetime(2024, 5, 2, tzinfo=datetime.timezone.utc)", "datetime(2024, 5, 2, tzinfo=UTC)"),
        ("Namespace(week=52, away='a,b')", "Namespace(week=52, away='a,b')"),
        ("dict_keys(['a'])", "['a']"),
        ("ValueError('no')", "ValueError('no')"),
        ("[nan, -inf]", "[float('nan'), -float('inf')]"),
        ("{'a': <Colour.RED: 1>}", "{'a': Colour.RED}"),
    ],
)
def test_types_of_the_program_and_of_the_standard_library(text: str, expression: str) -> None:
    assert rebuilt(text) == expression


@pytest.mark.parametrize(
    ("text", "annotation", "expression"),
    [
        ('["1","2"]', "", "[1, 2]"),
        ('["1","2"]', "tuple[int, ...]", "(1, 2)"),
        ('["1","2"]', "frozenset[int]", "frozenset({1, 2})"),
        ("[]", "set[int]", "set()"),
        ('["1","2"]', "Point", "Point(1, 2)"),
        ('[["1","2"]]', "list[Point]", "[Point(1, 2)]"),
        ('{"a":"1"}', "dict[str, int]", "{'a': 1}"),
        ('{"1":"\'a\'"}', "dict[int, str]", "{1: 'a'}"),
        ('{"Colour.RED":"1"}', "", "{Colour.RED: 1}"),
        ('{"(1, 2)":"1"}', "", "{(1, 2): 1}"),
        ('{"2024-05-02":"1"}', "dict[date, int]", "{date.fromisoformat('2024-05-02'): 1}"),
        ('{"a":"1"}', "Counter[str]", "Counter({'a': 1})"),
        ('{"a":["1"]}', "Row | None", "{'a': [1]}"),
        ("['a', 'b']", "", "['a', 'b']"),
    ],
)  # fmt: skip
def test_containers_are_of_the_kind_that_the_code_says(text: str, annotation: str, expression: str) -> None:
    shape = of_annotation(ast.parse(annotation, mode="eval").body) if annotation else None
    assert rebuilt(text, shape) == expression


def test_what_nothing_says_can_be_guessed() -> None:
    assert rebuilt('{"1":["2"]}', guesses=Guesses("tuple", number_keys=True)) == "{1: (2,)}"


def test_the_sdk_and_back() -> None:
    """Leaves are `repr`, containers JSON: what `traces.py` makes of what the SDK keeps."""
    kept = orjson.dumps({"b": ["'x'", {"c": "None"}], "a": "1.5"}, option=orjson.OPT_SORT_KEYS).decode()
    assert value(kept) == {"a": 1.5, "b": ["x", {"c": None}]}


def test_a_text_without_an_end_costs_linear_time() -> None:
    began = time.perf_counter()
    for text in ("'" + "\\n" * 20_000, "<" * 30_000, "('" * 10_000, "[" * 30_000):
        with pytest.raises(Unrebuildable):
            rebuilt(text)
    assert time.perf_counter() - began < 5
