"""What is computed of a change without a model: every planted problem is found on its line, and clean changes are left alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pytest

from orchestration_assets.reviews.change import Change
from orchestration_assets.reviews.computed import computed_findings
from orchestration_assets.reviews.dependencies import dependency_findings
from orchestration_assets.reviews.enforced import without_enforced
from orchestration_assets.reviews.layers import layer_findings
from orchestration_assets.reviews.linting import lint_findings
from orchestration_assets.reviews.missing_tests import missing_test_findings
from orchestration_assets.reviews.model import Finding
from tests.reviews.changes import Files, change
from tests.reviews.corpus import CLEAN, PLANTED, Case

TESTED = {"test_everything.py": "def test_everything():\n    assert True\n"}
"""A test that changes with all cases, so that none of them lacks one."""


def _together(path: Path, cases: tuple[Case, ...]) -> Mapping[str, list[Finding]]:
    """All cases as one change; the findings by the folder of their case."""
    before = dict(TESTED) | {f"{case.name}/__init__.py": "" for case in cases}
    for case in cases:
        before[case.path] = case.before
        before |= {f"{case.name}/{name}": text for name, text in case.beside.items()}
    after = {case.path: case.after for case in cases} | {"test_everything.py": "def test_everything():\n    assert 1\n"}
    found: dict[str, list[Finding]] = defaultdict(list)
    with change(path / "repository", before, after) as made:
        for finding in computed_findings(made):
            found[finding.path.partition("/")[0]].append(finding)
    return found


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, list[Finding]]:
    return _together(tmp_path_factory.mktemp("planted"), PLANTED)


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, list[Finding]]:
    return _together(tmp_path_factory.mktemp("clean"), CLEAN)


@pytest.mark.parametrize("case", PLANTED, ids=lambda case: case.name)
def test_what_was_planted_is_found_on_its_line_and_nothing_else(
    case: Case, planted: Mapping[str, list[Finding]]
) -> None:
    assert [(each.rule, each.line) for each in planted[case.name]] == list(case.expected)


@pytest.mark.parametrize("case", CLEAN, ids=lambda case: case.name)
def test_a_clean_change_raises_no_alarm(case: Case, clean: Mapping[str, list[Finding]]) -> None:
    assert clean[case.name] == []


def test_every_finding_quotes_the_line_that_it_is_on_and_no_secret(planted: Mapping[str, list[Finding]]) -> None:
    by_name = {case.name: case for case in PLANTED}
    for name, findings in planted.items():
        for finding in findings:
            assert finding.line is not None
            stands = by_name[name].after.split("\n")[finding.line - 1].strip()
            if finding.rule == "hard-coded-secret":
                assert finding.quote != stands or "PRIVATE" in stands
                assert "ghp_" not in finding.quote
            else:
                assert finding.quote == stands
    assert "[hidden]" in planted["github_token"][0].quote


def rules_of(
    path: Path,
    before: Files,
    after: Files,
    title: str = "Change things",
    look: Callable[[Change], Iterable[Finding]] = computed_findings,
) -> list[tuple[str, str]]:
    """Rules and paths of what is found in one change."""
    with change(path / "one", before, after, title) as made:
        return [(each.rule, each.path) for each in look(made)]


LOGIC = "def total(rows):\n" + "".join(f"    step_{number} = rows[{number}]\n" for number in range(12))
APP = {"app/__init__.py": "", "app/money.py": "x = 1\n", "tests/test_money.py": "def test_x():\n    assert 1\n"}


def test_code_without_a_test_is_told_once_at_the_file_with_most_of_it(tmp_path: Path) -> None:
    after = {"app/money.py": LOGIC, "app/other.py": "def one():\n    return 1\n"}
    assert rules_of(tmp_path, APP, after, look=missing_test_findings) == [("no-tests", "app/money.py")]


@pytest.mark.integration
@pytest.mark.parametrize(
    "after",
    [
        {"app/money.py": LOGIC, "tests/test_money.py": "def test_x():\n    assert 2\n"},
        {"app/money.py": "x = 2\ny = 3\n"},
        {"app/money.py": '"""Money.\n\n' + "Said at length.\n" * 20 + '"""\n\nx = 1\n'},
        {"app/money.py": "x: int = 1\n" + "".join(f"import os.path as p{number}\n" for number in range(12))},
        {"scripts/once.py": LOGIC},
        {"docs/conf.py": LOGIC},
        {"app/money.py": None, "app/cash.py": "x = 1\n"},
        {"app/migrations/0001_first.py": LOGIC},
    ],
    ids=["with a test", "tiny", "docstring", "imports", "script", "documentation", "renamed", "migration"],
)
def test_what_wants_no_test_of_its_own_is_let_be(tmp_path: Path, after: Files) -> None:
    assert rules_of(tmp_path, APP, after, look=missing_test_findings) == []


def test_nothing_is_said_of_tests_where_there_are_none_or_where_nothing_is_to_behave_anew(tmp_path: Path) -> None:
    untested = {"app/money.py": "x = 1\n"}
    assert rules_of(tmp_path / "untested", untested, {"app/money.py": LOGIC}, look=missing_test_findings) == []
    assert (
        rules_of(
            tmp_path / "refactored",
            APP,
            {"app/money.py": LOGIC},
            "refactor: one place for totals",
            missing_test_findings,
        )
        == []
    )


CONTRACTS = """
[tool.importlinter]
root_package = "app"

[[tool.importlinter.contracts]]
name = "Floors"
type = "layers"
layers = ["app.web", "app.shop | app.stock", "app.core"]
ignore_imports = ["app.core.legacy -> app.web"]

[[tool.importlinter.contracts]]
name = "No web framework in the core"
type = "forbidden"
source_modules = ["app.core"]
forbidden_modules = ["flask"]
"""
INI_CONTRACTS = """
[importlinter]
root_package = app
exclude_type_checking_imports = true

[importlinter:contract:floors]
name = Floors
type = layers
containers = app
layers =
    web
    (shop)
    core
"""
FLOORS = {
    **{f"app/{name}": "" for name in ("__init__.py", "web.py", "shop.py", "stock.py")},
    **{f"app/core/{name}.py": "x = 1\n" for name in ("__init__", "money", "legacy")},
    "test_x.py": "def test_x():\n    assert 1\n",
}
UP = "from app.web import page\n\nx = page\n"


@pytest.mark.parametrize(
    ("config", "after", "broken"),
    [
        ({"pyproject.toml": CONTRACTS}, {"app/core/money.py": UP}, True),
        ({"pyproject.toml": CONTRACTS}, {"app/core/money.py": "from ..web import page\n\nx = page\n"}, True),
        (
            {"pyproject.toml": CONTRACTS},
            {"app/core/money.py": "def f():\n    import flask\n\n    return flask\n"},
            True,
        ),
        ({"pyproject.toml": CONTRACTS}, {"app/shop.py": "import app.stock\n\nx = app\n"}, True),
        ({"pyproject.toml": CONTRACTS}, {"app/core/legacy.py": UP}, False),
        (
            {"pyproject.toml": CONTRACTS},
            {"app/web.py": "import flask\nimport app.core.money\n\nx = (flask, app)\n"},
            False,
        ),
        ({".importlinter": INI_CONTRACTS}, {"app/core/money.py": UP}, True),
        ({"setup.cfg": INI_CONTRACTS}, {"app/core/money.py": UP}, True),
        (
            {".importlinter": INI_CONTRACTS},
            {
                "app/core/money.py": "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from app.web import page\n"
            },
            False,
        ),
        ({"pyproject.toml": "[tool.importlinter\n"}, {"app/core/money.py": UP}, False),
        ({}, {"app/core/money.py": UP}, False),
    ],
)
def test_an_import_against_the_declared_layers_is_told(
    tmp_path: Path, config: Files, after: Files, broken: bool
) -> None:
    found = [rule for rule, _ in rules_of(tmp_path, {**FLOORS, **config}, after, look=layer_findings)]
    assert found == (["layer-crossed"] if broken else [])


@pytest.mark.integration
def test_an_import_that_was_there_before_is_not_told_again(tmp_path: Path) -> None:
    before = {**FLOORS, "pyproject.toml": CONTRACTS, "app/core/money.py": UP}
    assert rules_of(tmp_path, before, {"app/core/money.py": UP + "y = 2\n"}, look=layer_findings) == []


RISKY = {"test_x.py": "assert 1\n", "app.py": "x = 1\n"}
EVAL = {"app.py": "x = 1\ndef run(text):\n    return eval(text)\n"}


@pytest.mark.integration
@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({}, True),
        ({"pyproject.toml": '[tool.ruff.lint]\nselect = ["E", "S"]\n'}, False),
        ({"pyproject.toml": '[tool.ruff.lint]\nselect = ["ALL"]\n'}, False),
        ({"pyproject.toml": '[tool.ruff.lint]\nselect = ["E", "F"]\n'}, True),
        ({"pyproject.toml": '[tool.ruff]\nignore = ["S307"]\n'}, False),
        ({"ruff.toml": '[lint]\nextend-select = ["S3"]\n'}, False),
        ({"pyproject.toml": '[tool.ruff.lint.per-file-ignores]\n"app.py" = ["S"]\n'}, False),
        ({".flake8": "[flake8]\nextend-select = S\n"}, False),
        ({"pyproject.toml": "[tool.ruff"}, True),
    ],
)
def test_what_the_repositorys_own_checks_enforce_or_allow_is_left_to_them(
    tmp_path: Path, config: Files, told: bool
) -> None:
    assert rules_of(tmp_path, {**RISKY, **config}, EVAL, look=_linted) == ([("S307", "app.py")] if told else [])


def _linted(made: Change) -> list[Finding]:
    return without_enforced(made, list(lint_findings(made)))


def test_a_change_cannot_silence_its_own_review(tmp_path: Path) -> None:
    before = {**RISKY, "ruff.toml": '[lint]\nselect = ["E"]\n'}
    after = {**EVAL, "ruff.toml": '[lint]\nselect = ["ALL"]\n', ".ruff.toml": '[lint]\nignore = ["S307"]\n'}
    assert rules_of(tmp_path, before, after, look=_linted) == [("S307", "app.py")]


@pytest.mark.integration
def test_code_that_moves_to_another_file_is_no_news(tmp_path: Path) -> None:
    moved = {"app.py": None, "engine.py": "y = 2\n" + EVAL["app.py"]}
    assert rules_of(tmp_path, {**RISKY, **EVAL}, moved) == []


def test_a_mark_of_generated_code_counts_only_where_it_stood_before(tmp_path: Path) -> None:
    marked = "# Code generated by a tool. DO NOT EDIT.\n"
    evading = {"app.py": marked + EVAL["app.py"]}
    assert rules_of(tmp_path / "evading", RISKY, evading, look=_linted) == [("S307", "app.py")]
    generated = {**RISKY, "app.py": marked}
    assert rules_of(tmp_path / "generated", generated, evading, look=_linted) == []


PACKAGE = '{"dependencies": {"left": "^1.0.0"%s}}\n'
LOCK = '{"packages": {"node_modules/left": {"version": "%s"}%s}}\n'
INNER = ', "node_modules/inner": {"version": "3.0.0"}'
NODE = {"package.json": PACKAGE % "", "package-lock.json": LOCK % ("1.0.0", INNER), "index.js": "let a = 1;\n"}


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ({"package.json": PACKAGE % ', "right": "^2.0.0"'}, [("lock-not-updated", "package.json")]),
        (
            {
                "package.json": PACKAGE % ', "right": "^2.0.0"',
                "package-lock.json": LOCK % ("1.0.0", ', "node_modules/right": {"version": "2.0.0"}'),
            },
            [],
        ),
        ({"package.json": PACKAGE % ', "inner": "^3.0.0"'}, []),
        ({"package.json": PACKAGE % ', "right": "^2.0.0"', "package-lock.json": LOCK % ("1.0.1", "")}, []),
        ({"package.json": PACKAGE.replace("dependencies", "devDependencies") % ""}, []),
        (
            {"package-lock.json": LOCK % ("1.0.1", ""), "index.js": "let a = 2;\n"},
            [("lock-without-manifest", "package-lock.json")],
        ),
        ({"package-lock.json": LOCK % ("1.0.1", "")}, []),
        ({"package.json": "{", "index.js": "let a = 2;\n"}, []),
    ],
    ids=[
        "manifest alone",
        "both",
        "locked already",
        "lock changed too",
        "moved to another table",
        "lock with code",
        "lock alone",
        "broken manifest",
    ],
)
def test_manifest_and_lock_file_are_to_agree(tmp_path: Path, after: Files, expected: list[tuple[str, str]]) -> None:
    assert rules_of(tmp_path, NODE, after, look=dependency_findings) == expected


@pytest.mark.integration
def test_files_that_do_not_belong_into_git_are_told_of(tmp_path: Path) -> None:
    after: Files = {
        "app/__pycache__/a.cpython-311.pyc": b"\0\1",
        ".DS_Store": b"\0",
        ".env": "PASSWORD=x\n",
        ".env.example": "PASSWORD=\n",
        "data/all.bin": b"\0" * (6 << 20),
        "data/small.bin": b"\0" * 1000,
    }
    assert sorted(rules_of(tmp_path, RISKY, after)) == [
        ("environment-file", ".env"),
        ("large-file", "data/all.bin"),
        ("not-for-git", ".DS_Store"),
        ("not-for-git", "app/__pycache__/a.cpython-311.pyc"),
    ]


@pytest.mark.integration
def test_hostile_texts_end_in_no_traceback(tmp_path: Path) -> None:
    after: Files = {
        "deep.py": "x = " + "(" * 5000 + ")" * 5000 + "\n",
        "longer.py": "x = " + "-" * 20000 + "1\n",
        "nul.py": b"x = 1\0\n",
        "latin.py": b"x = '\xe9'\n",
        "plus.py": "db.execute('SELECT a = ' + " + "x + " * 9000 + "y)\n",
        "plus.js": "el.innerHTML = " + "'x' + " * 9000 + "y;\n",
        "lone.js": "/*" * 3000 + "`${" * 300,
        "pyproject.toml": "a = " + "[" * 3000 + "\n",
        "package.json": "[" * 3000,
        ".importlinter": "[importlinter]\n[importlinter:contract:x]\nlayers = (\n",
        "a\nb.py": "z = 1\ny = eval(z)\n",
        "-rf.py": "import os\nos.system(x)\n",
    }
    found = rules_of(tmp_path, RISKY, after)
    assert ("S307", "a\nb.py") in found
    assert ("S605", "-rf.py") in found
