"""Import statements as the syntax tree has them: where they stand, when they run, and what they name."""

from __future__ import annotations

import ast
from importlib.util import resolve_name
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration_assets.import_statements import absolute, imports_in

NAMES = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=4).map(".".join)


@given(package=NAMES, level=st.integers(0, 6), module=st.just("") | NAMES)
def test_a_name_is_what_python_makes_of_it(package: str, level: int, module: str) -> None:
    try:
        expected = resolve_name("." * level + module, package) if level else module
    except ImportError:
        expected = None
    assert absolute(module, level, package) == expected


@pytest.mark.parametrize(
    ("level", "module", "expected"), [(0, "a", "a"), (1, "a", "a"), (1, "", ""), (2, "a", None), (2, "", None)]
)
def test_a_file_at_the_top_has_its_neighbours_and_nothing_above(level: int, module: str, expected: str | None) -> None:
    assert absolute(module, level, "") == expected


def test_they_come_in_the_order_of_the_file_and_each_tells_when_it_runs() -> None:
    source = """
        import a, a.b
        if TYPE_CHECKING:
            from . import c
            def late(): import c2
        else:
            import d
        if TYPE_CHECKING and (x or y):
            import d2
        elif x or TYPE_CHECKING:
            import d3
        if not typing.TYPE_CHECKING:
            import e
        else:
            import f
        class C:
            import g
            async def method(self):
                import h
        try:
            import i
        except ImportError:
            import j
        else:
            import k
        finally:
            import l
        match x:
            case 1:
                import m
        with x, y:
            for z in x:
                from ..n import o as p, q
    """
    found = [(each.module or ".", each.runs, each.typing_only) for each in imports_in(ast.parse(dedent(source)))]
    runs, late, typed = (True, False), (False, False), (False, True)
    assert found == [
        *(("a", *runs), ("a.b", *runs), (".", *typed), ("c2", *typed), ("d", *runs), ("d2", *typed), ("d3", *runs)),
        *(("e", *runs), ("f", *typed)),
        *(("g", *runs), ("h", *late), ("i", *runs), ("j", *runs), ("k", *runs), ("l", *runs), ("m", *runs)),
        ("n", *runs),
    ]
    last = list(imports_in(ast.parse(dedent(source))))[-1]
    assert (last.names, last.level, last.line) == (("o", "q"), 2, 33)


def test_a_chain_of_conditions_may_be_as_long_as_python_takes() -> None:
    source = "if x == 0:\n    pass\n" + "".join(f"elif x == {number}:\n    import m{number}\n" for number in range(900))
    assert len(list(imports_in(ast.parse(source)))) == 900
