"""Projects that are wrong, each in one way: what is in them, and by what kind of reason they must be found out."""

from __future__ import annotations

from dataclasses import dataclass, field

GOOD = {
    "calc/__init__.py": "",
    "calc/adding.py": '"""Sums."""\n\n\ndef add(a, b):\n    """The sum."""\n    return a + b\n',
    "calc/taking.py": (
        '"""Differences."""\n\nfrom calc.adding import add\n\n\ndef take(a, b):\n    """Never below nothing."""\n'
        "    if b > a:\n        return 0\n    return add(a, -b)\n"
    ),
    "tests/test_adding.py": "from calc.adding import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n",
    "tests/test_taking.py": (
        "import pytest\n\nfrom calc.taking import take\n\n\n"
        '@pytest.mark.parametrize(("a", "b", "left"), [(3, 1, 2), (1, 3, 0), (2, 2, 0)])\ndef test_take(a, b, left):\n'
        "    assert take(a, b) == left\n"
    ),
}
"""A project that is right: what is wrong with another is what differs from it."""

TEST = "tests/test_adding.py"
HEAD = "from calc.adding import add\n\n\n"
WORSE = "\n\ndef test_wrong():\n    assert add(1, 1) == 3\n"
"""A test that fails, for those who would have it pass."""


@dataclass(frozen=True)
class Wrong:
    """`slow`: it ends when its time is up. `kinds`: one of these must be among the reasons of the run, `verdict` among those of the gate; `path` must be named by one of them."""

    name: str
    files: dict[str, str | bytes]
    kinds: tuple[str, ...]
    says: str = ""
    path: str = ""
    verdict: tuple[str, ...] = ()
    slow: bool = False
    limits: dict[str, float] = field(default_factory=dict)

    def all(self) -> dict[str, bytes]:
        files = {**GOOD, **self.files}
        return {path: data if isinstance(data, bytes) else data.encode() for path, data in files.items()}


def test_file(body: str) -> dict[str, str | bytes]:
    return {TEST: HEAD + body}


FILES = [
    Wrong(
        "syntax error", {"calc/adding.py": "def add(a, b)\n    return a + b\n"}, ("syntax",), "line 1", "calc/adding.py"
    ),
    Wrong("syntax error in a test", test_file("def test_add(:\n    pass\n"), ("syntax",), "line 4", TEST),
    Wrong(
        "wrong file",
        {TEST: "from calc.sums import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n"},
        ("missing module",),
        "calc.sums",
        TEST,
    ),
    Wrong(
        "missing name",
        {TEST: "from calc.adding import plus\n\n\ndef test_add():\n    assert plus(1, 2) == 3\n"},
        ("missing name",),
        "plus",
        TEST,
    ),
    Wrong("path outside", {"../outside.py": "x = 1\n"}, ("path",), "leads out of the project", "../outside.py"),
    Wrong("absolute path", {"/etc/cron.d/x.py": "x = 1\n"}, ("path",), "not relative", "/etc/cron.d/x.py"),
    Wrong("hidden path", {".git/hooks/post-commit": "#!/bin/sh\n"}, ("path",), "hidden", ".git/hooks/post-commit"),
    Wrong("file that hides pytest", {"pytest.py": "def raises(*a): return a\n"}, ("path",), "hides", "pytest.py"),
    Wrong(
        "file that hides unittest",
        {"unittest/__init__.py": "class TestCase: pass\n"},
        ("path",),
        "hides",
        "unittest/__init__.py",
    ),
    Wrong("endless file", {"calc/adding.py": b"x = 1\n" * 1_000_000}, ("size",), "6,000,000 bytes", "calc/adding.py"),
    Wrong("deeply nested file", {"calc/adding.py": "x = " + "-" * 50_000 + "1\n"}, ("syntax",), "", "calc/adding.py"),
    Wrong("sum without end", {"calc/adding.py": "x = 1" + "+1" * 60_000 + "\n"}, ("syntax",), "", "calc/adding.py"),
    Wrong("bytes that are no text", {"calc/adding.py": b"x = '\xff'\n"}, ("encoding",), "UTF-8", "calc/adding.py"),
    Wrong("another encoding", {TEST: b"# coding: utf-7\nx = 1\n"}, ("encoding",), "utf-7", TEST),
    Wrong("no test at all", {TEST: "x = 1\n", "tests/test_taking.py": "y = 1\n"}, ("no tests",), "no test to run"),
]

TESTS = [
    Wrong("failing test", test_file("def test_add():\n    assert add(1, 2) == 4\n"), ("assertion",), "line 5", TEST),
    Wrong(
        "failing import",
        {"calc/adding.py": "import calc.nothing\n"},
        ("missing module",),
        "calc.nothing",
        "calc/adding.py",
    ),
    Wrong(
        "circular import",
        {"calc/adding.py": "from calc.taking import take\n\n\ndef add(a, b):\n    return take(a, -b)\n"},
        ("circular import",),
        "partially initialized",
        "calc/adding.py",
        ("import cycle",),
    ),
    Wrong(
        "exception in the code",
        {"calc/adding.py": "def add(a, b):\n    return a / 0\n"},
        ("exception",),
        "ZeroDivisionError",
        "calc/adding.py",
    ),
    Wrong(
        "test deleted while running",
        test_file(
            "def test_add():\n    assert add(1, 2) == 3\n\n\ndef test_gone():\n    assert add(1, 1) == 3\n\n\ndel test_gone\n"
        ),
        ("not run",),
        "test_gone is there and did not run",
        TEST,
    ),
    Wrong(
        "test that is hidden by another",
        test_file("def test_add():\n    assert add(1, 2) == 4\n\n\ndef test_add():\n    assert add(1, 2) == 3\n"),
        ("not run",),
        "line 8 defines it again",
        TEST,
    ),
    Wrong(
        "class that is not collected",
        test_file(
            "class TestAdd:\n    def __init__(self):\n        self.x = 1\n\n    def test_add(self):\n        assert add(1, 2) == 4\n"
        ),
        ("no tests", "not run"),
        "",
        TEST,
    ),
    Wrong(
        "class that asks not to be collected",
        test_file(
            "def test_add():\n    assert add(1, 2) == 3\n\n\nclass TestAdd:\n    __test__ = False\n\n    def test_add(self):\n        assert add(1, 2) == 4\n"
        ),
        ("not run",),
        "TestAdd::test_add",
        TEST,
    ),
    Wrong(
        "skip",
        test_file("import pytest\n\n\n@pytest.mark.skip(reason='later')\ndef test_add():\n    assert add(1, 2) == 4\n"),
        ("not passed",),
        "was skipped: Skipped: later",
        TEST,
    ),
    Wrong(
        "skip while running",
        test_file("import pytest\n\n\ndef test_add():\n    pytest.skip('later')\n    assert add(1, 2) == 4\n"),
        ("not passed",),
        "was skipped",
        TEST,
    ),
    Wrong(
        "skip of the whole file",
        {
            TEST: "import pytest\n\npytest.skip('later', allow_module_level=True)\n\n\ndef test_add():\n    assert 1 == 2\n"
        },
        ("not passed",),
        "skipped as a whole",
        TEST,
    ),
    Wrong(
        "expected failure",
        test_file("import pytest\n\n\n@pytest.mark.xfail\ndef test_add():\n    assert add(1, 2) == 4\n"),
        ("not passed",),
        "marked as one that may fail",
        TEST,
    ),
    Wrong(
        "everything skipped",
        test_file("import pytest\n\npytestmark = pytest.mark.skip\n\n\ndef test_add():\n    assert add(1, 2) == 4\n"),
        ("not passed",),
        "was skipped",
        TEST,
    ),
    Wrong(
        "expected failure that passes",
        test_file("import pytest\n\n\n@pytest.mark.xfail\ndef test_add():\n    assert add(1, 2) == 3\n"),
        ("not passed",),
        "marked as one that may fail",
        TEST,
    ),
    Wrong(
        "no parameters",
        test_file(
            "import pytest\n\n\n@pytest.mark.parametrize('x', [])\ndef test_add(x):\n    assert add(x, 2) == 4\n"
        ),
        ("not passed",),
        "was skipped",
        TEST,
    ),
    Wrong(
        "unittest's expected failure",
        test_file(
            "import unittest\n\n\nclass TestAdd(unittest.TestCase):\n    @unittest.expectedFailure\n    def test_add(self):\n        self.assertEqual(add(1, 2), 4)\n"
        ),
        ("not passed",),
        "",
        TEST,
    ),
    Wrong(
        "subtest that fails",
        test_file(
            "import unittest\n\n\nclass TestAdd(unittest.TestCase):\n    def test_add(self):\n        for n in (1, 2):\n            with self.subTest(n=n):\n                self.assertEqual(add(1, n), 2)\n"
        ),
        ("assertion", "exception", "not passed"),
        "",
        TEST,
    ),
    Wrong(
        "asynchronous test",
        test_file("async def test_add():\n    assert add(1, 2) == 4\n"),
        ("assertion", "not passed"),
        "",
        TEST,
    ),
    Wrong(
        "teardown that fails",
        test_file(
            "import pytest\n\n\n@pytest.fixture\ndef one():\n    yield 1\n    raise ValueError('left')\n\n\ndef test_add(one):\n    assert add(one, 2) == 3\n"
        ),
        ("exception",),
        "in its teardown",
        TEST,
    ),
    Wrong(
        "os._exit in a test",
        test_file("import os\n\n\ndef test_add():\n    os._exit(0)\n"),
        ("killed",),
        "ended itself with 0 while tests/test_adding.py::test_add ran",
        TEST,
        ("tampering",),
    ),
    Wrong(
        "os._exit at import",
        {"calc/adding.py": "import os\n\nos._exit(0)\n"},
        ("killed",),
        "while tests were collected",
        "calc/adding.py",
        ("tampering",),
    ),
    Wrong(
        "sys.exit in a test",
        test_file("import sys\n\n\ndef test_add():\n    sys.exit(0)\n"),
        ("exception",),
        "SystemExit",
        TEST,
    ),
    Wrong(
        "sys.exit at import",
        {"calc/adding.py": "import sys\n\nsys.exit(0)\n"},
        ("killed", "collection", "exception"),
        "",
        "",
    ),
    Wrong(
        "pytest.exit in a test",
        test_file("import pytest\n\n\ndef test_add():\n    pytest.exit('done', returncode=0)\n"),
        ("not run", "forged", "collection", "killed"),
        "",
        TEST,
    ),
    Wrong(
        "a signal",
        test_file("import os\n\n\ndef test_add():\n    os.kill(os.getpid(), 9)\n"),
        ("killed",),
        "SIGKILL while tests/test_adding.py::test_add ran",
        TEST,
    ),
    Wrong(
        "a crash",
        test_file("import ctypes\n\n\ndef test_add():\n    ctypes.string_at(0)\n"),
        ("killed",),
        "SIGSEGV",
        TEST,
        ("tampering",),
    ),
    Wrong(
        "network",
        test_file(
            "import urllib.request\n\n\ndef test_add():\n    assert urllib.request.urlopen('http://example.org').status == 200\n"
        ),
        ("network",),
        "no network but loopback",
        TEST,
    ),
    Wrong(
        "address",
        test_file("import socket\n\n\ndef test_add():\n    assert socket.create_connection(('192.0.2.1', 80))\n"),
        ("network",),
        "no network but loopback",
        TEST,
    ),
    Wrong(
        "killing the supervisor",
        test_file("import os\n\n\ndef test_add():\n    os.kill(os.getppid(), 9)\n    assert add(1, 2) == 3\n"),
        ("killed",),
        "left no report",
        "",
        ("tampering",),
    ),
    Wrong(
        "killing everything",
        test_file("import os\n\n\ndef test_add():\n    os.kill(-1, 9)\n    assert add(1, 2) == 3\n"),
        ("killed",),
        "",
        "",
    ),
]

LIARS = [
    Wrong(
        "conftest that rewrites outcomes",
        {
            "conftest.py": "import pytest\n\n\n@pytest.hookimpl(wrapper=True)\ndef pytest_runtest_makereport(item, call):\n    report = yield\n    report.outcome = 'passed'\n    return report\n",
            **test_file("def test_add():\n    assert add(1, 2) == 4\n"),
        },
        ("assertion",),
        "",
        TEST,
        ("tampering",),
    ),
    Wrong(
        "conftest in the folder of the tests",
        {
            "tests/conftest.py": "def pytest_collection_modifyitems(items):\n    items.clear()\n",
            **test_file("def test_add():\n    assert add(1, 2) == 4\n"),
        },
        ("assertion",),
        "",
        TEST,
        ("tampering",),
    ),
    Wrong(
        "pytest.ini",
        {
            "pytest.ini": "[pytest]\naddopts = --collect-only -p evil\n",
            "evil.py": "",
            **test_file("def test_add():\n    assert add(1, 2) == 4\n"),
        },
        ("assertion",),
        "",
        TEST,
        ("tampering",),
    ),
    Wrong(
        "a plugin named by a test",
        {
            "evil.py": "import pytest\n\n\n@pytest.hookimpl(wrapper=True)\ndef pytest_runtest_makereport(item, call):\n    report = yield\n    report.outcome = 'passed'\n    report.longrepr = None\n    return report\n",
            **test_file("pytest_plugins = ['evil']\n\n\ndef test_add():\n    assert add(1, 2) == 4\n"),
        },
        ("assertion",),
        "",
        TEST,
        ("tampering",),
    ),
    Wrong(
        "a fake report file",
        {
            "calc/adding.py": "import json, os\n\nfor folder in os.listdir('.'):\n    open('report.json', 'w').write(json.dumps({'passed': True}))\n    if folder.startswith('run-'):\n        open(folder + '/report.json', 'w').write('{}')\nprint('=== 2 passed in 0.01s ===')\n\n\ndef add(a, b):\n    return a - b\n"
        },
        ("assertion",),
        "",
        TEST,
    ),
    Wrong(
        "a fake summary and the right exit code",
        {
            "calc/adding.py": "import os\n\nos.write(1, b'============ 12 passed in 0.12s ============\\n')\nos._exit(0)\n"
        },
        ("killed",),
        "",
        "calc/adding.py",
        ("tampering",),
    ),
    Wrong(
        "a replaced report",
        test_file(
            "import _pytest.reports\n\n_pytest.reports.TestReport.failed = False\n_pytest.reports.TestReport.outcome = 'passed'\n_old = _pytest.reports.TestReport.__init__\n\n\ndef _new(self, *a, **k):\n    _old(self, *a, **k)\n    self.outcome = 'passed'\n    self.longrepr = None\n\n\n_pytest.reports.TestReport.__init__ = _new"
            + WORSE
        ),
        ("forged",),
        "must fail was planted",
        TEST,
        ("tampering",),
    ),
    Wrong(
        "tests that are not called",
        test_file("import _pytest.python\n\n_pytest.python.Function.runtest = lambda self: None" + WORSE),
        ("forged",),
        "must fail was planted",
        TEST,
        ("tampering",),
    ),
    Wrong(
        "a runner that always passes",
        {
            "calc/adding.py": "import _pytest.runner\n\n_pytest.runner.call_and_report.__code__ = (lambda item, when, log=True, **k: __import__('_pytest.reports', fromlist=['x']).TestReport(item.nodeid, item.location, {}, 'passed', None, when)).__code__\n\n\ndef add(a, b):\n    return a - b\n"
        },
        ("forged",),
        "must fail was planted",
        TEST,
        ("tampering",),
    ),
    Wrong(
        "unittest that never fails",
        test_file(
            "import unittest\n\nunittest.TestCase.assertEqual = lambda *a: None\n\n\nclass TestAdd(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(add(1, 2), 4)\n"
        ),
        ("forged",),
        "must fail was planted",
        TEST,
        ("tampering",),
    ),
    Wrong(
        "raises that expects nothing",
        test_file(
            "import contextlib\n\nimport pytest\n\npytest.raises = lambda *a, **k: contextlib.nullcontext()\n\n\ndef test_add():\n    with pytest.raises(ValueError):\n        add(1, 2)\n"
        ),
        ("forged",),
        "must fail was planted",
        TEST,
        ("tampering",),
    ),
    Wrong(
        "telling lies by the pipe",
        {
            "calc/adding.py": "import json\nimport os\n\nfor number in range(3, 64):\n    try:\n        for event in ({'ended': 'tests/test_adding.py::test_add', 'phases': [{'when': w, 'outcome': 'passed'} for w in ('setup', 'call', 'teardown')]}, {'end': 0}):\n            os.write(number, json.dumps(event).encode() + b'\\n')\n    except OSError:\n        pass\n\n\ndef add(a, b):\n    return a - b\n"
        },
        ("forged", "assertion"),
        "",
        "",
    ),
    Wrong(
        "telling lies and leaving",
        {
            "calc/adding.py": "import json\nimport os\n\nfor number in range(3, 64):\n    try:\n        os.write(number, json.dumps({'end': 0}).encode() + b'\\n')\n    except OSError:\n        pass\nos._exit(0)\n"
        },
        ("not run", "forged"),
        "",
        "",
        ("tampering",),
    ),
    Wrong(
        "reading the key",
        {
            "calc/adding.py": "import glob\nimport os\n\nfound = []\nfor name in [*glob.glob('run-*/key'), f'/proc/{os.getppid()}/mem', f'/proc/{os.getppid()}/fd/1', f'/proc/{os.getppid()}/environ']:\n    try:\n        open(name, 'rb').close()\n        found.append(name)\n    except OSError:\n        pass\n\n\ndef add(a, b):\n    return found\n"
        },
        ("assertion",),
        "AssertionError: assert [] == 3",
        TEST,
    ),
    Wrong(
        "a process in the background",
        test_file(
            "import os\nimport time\n\n\ndef test_add():\n    if os.fork() == 0:\n        os.setsid()\n        while True:\n            open('report.json', 'w').write('{}')\n            time.sleep(0.001)\n    assert add(1, 2) == 4\n"
        ),
        ("assertion",),
        "",
        TEST,
    ),
    Wrong(
        "a process that goes on with the tests",
        test_file("import os\n\n\ndef test_add():\n    os.fork()\n    assert add(1, 2) == 4\n"),
        ("assertion",),
        "",
        TEST,
    ),
]

GREEDY = [
    Wrong(
        "infinite loop",
        {"calc/adding.py": "def add(a, b):\n    while True:\n        a += 1\n"},
        ("timeout",),
        "did not end within 15 s while tests/test_adding.py::test_add ran",
        TEST,
        slow=True,
    ),
    Wrong(
        "infinite loop at import",
        {"calc/adding.py": "while True:\n    pass\n"},
        ("timeout",),
        "did not end within",
        "",
        slow=True,
    ),
    Wrong(
        "sleeping",
        test_file("import time\n\n\ndef test_add():\n    time.sleep(60)\n"),
        ("timeout",),
        "did not end within",
        TEST,
        slow=True,
    ),
    Wrong(
        "processor",
        {"calc/adding.py": "def add(a, b):\n    while True:\n        a += 1\n"},
        ("timeout",),
        "of the processor",
        TEST,
        limits={"cpu_seconds": 1, "seconds": 30},
    ),
    Wrong(
        "fork bomb",
        test_file(
            "import os\n\n\ndef test_add():\n    while True:\n        try:\n            os.fork()\n        except OSError:\n            pass\n"
        ),
        ("processes",),
        "processes",
        TEST,
        slow=True,
    ),
    Wrong(
        "fork bomb that gives up",
        test_file(
            "import os\n\n\ndef test_add():\n    while True:\n        if os.fork() == 0:\n            while True:\n                pass\n"
        ),
        ("processes",),
        "more processes or threads",
        TEST,
    ),
    Wrong(
        "threads without end",
        test_file(
            "import threading\nimport time\n\n\ndef test_add():\n    while True:\n        threading.Thread(target=time.sleep, args=[60]).start()\n"
        ),
        ("processes",),
        "more processes or threads",
        TEST,
    ),
    Wrong(
        "memory hog",
        {
            "calc/adding.py": "def add(a, b):\n    kept = []\n    while True:\n        kept.append(bytearray(b'x' * (1 << 20)))\n"
        },
        ("memory",),
        "memory",
        TEST,
    ),
    Wrong(
        "output flood",
        {"calc/adding.py": "def add(a, b):\n    while True:\n        print('x' * 1000)\n"},
        ("output",),
        "bytes of output while tests/test_adding.py::test_add ran",
        TEST,
    ),
    Wrong(
        "output flood by a process",
        test_file("import subprocess\n\n\ndef test_add():\n    subprocess.run(['yes'], check=False)\n"),
        ("output",),
        "bytes of output",
        TEST,
    ),
    Wrong(
        "message without end",
        {"calc/adding.py": "def add(a, b):\n    raise ValueError('x' * 50_000_000)\n"},
        ("exception", "memory"),
        "",
        "",
    ),
    Wrong(
        "disk",
        {
            "calc/adding.py": "def add(a, b):\n    with open('big', 'wb') as file:\n        while True:\n            file.write(b'x' * (1 << 20))\n"
        },
        ("exception",),
        "No space left",
        "calc/adding.py",
    ),
    Wrong(
        "a disk full of nothing, then lies",
        {
            "calc/adding.py": "def add(a, b):\n    try:\n        with open('big', 'wb') as file:\n            while True:\n                file.write(b'x' * (1 << 20))\n    except OSError:\n        return 4\n"
        },
        ("assertion",),
        "",
        TEST,
    ),
]

UNSAID = [
    Wrong(
        "tests that assert nothing",
        test_file("def test_add():\n    add(1, 2)\n"),
        (),
        "asserts nothing",
        TEST,
        ("no assertion",),
    ),
    Wrong(
        "a constant",
        test_file("def test_add():\n    add(1, 2)\n    assert True\n"),
        (),
        "asserts nothing",
        TEST,
        ("no assertion",),
    ),
    Wrong(
        "a tautology",
        test_file("def test_add():\n    x = add(1, 2)\n    assert x == x\n"),
        (),
        "asserts nothing",
        TEST,
        ("no assertion",),
    ),
    Wrong(
        "a swallowed assertion",
        test_file(
            "def test_add():\n    try:\n        assert add(1, 2) == 4\n    except AssertionError:\n        pass\n"
        ),
        (),
        "asserts nothing",
        TEST,
        ("no assertion",),
    ),
    Wrong(
        "an assertion about itself",
        test_file("def test_add():\n    add(1, 2)\n    expected = 3\n    assert expected == 3\n"),
        (),
        "asserts nothing",
        TEST,
        ("no assertion",),
    ),
    Wrong(
        "forbidden import",
        {"calc/adding.py": "import left_pad as r\n\n\ndef add(a, b):\n    return a + b if r else 0\n"},
        ("missing module",),
        "",
        "calc/adding.py",
        ("forbidden import",),
    ),
    Wrong(
        "import of what only the platform has",
        {"calc/adding.py": "import pydantic\n\n\ndef add(a, b):\n    return a + b if pydantic else 0\n"},
        (),
        "no library that the plan allows",
        "calc/adding.py",
        ("forbidden import",),
    ),
    Wrong(
        "unused import",
        {"calc/adding.py": "import os\n\n\ndef add(a, b):\n    return a + b\n"},
        (),
        "F401",
        "calc/adding.py",
        ("lint",),
    ),
    Wrong(
        "unused import with a mark",
        {"calc/adding.py": "import os  # noqa\n\n\ndef add(a, b):\n    return a + b\n"},
        (),
        "F401",
        "calc/adding.py",
        ("lint",),
    ),
    Wrong(
        "uncovered file",
        {"calc/more.py": "def more(a):\n" + "    a += 1\n" * 20 + "    return a\n"},
        (),
        "of the statements",
        "calc/more.py",
        ("coverage",),
    ),
    Wrong(
        "uncovered file with a mark",
        {"calc/more.py": "def more(a):  # pragma: no cover\n" + "    a += 1\n" * 20 + "    return a\n"},
        (),
        "of the statements",
        "calc/more.py",
        ("coverage",),
    ),
    Wrong(
        "covered by a test that asserts nothing",
        {
            "calc/more.py": "def more(a):\n" + "    a += 1\n" * 20 + "    return a\n",
            "tests/test_more.py": "from calc.more import more\n\n\ndef test_more():\n    more(1)\n",
        },
        (),
        "of the statements",
        "calc/more.py",
        ("coverage", "no assertion"),
    ),
]

ALL = [*FILES, *TESTS, *LIARS, *GREEDY, *UNSAID]
