"""Running tests in the sandbox: what a report holds, when one is kept, and what planted faults show."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from orchestration_assets.code.paths import is_test
from orchestration_assets.code.quality import Constraints, Gate, GateSettings, TestReport, run_tests, surviving
from orchestration_assets.code.quality.running import LIMITS
from resources.sandbox import Configuration, Sandbox, SandboxUnavailable
from tests.code.projects import NAMES, prepared
from tests.code.quality.wrong_inputs import GOOD


def encoded(files: dict[str, str]) -> dict[str, bytes]:
    return {path: text.encode() for path, text in files.items()}


def split(files: dict[str, str]) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The sources and the tests."""
    both = encoded(files)
    return {path: data for path, data in both.items() if not is_test(path)}, {
        path: data for path, data in both.items() if is_test(path)
    }


class Kept(dict[str, TestReport]):
    """A cache that counts."""

    def put(self, key: str, report: TestReport) -> None:
        assert key not in self
        self[key] = report


def test_coverage_counts_what_tests_run_that_assert(sandbox: Sandbox) -> None:
    files = {
        "calc/__init__.py": "",
        "calc/one.py": "def one(a):\n    if a:\n        return 1\n    return 2\n",
        "calc/two.py": "def two(a):\n    a += 1\n    return a\n",
        "calc/three.py": "x = (\n    1,\n    2,\n)\n",
        "tests/test_one.py": (
            "import pytest\n\nfrom calc.one import one\nfrom calc.two import two\n\n\n"
            "def test_true():\n    assert one(True) == 1\n\n\ndef test_nothing():\n    one(False)\n    two(1)\n"
        ),
    }
    report = run_tests(sandbox, *split(files), "coverage")
    assert report.passed
    assert [(test.test.partition("::")[2], test.asserts) for test in report.tests] == [
        ("test_true", True),
        ("test_nothing", False),
    ]
    assert {file.path: (file.statements, file.missing) for file in report.coverage} == {
        "calc/__init__.py": (0, ()),
        "calc/one.py": (4, (4,)),
        "calc/two.py": (3, (2, 3)),
        "calc/three.py": (1, (1,)),
    }
    assert round(report.covered, 3) == round(4 / 8, 3)


@pytest.mark.integration
def test_a_report_is_kept_under_sources_tests_and_strategy(sandbox: Sandbox) -> None:
    cache = Kept()
    sources, tests = split(GOOD)
    first = run_tests(sandbox, sources, tests, "fast", cache=cache)
    assert run_tests(sandbox, sources, tests, "fast", cache=cache) is first
    assert len(cache) == 1
    assert run_tests(sandbox, sources, tests, "thorough", cache=cache).strategy == "thorough"
    assert len(cache) == 2
    changed = {**sources, "calc/adding.py": b"def add(a, b):\n    return 3\n"}
    assert not run_tests(sandbox, changed, tests, "fast", cache=cache).passed
    assert len(cache) == 3
    # The same bytes, of which one is no longer among the tests to be run.
    fewer = dict(tests)
    moved = {"tests/test_taking.py": fewer.pop("tests/test_taking.py")}
    again = run_tests(sandbox, {**sources, **moved}, fewer, "fast", cache=cache)
    assert [test.test for test in again.tests] == ["tests/test_adding.py::test_add"]
    assert len(cache) == 4


@pytest.mark.integration
def test_what_a_busy_machine_may_cause_is_not_kept(sandbox: Sandbox) -> None:
    cache = Kept()
    sources, tests = split({"tests/test_a.py": "import time\n\n\ndef test_a():\n    time.sleep(9)\n"})
    report = run_tests(sandbox, sources, tests, "fast", cache=cache, limits=replace(LIMITS, seconds=0.5))
    assert [failure.kind for failure in report.failures] == ["timeout"]
    assert not cache


def test_fast_stops_at_the_first_failure_and_thorough_does_not(sandbox: Sandbox) -> None:
    body = "".join(f"def test_{number}():\n    assert {number} == int('1')\n\n\n" for number in range(3))
    sources, tests = split({"tests/test_a.py": body})
    fast, thorough = (run_tests(sandbox, sources, tests, strategy) for strategy in ("fast", "thorough"))
    assert [test.outcome for test in fast.tests] == ["failed", "not run", "not run"]
    assert [test.outcome for test in thorough.tests] == ["failed", "passed", "failed"]
    assert len(fast.failures) == 1
    assert [failure.line for failure in thorough.failures] == [2, 10]
    assert thorough.failures[0].detail.splitlines()[1] == ">       assert 0 == int('1')"


@pytest.mark.integration
def test_what_the_tests_need_of_pytest_is_there(sandbox: Sandbox) -> None:
    """Fixtures of all scopes, in classes too between whose tests nothing of ours may come; data files; helpers; capturing; loopback."""
    files = {
        "src/shop/__init__.py": "from shop.data import read\n",
        "src/shop/data.py": "from pathlib import Path\n\n\ndef read():\n    return Path(__file__).with_name('prices.csv').read_text()\n",
        "src/shop/prices.csv": "a,1\n",
        "tests/helpers.py": "def doubled(x):\n    return 2 * x\n",
        "tests/test_shop.py": (
            "import random\nimport socket\nimport threading\nimport unittest\n\nimport pytest\n\nfrom shop import read\nfrom tests.helpers import doubled\n\n"
            "opened = []\n\n\n@pytest.fixture(scope='class')\ndef once():\n    opened.append(1)\n    return len(opened)\n\n\n"
            "@pytest.fixture(autouse=True)\ndef seeded():\n    random.seed(1)\n    yield\n\n\n"
            "class TestClass:\n"
            + "".join(f"    def test_{n}(self, once):\n        assert once == len(opened) == 1\n\n" for n in range(6))
            + "\n"
            "class Case(unittest.TestCase):\n    @classmethod\n    def setUpClass(cls):\n        opened.append(2)\n\n"
            + "".join(f"    def test_{n}(self):\n        self.assertEqual(opened.count(2), 1)\n\n" for n in range(6))
            + "\n"
            "def test_data():\n    assert read() == 'a,1\\n'\n\n\ndef test_helper():\n    assert doubled(2) == 4\n\n\n"
            "def test_output(capfd, tmp_path, monkeypatch, caplog):\n    print('out')\n    assert capfd.readouterr().out == 'out\\n'\n\n\n"
            "def test_loopback():\n    server = socket.create_server(('127.0.0.1', 0))\n"
            "    threading.Thread(target=lambda: server.accept()[0].send(b'x')).start()\n"
            "    assert socket.create_connection(server.getsockname()).recv(1) == b'x'\n\n\n"
            "def test_input():\n    with pytest.raises(EOFError):\n        input()\n"
        ),
    }
    for _ in range(2):
        report = run_tests(sandbox, *split(files), "thorough")
        assert report.passed, report.failures


@pytest.mark.integration
@pytest.mark.parametrize("name", NAMES)
def test_prepared_projects_pass(sandbox: Sandbox, name: str) -> None:
    files = prepared(name).files
    report = run_tests(sandbox, *split(files), "coverage")
    assert not Gate(GateSettings(mutants=1)).judge(encoded(files), report).passed, "no fault was planted"
    verdict = Gate().judge(encoded(files), report, Constraints(required_files=frozenset(files)))
    assert verdict.passed, verdict.reasons


@pytest.mark.integration
def test_many_runs_at_once_do_not_mix(sandbox: Sandbox) -> None:
    def one(number: int) -> tuple[bool, str]:
        body = f"def test_a():\n    assert int('{number}') % 2 == 0, 'number {number}'\n"
        report = run_tests(sandbox, *split({"tests/test_a.py": body}), "fast")
        return report.passed, report.failures[0].detail if report.failures else f"number {number}"

    with ThreadPoolExecutor(4) as threads:
        for number, (passed, detail) in enumerate(threads.map(one, range(8))):
            assert passed == (number % 2 == 0)
            assert f"number {number}" in detail


def test_without_pytest_in_the_sandbox_it_says_so(sandbox: Sandbox) -> None:
    python = Path("/usr/bin/python3")
    if not python.exists():
        pytest.skip("needs another interpreter, without pytest")
    bare = Sandbox(Configuration(python=python))
    if bare.run(["python3", "-I", "-c", "import pytest"], {}).exit_code == 0:
        pytest.skip("the interpreter of the system has pytest")
    with pytest.raises(SandboxUnavailable, match=r"cannot run tests .*; install pytest"):
        run_tests(bare, *split(GOOD), "fast")


WEAK = {
    "calc.py": "def clamp(a, low):\n    if a < low:\n        return low\n    return a\n",
    "tests/test_calc.py": "from calc import clamp\n\n\ndef test_clamp():\n    assert clamp(1, 2) is not clamp\n    assert clamp(3, 2) is not None\n",
}
STRONG = {
    **WEAK,
    "tests/test_calc.py": "from calc import clamp\n\n\ndef test_clamp():\n    assert [clamp(a, 2) for a in (1, 2, 3)] == [2, 2, 3]\n",
}
LIAR = """
for module in [__import__("_py" + "test.python").python]:
    old = module.Function.runtest

    def runtest(self):
        if self.name != "test_clamp":
            old(self)

    module.Function.runtest = runtest
"""
"""It hides from the rules, and leaves tests alone whose names it does not know."""


@pytest.mark.integration
def test_planted_faults_survive_tests_that_do_not_look(sandbox: Sandbox) -> None:
    for files, survive in ((WEAK, True), (STRONG, False)):
        sources, tests = split(files)
        assert run_tests(sandbox, sources, tests, "fast").passed
        found = surviving(sandbox, sources, tests, ["calc.py", "tests/test_calc.py", "gone.py"], 4)
        assert bool(found) == survive, found
        for reason in found:
            assert reason.sentence.startswith(f"calc.py, line {reason.line}: all tests pass with ")
        report = run_tests(sandbox, sources, tests, "coverage")
        assert Gate(GateSettings(mutants=4)).judge(encoded(files), report, survivors=found).passed != survive


@pytest.mark.integration
def test_who_lies_about_one_test_alone_is_found_by_planted_faults(sandbox: Sandbox) -> None:
    files = {**STRONG, "calc.py": STRONG["calc.py"].replace("return a\n", "return -a\n") + LIAR}
    sources, tests = split(files)
    assert run_tests(sandbox, sources, tests, "fast").passed, "the lie works, and this test shows nothing otherwise"
    assert surviving(sandbox, sources, tests, ["calc.py"], 2)


@pytest.mark.integration
def test_a_forked_process_that_goes_on_with_the_tests_says_nothing(sandbox: Sandbox) -> None:
    body = "import os\n\n\ndef test_a():\n    if child := os.fork():\n        os.waitpid(child, 0)\n    assert os.getpid() > 0\n"
    report = run_tests(sandbox, *split({"tests/test_a.py": body}), "thorough")
    assert report.passed, report.failures
