"""A test is Python that does what it should and nothing else, whatever stood in the event; it holds no secret."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration_assets.incidents.rendering import About, title_of
from orchestration_assets.incidents.reprs import Unrebuildable
from orchestration_assets.incidents.whitelist import check
from tests.incidents.crashing import event, files, frame, prepared, written

TREE = files(work="def run(text, by=0):\n    return int(text) / by\n")
LINE = "    return int(text) / by"
HOSTILE = [
    '"""; import os; os.system("true"); """',
    "'''\nimport os\n'''",
    "\\",
    '\\"""',
    "a\nb\r\nc\x0cd\u2028e\x00f",
    "{__import__('os')}",
    "]]>\ud83d\ude00 \u202e right",
    "# type: ignore\n@pytest.fixture",
]


def test_a_test_reads_like_one() -> None:
    told = frame("/app/work.py", "run", LINE, 2, "work", text="'3'", by="0")
    (text,) = written(TREE, event(told, kind="ZeroDivisionError", value="division by zero", release="shop@1.2.0"))
    assert text == (
        '"""ZeroDivisionError: division by zero\n\n'
        'Release shop@1.2.0. https://sentry.io/organizations/fern/issues/7/\n"""\n\n'
        "from work import run\n\n\n"
        "def test_run_zero_division_error() -> None:\n"
        '    run("3")\n'
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_from_outside_becomes_code(text: str) -> None:
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    told = frame("/app/work.py", "run", LINE, 2, "work", text=repr(text), by="0")
    fact = event(
        told, kind=f"Error{text}", value=text, release=text, url=f"https://sentry.io/{text}", event_id=text + "0123"
    )
    (test,) = written(TREE, fact)
    tree = ast.parse(test)
    assert [type(each) for each in tree.body] == [ast.Expr, ast.ImportFrom, ast.FunctionDef]
    (call,) = [each for each in ast.walk(tree) if isinstance(each, ast.Call)]
    assert ast.unparse(call.func) == "run"
    assert ast.literal_eval(call.args[0]) == text
    path = prepared(TREE, fact).about.path
    assert path.startswith("tests/regression/test_")
    assert path.isascii()
    assert set(path) <= set("abcdefghijklmnopqrstuvwxyz0123456789_/.")


@given(st.text(max_size=200), st.text(max_size=60))
@settings(max_examples=80, deadline=None)
def test_a_docstring_cannot_be_left(message: str, exception: str) -> None:
    about = About(exception, message, message, message, "x", "y")
    source = f'"""{title_of(about)}"""\nfrom work import run\n'
    tree = ast.parse(source)
    assert [type(each) for each in tree.body] == [ast.Expr, ast.ImportFrom]
    assert ast.get_docstring(tree, clean=False) == title_of(about)


@given(
    st.dictionaries(
        st.text(max_size=20), st.lists(st.text(max_size=60) | st.binary(max_size=40), max_size=6), max_size=6
    )
)
@settings(max_examples=25, deadline=None)
def test_values_survive_the_layout(value: dict[str, list[str | bytes]]) -> None:
    """Over several lines, with double quotes where people write them."""
    told = frame("/app/work.py", "run", LINE, 2, "work", text=f" {value!r}", by="0")
    try:
        (test,) = written(TREE, event(told))
    except ValueError:
        # What looks like a secret makes no test.
        return
    assigned = [each.value for each in ast.walk(ast.parse(test)) if isinstance(each, ast.Assign)]
    given_value = (
        assigned[0]
        if assigned
        else next(each.args[0] for each in ast.walk(ast.parse(test)) if isinstance(each, ast.Call))
    )
    assert ast.literal_eval(given_value) == value


def test_what_looks_like_a_secret_is_taken_out_of_texts() -> None:
    secret = "password=hunter2hunter2"
    (test,) = written(TREE, event(frame("/app/work.py", "run", LINE, 2, "work", text=repr(secret), by="0")))
    assert "hunter2" not in test
    (test,) = written(TREE, event(frame("/app/work.py", "run", LINE, 2, "work", text="'3'", by="0"), value=secret))
    assert "hunter2" not in test
    assert written(TREE, event(frame("/app/work.py", "run", LINE, 2, "work", text=repr(secret.encode()), by="0"))) == []


@pytest.mark.parametrize(
    "code",
    [
        "import os",
        "import subprocess",
        "from os import system",
        "from . import conftest",
        "from work import *",
        "import requests",
        "import importlib",
        "exec('1')",
        "eval('1')",
        "__import__('os')",
        "work.os.system('true')",
        "run.__globals__",
        "run.__class__.__subclasses__()",
        "().__reduce__()",
        "getattr(work, 'o' + 's')",
        "getattr(work, '__globals__')",
        "getattr(work, 'os')",
        "open('/etc/passwd', 'w')",
        "Path('x').open('a')",
        "Path('x').unlink()",
        "sys.modules",
        "import runpy\nrunpy.run_module('http.server')",
        "import runpy\nrunpy.run_path('/etc/x.py')",
        "async def f():\n    await g()",
        "global run",
        "del run",
        "x = yield",
        "lambda: (yield)",
        "print(f'{open(1)!r}', file=work.os)",
    ],
)
def test_a_test_may_not_hold_what_it_has_no_need_of(code: str) -> None:
    with pytest.raises(Unrebuildable):
        check(f"import work\nfrom work import run\n{code}\n", frozenset({"work"}))


def test_what_tests_need_is_let_through() -> None:
    check(
        "import asyncio\nimport runpy\nfrom pathlib import Path\nfrom work import run\n\n\ndef test_it(tmp_path: Path) -> None:\n"
        "    with run(1) as it:\n        pass\n    asyncio.run(run(2))\n    runpy.run_module('work', run_name='__main__')\n"
        "    (tmp_path / 'a').write_text('b')\n    getattr(it, 'unlock')(1)\n    it.__enter__()\n",
        frozenset({"work"}),
    )
