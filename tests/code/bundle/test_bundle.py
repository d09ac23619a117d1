"""The release bundle: the same bytes for the same project, a history that git can clone, files that pip can install, nothing from outside unescaped."""

from __future__ import annotations

import hashlib
import io
import json
import re
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from orchestration_assets.code.bundle import Bundle, BundleInput, Made, make_bundle
from orchestration_assets.code.bundle.archive import archive
from orchestration_assets.code.bundle.history import _stream, in_order
from orchestration_assets.code.bundle.packaging import packaged, pyproject
from orchestration_assets.code.bundle.page import page
from orchestration_assets.code.model import Bar, Criterion, Plan, PlannedFile, Task
from orchestration_assets.code.quality import FileCoverage, TestReport, TestResult
from orchestration_assets.code.static_checks import criteria_shown
from tests.code.other_process import printed
from tests.code.projects import NAMES, prepared

HOSTILE = "</title><script>alert(1)</script>\r\nMade-by: somebody else\n\x1b[31m\"'&<!-- {{ 7*7 }} "


def report(*tests: str) -> TestReport:
    return TestReport(
        of="",
        strategy="coverage",
        toolchain="Python 3.11",
        tests=tuple(TestResult(test=test, line=1, asserts=True, outcome="passed", forms=1) for test in tests),
        failures=(),
        coverage=(FileCoverage(path="a.py", statements=50, covered=5, missing=tuple(range(45))),),
    )


def project(name: str) -> BundleInput:
    """A prepared project, as a build leaves it."""
    ready = prepared(name)
    shown = criteria_shown(ready.files, [criterion.id for criterion in ready.plan.criteria])
    return BundleInput(
        project=ready.slug,
        plan=ready.plan,
        sources={path: text.encode() for path, text in ready.files.items()},
        report=report(*(test for tests in shown.values() for test in tests)),
        criteria=shown,
        made=tuple(
            Made(
                task=task.id,
                maker="model@r1",
                prompt_version="abc123",
                calls=1,
                tokens_in=1000,
                tokens_out=200,
                cost=0.01,
            )
            for task in ready.plan.tasks
        ),
    )


def hostile() -> BundleInput:
    """Texts as bad as a planner may write."""
    task = Task(
        id="one",
        title=HOSTILE[:100],
        kind="source",
        description=HOSTILE * 3,
        files=(PlannedFile(path="a.py"),),
        criteria=("C1",),
    )
    plan = Plan(
        name="x",
        summary=HOSTILE,
        contradictions=(HOSTILE,),
        libraries=("<b>", 'x"y'),
        criteria=(Criterion(id="C1", text=HOSTILE),),
        tasks=(task,),
    )
    return BundleInput(
        project="x",
        plan=plan,
        sources={
            "a.py": b"x = 1\n",
            "run": b"#!/bin/sh\n",
            "data/\xc3\xa9.txt".encode("latin-1").decode(): b"\x00\xff",
        },
        report=report("<i>t</i>::t"),
        criteria={"C1": ["<i>t</i>::t", "<u>gone</u>"]},
        made=(Made(task="one", maker=HOSTILE, prompt_version=HOSTILE),),
    )


def cloned(bundle: Bundle, name: str, folder: Path) -> Path:
    (folder / "x.bundle").write_bytes(bundle.named(f"{name}.bundle"))
    git(folder, "clone", "--quiet", "x.bundle", "clone")
    return folder / "clone"


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout


def test_equal_projects_make_equal_bytes_and_others_do_not() -> None:
    one, two, other = make_bundle(project("spans")), make_bundle(project("spans")), make_bundle(project("tally"))
    assert one == two
    assert [file.name for file in one.files] == [
        "spans.bundle",
        "spans-0.1.0.tar.gz",
        "spans.cdx.json",
        "report.html",
        "plan.json",
    ]
    assert not {file.data for file in one.files} & {file.data for file in other.files}


def digests() -> str:
    files = [file for given in (project("spans"), hostile()) for file in make_bundle(given).files]
    return "\n".join(f"{file.name} {hashlib.sha256(file.data).hexdigest()}" for file in files)


def test_another_process_makes_the_same_bytes() -> None:
    code = "from tests.code.bundle.test_bundle import digests; print(digests())"
    assert printed(code, seed=1) == f"{digests()}\n"


def test_what_was_done_when_is_shown_where_it_is_given_and_in_no_bundle() -> None:
    given = project("spans")
    bars = [Bar(task="merging", step="write", start=0.0, seconds=seconds, outcome="written") for seconds in (1.0, 2.0)]
    assert page(given) == make_bundle(given).named("report.html")
    assert b"What was done when" not in page(given)
    assert b"What was done when" in page(given, bars[:1])
    assert page(given, bars[:1]) != page(given, bars[1:])


def test_a_commit_names_who_made_its_task_last() -> None:
    given = project("spans")
    first = given.plan.tasks[0].id
    made = [Made(task=first, maker=maker, prompt_version="p") for maker in ("small@1", "large@1")]
    made.append(Made(task="(plan)", maker="planner@1", prompt_version="p"))
    history = b"".join(_stream(given.model_copy(update={"made": tuple(made)}), given.sources)).decode()
    assert "Made-by: large@1 (prompt p)" in history
    assert "small@1" not in history and "planner@1" not in history


def test_the_history_has_a_commit_for_each_task_after_those_it_depends_on(tmp_path: Path) -> None:
    given = project("spans")
    clone = cloned(make_bundle(given), "spans", tmp_path)
    git(clone, "fsck", "--strict")
    log = git(clone, "log", "--reverse", "--format=%s%x00%an%x00%at%x00%b%x01").split("\x01\n")[:-1]
    commits = [entry.split("\x00") for entry in log]
    ordered = in_order(given.plan)
    assert [commit[0] for commit in commits] == ["Package the project", *(task.title for task in ordered)]
    assert [int(commit[2]) for commit in commits] == [946_684_800 + 60 * number for number in range(len(commits))]
    assert {commit[1] for commit in commits} == {"Soloist"}
    assert "Made-by: model@r1 (prompt abc123)" in commits[1][3]
    for number, task in enumerate(ordered):
        assert set(task.depends_on) <= {each.id for each in ordered[:number]}
    files = {path: (clone / path).read_bytes() for path in git(clone, "ls-files").splitlines()}
    assert files == packaged("spans", "0.1.0", given.plan, given.sources)


def test_the_archive_holds_the_same_files_and_says_nothing_of_this_machine() -> None:
    given = project("tally")
    data = make_bundle(given).named("tally-0.1.0.tar.gz")
    assert data[4:8] == bytes(4)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        members = tar.getmembers()
        files = {each.name.removeprefix("tally-0.1.0/"): tar.extractfile(each).read() for each in members}  # type: ignore[union-attr]
    assert files == packaged("tally", "0.1.0", given.plan, given.sources)
    assert [each.name for each in members] == sorted(each.name for each in members)
    assert {(each.mtime, each.uid, each.gid, each.uname, each.gname) for each in members} == {(0, 0, 0, "", "")}


@given(st.permutations([("a.py", b"1"), ("b/c.py", b"2"), ("b/d.sh", b"#!/bin/sh\n")]))
def test_the_order_of_files_does_not_matter(files: list[tuple[str, bytes]]) -> None:
    assert archive("x", dict(files)) == archive("x", dict(sorted(files)))


def test_the_bill_of_materials_is_valid_and_lists_every_file() -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    for ready in (project("spans"), hostile()):
        text = make_bundle(ready).named(f"{ready.project}.cdx.json").decode()
        bill = json.loads(text)
        assert "timestamp" not in text
        hashes = {each["name"]: each["hashes"][0]["content"] for each in bill["components"] if each["type"] == "file"}
        sources = packaged(ready.project, ready.version, ready.plan, ready.sources)
        assert hashes == {path: hashlib.sha256(data).hexdigest() for path, data in sources.items()}
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read_page(data: bytes) -> _Page:
    found = _Page()
    found.feed(data.decode())
    return found


def test_the_report_tells_all_that_it_should() -> None:
    given = project("spans")
    text = " ".join(" ".join(read_page(make_bundle(given).named("report.html")).text).split())
    for criterion in given.plan.criteria:
        assert criterion.text in text
        for test in given.criteria[criterion.id]:
            assert test in text
    for said in ("model@r1", "abc123", "0.0100 USD", "0.0700 USD", "7,000", "1,400", "10%", "spans/merging.py"):
        assert said in text, said
    style = re.search(rb"<style>(.*?)</style>", make_bundle(given).named("report.html"), re.DOTALL)
    assert style is not None


def test_nothing_from_outside_is_taken_for_markup_or_for_a_trailer(tmp_path: Path) -> None:
    given = hostile()
    bundle = make_bundle(given)
    page = read_page(bundle.named("report.html"))
    assert not page.tags & {"script", "i", "u", "b"}
    assert "{{ 7*7 }}" in "".join(page.text)
    assert "no test" not in "".join(page.text)
    clone = cloned(bundle, "x", tmp_path)
    bodies = git(clone, "log", "--format=%B")
    assert "\x1b" not in bodies
    assert not [line for line in bodies.splitlines() if line.startswith("Made-by: somebody")]
    assert (clone / "run").stat().st_mode & 0o100
    assert json.loads(bundle.named("plan.json")) == given.plan.model_dump(mode="json")
    tomllib.loads(pyproject("x", "0.1.0", given.plan, given.sources))


@pytest.mark.parametrize("path", ["../x.py", "/x.py", ".git/config", "a\nb.py", "a/./b", "a//b"])
def test_a_path_that_leads_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(ValidationError, match="the path"):
        hostile().model_validate({**hostile().model_dump(), "sources": {path: b""}})


@given(st.text(max_size=80), st.lists(st.text(min_size=1, max_size=20), max_size=3))
def test_packaging_is_toml_whatever_the_plan_says(summary: str, libraries: list[str]) -> None:
    plan = Plan.model_construct(summary=summary, libraries=tuple(libraries), tasks=())
    read = tomllib.loads(pyproject("x", "0.1.0", plan, {"a.py": b""}))
    assert len(read["project"]["dependencies"]) == len(libraries)
    assert "\n" not in read["project"]["description"]


SRC: Mapping[str, bytes] = {
    "src/shop/__init__.py": b"",
    "src/shop/cli.py": b"from pathlib import Path\n\n\ndef main() -> None:\n    print(Path(__file__).with_name('data').joinpath('prices.csv').read_text())\n",
    "src/shop/data/prices.csv": b"apple,1",
    "src/shop/deep/down.py": b"x = 1\n",
    "tests/helpers.py": b"EXPECTED = 'apple,1\\n'\n",
    "tests/test_shop.py": b"from shop.cli import main\nfrom tests.helpers import EXPECTED\n\n\ndef test_main(capsys):\n    main()\n    assert capsys.readouterr().out == EXPECTED\n",
}


def test_packaging_says_what_is_to_be_installed() -> None:
    plan = Plan(name="shop", libraries=("rich",))
    read = tomllib.loads(pyproject("shop", "0.1.0", plan, SRC))
    assert read["tool"]["setuptools"] == {
        "packages": ["shop", "shop.deep"],
        "py-modules": [],
        "package-dir": {"": "src"},
        "package-data": {"shop": ["data/prices.csv"]},
    }
    assert read["project"]["scripts"] == {"shop": "shop.cli:main"}
    assert read["project"]["dependencies"] == ["rich"]
    flat = tomllib.loads(
        pyproject(
            "x", "0.1.0", plan, {"x.py": b"", "y.py": b"def main(argv): pass\n", "test_x.py": b"", "README.md": b""}
        )
    )
    assert flat["tool"]["setuptools"] == {"packages": [], "py-modules": ["x", "y"]}
    assert "scripts" not in flat["project"]


def test_a_project_that_has_packaging_keeps_it() -> None:
    own = {"pyproject.toml": b"[project]\nname = 'own'\n"}
    assert packaged("x", "0.1.0", Plan(), own) == own


TOOLS = (
    "setuptools",
    "setuptools-*.dist-info",
    "_distutils_hack",
    "pytest",
    "_pytest",
    "py.py",
    "pluggy",
    "iniconfig",
    "packaging",
    "pygments",
)


@pytest.mark.integration
@pytest.mark.parametrize("name", [*NAMES, "shop"])
def test_it_installs_and_its_tests_pass_in_a_clean_environment(tmp_path: Path, name: str) -> None:
    """Nothing is there but the standard library, setuptools and pytest; the tests see the installed project alone."""
    given = (
        hostile().model_copy(update={"project": "shop", "plan": Plan(name="shop"), "sources": SRC})
        if name == "shop"
        else project(name)
    )
    folder, tests, tools = (tmp_path / each for each in ("unpacked", "elsewhere", "tools"))
    for each in (folder, tests, tools):
        each.mkdir()
    root = f"{given.project}-0.1.0"
    with tarfile.open(fileobj=io.BytesIO(make_bundle(given).named(f"{root}.tar.gz"))) as tar:
        tar.extractall(folder, filter="data")
    packages = Path(pytest.__file__).parent.parent
    for found in (found for tool in TOOLS for found in packages.glob(tool)):
        (tools / found.name).symlink_to(found)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    python = tmp_path / "venv/bin/python"
    site = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    )
    Path(site.stdout.strip(), "tools.pth").write_text(f"{tools}\n")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(
        [*pip, "--no-index", "--no-build-isolation", folder / root], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for part in ("tests", "pyproject.toml"):
        (folder / root / part).rename(tests / part)
    done = subprocess.run([python, "-m", "pytest", "-q"], cwd=tests, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    if name == "shop":
        said = subprocess.run([tmp_path / "venv/bin/shop"], capture_output=True, text=True, check=True)
        assert said.stdout == "apple,1\n"
