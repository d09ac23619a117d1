"""Which tests assert, and what is known of an expression beforehand."""

from __future__ import annotations

import ast
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration_assets.code.quality.expected import expected_tests
from orchestration_assets.code.quality.truth import truth

ASSERTING = [
    "assert add(1, 2) == 3",
    "x = add(1, 2)\nassert x",
    "assert not add(1, 2)",
    "assert add(1, 2) is not None",
    "for a, b in [(1, 2)]:\n    assert add(a, b) == 3",
    "with pytest.raises(ValueError):\n    add(1, 'x')",
    "with pytest.raises(ValueError) as error:\n    add(1, 'x')\nassert 'x' in str(error.value)",
    "pytest.raises(ValueError, add, 1, 'x')",
    "with pytest.warns(UserWarning):\n    add(1, 2)",
    "found = []\nadd(1, found)\nassert found == [1]",
    "found = []\nadd(1, lambda x: found.append(x))\nassert found == [1]",
    "found = []\nfor each in add(1, 2):\n    found.append(each)\nassert found == [3]",
    "if add(1, 2) != 3:\n    pytest.fail('wrong')",
    "try:\n    add(1, 'x')\nexcept ValueError:\n    pass\nelse:\n    assert False, 'no error'",
    "try:\n    assert add(1, 2) == 3\nexcept ValueError:\n    raise",
    "with suppress(KeyError):\n    assert add(1, 2) == 3",
    "helper(add(1, 2))",
    "assert_close(add(1, 2), 3)",
    "mock.add.assert_called_once_with(1)",
    "assert (add(1, 2), add(1, 1)) == (3, 2)",
    "assert 1 <= add(1, 2) <= 3",
    "assert isinstance(add(1, 2), int)",
    "assert all(add(a, 0) == a for a in (1, 2))",
    "match add(1, 2):\n    case 3:\n        pass\n    case other:\n        assert other is None",
    "calc = Calc()\ncalc.value = 3\nassert calc.value == 3",
]
NOT_ASSERTING = [
    "pass",
    "add(1, 2)",
    "assert True",
    "assert 1",
    "assert 'text'",
    "assert 1 == 1",
    "assert not False",
    "assert (add(1, 2) == 4, 'always true')",
    "x = add(1, 2)\nassert x == x",
    "assert add(1, 2) == add(1, 2)",
    "x = add(1, 2)\nassert x is x",
    "assert add(1, 2) or True",
    "assert len(add(1, 2)) >= 0",
    "assert isinstance(add(1, 2), object)",
    "x = 3\nassert x == 3",
    "x = 3\ny = x\nassert y == 3",
    "x = add(1, 2)\nx_ = [1]\nassert len(x_) == 1",
    "assert EXPECTED == 3",
    "add(1, 2)\nassert sorted([2, 1]) == [1, 2]",
    "assert 'a'.upper() == 'A'",
    "for a, b in [(1, 2)]:\n    add(a, b)\n    assert a < b",
    "for each in []:\n    assert add(1, 2) == 4",
    "if False:\n    assert add(1, 2) == 4",
    "while False:\n    assert add(1, 2) == 4",
    "return\nassert add(1, 2) == 4",
    "def inner():\n    assert add(1, 2) == 4",
    "lambda: self.fail()",
    "try:\n    assert add(1, 2) == 4\nexcept AssertionError:\n    pass",
    "try:\n    assert add(1, 2) == 4\nexcept Exception:\n    print('no')",
    "try:\n    assert add(1, 2) == 4\nexcept:\n    pass",
    "with suppress(AssertionError):\n    assert add(1, 2) == 4",
    "with contextlib.suppress(Exception):\n    assert add(1, 2) == 4",
    "with pytest.raises(AssertionError):\n    assert add(1, 2) == 4",
    "with pytest.raises(ValueError):\n    raise ValueError",
    "with pytest.raises(ValueError):\n    int('x')",
    "useless(add(1, 2))",
    "print(add(1, 2))",
]


def asserts(body: str) -> bool:
    source = f"EXPECTED = 3\n\ndef helper(x):\n    assert x == 3\n\ndef useless(x):\n    assert True\n\ndef test_it(mock):\n{textwrap.indent(body, '    ')}\n"
    return {each.test: each.asserts for each in expected_tests("test_x.py", ast.parse(source))}["test_x.py::test_it"]


@pytest.mark.parametrize("body", ASSERTING)
def test_it_asserts(body: str) -> None:
    assert asserts(body)


@pytest.mark.parametrize("body", NOT_ASSERTING)
def test_it_asserts_nothing(body: str) -> None:
    assert not asserts(body)


@pytest.mark.parametrize(
    ("statement", "counts"),
    [
        ("self.assertEqual(add(1, 2), 3)", True),
        ("self.assertTrue(add(1, 2))", True),
        ("self.assertTrue(True)", False),
        ("self.assertEqual(1, 1)", False),
        ("x = add(1, 2)\nself.assertEqual(x, x)", False),
        ("self.assertTrue(add(1, 2) or True)", False),
        ("with self.assertRaises(ValueError):\n    add(1, 'x')", True),
        ("self.assertRaises(ValueError, add, 1, 'x')", True),
        ("self.fail()", True),
        ("add(1, 2)", False),
    ],
)
def test_it_knows_the_assertions_of_unittest(statement: str, counts: bool) -> None:
    source = f"class Sums(TestCase):\n    def test_it(self):\n{textwrap.indent(statement, ' ' * 8)}\n"
    [found] = expected_tests("x.py", ast.parse(source))
    assert (found.test, found.asserts) == ("x.py::Sums::test_it", counts)


def test_the_tests_of_a_file_are_those_that_pytest_would_collect() -> None:
    source = """
import unittest

def helper(): pass
def test_a(): pass
async def test_b(): pass
if True:
    def test_c(): pass
try:
    def test_d(): pass
except ValueError:
    def test_e(): pass
class TestF:
    def test_g(self): pass
    def other(self): pass
    class TestH:
        def test_i(self): pass
class Base(unittest.TestCase):
    def test_j(self): pass
class Derived(Base):
    def test_k(self): pass
class Plain:
    def test_l(self): pass
"""
    found = [each.test.removeprefix("t.py::") for each in expected_tests("t.py", ast.parse(source))]
    assert found == [
        "test_a",
        "test_b",
        "test_c",
        "test_d",
        "test_e",
        "TestF::test_g",
        "TestF::TestH::test_i",
        "Base::test_j",
        "Derived::test_k",
    ]


CONSTANTS = st.sampled_from(
    ["0", "1", "2", "True", "False", "None", "''", "'a'", "()", "[]", "(0,)", "[1]", "{}", "{1: 2}"]
)
EXPRESSIONS = st.recursive(
    CONSTANTS,
    lambda inner: st.one_of(
        inner.map("(not {})".format),
        st.tuples(inner, st.sampled_from(["and", "or", "==", "!=", "is", "is not", "<", "<="]), inner)
        .map(" ".join)
        .map("({})".format),
        inner.map("bool({})".format),
        st.tuples(inner, inner, inner).map(lambda parts: "({} if {} else {})".format(*parts)),
    ),
    max_leaves=8,
)


@pytest.mark.filterwarnings("ignore::SyntaxWarning")
@given(EXPRESSIONS)
def test_what_is_known_of_an_expression_is_so(text: str) -> None:
    """Where Python can tell the value, ours is the same or unknown."""
    try:
        value = bool(eval(text))
    except TypeError:
        return
    # Displays are compared with themselves by text, and two of them are two objects.
    if "is" not in text:
        assert truth(ast.parse(text, mode="eval").body) in (None, value)


@given(EXPRESSIONS)
def test_what_depends_on_something_is_not_known(text: str) -> None:
    assert truth(ast.parse(f"f({text}) == g({text})", mode="eval").body) is None
