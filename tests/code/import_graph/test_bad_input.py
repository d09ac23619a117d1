"""Hostile and broken trees: one sentence each or done, never a traceback, never a hang, never a step out of the folder."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from orchestration_assets.code.import_graph import build_graph, javascript_scan
from resources.errors import BadInput
from tests.code.import_graph.trees import graph_of_tree, imported_by, write_tree

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", ["missing", "file.py", "loop", "file.py/below"])
def test_a_root_that_is_no_folder_is_one_sentence(tmp_path: Path, name: str) -> None:
    write_tree(tmp_path, {"file.py": ""})
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(BadInput) as error:
        build_graph(tmp_path / name)
    assert str(error.value).startswith(str(tmp_path / name))
    assert "name the folder" in str(error.value)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody who may not read")
def test_folders_and_files_that_may_not_be_read(tmp_path: Path) -> None:
    write_tree(
        tmp_path,
        {"a.py": "import b", "b.py": "", "secret.py": "", "hidden.ts": "", "locked/c.py": "", "closed/d.py": ""},
    )
    known = write_tree(tmp_path / "known", {"a.py": "", "a.ts": ""})
    for name, mode in (("secret.py", 0), ("hidden.ts", 0), ("locked", 0)):
        (tmp_path / name).chmod(mode)
    for folder in [tmp_path, *list(tmp_path.parents)[:3]]:
        folder.chmod(0o755)
    code = (
        f"import os, sys; sys.path.insert(0, {str(ROOT)!r}); from pathlib import Path\n"
        "from orchestration_assets.code.import_graph import build_graph\n"
        # Whoever may not read the tree may not read the interpreter either, so all of it is imported before.
        f"import hashlib, json, ast; build_graph(Path({str(known)!r})).to_json(); from concurrent import futures\n"
        "os.setuid(65534)\n"
        f"graph = build_graph(Path({str(tmp_path)!r}))\n"
        "print([(each.file, each.sentence) for each in graph.broken], graph.edges)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    (tmp_path / "locked").chmod(0o755)
    assert done.stderr == ""
    assert done.stdout == (
        "[('hidden.ts', 'cannot be read: Permission denied'), ('locked', 'cannot be listed (Permission denied)'),"
        " ('secret.py', 'cannot be read: Permission denied')] [('a', 'b')]\n"
    )


def test_links_are_not_walked_and_never_lead_out(tmp_path: Path) -> None:
    outside = write_tree(tmp_path / "outside", {"secret.py": "", "secret.js": "", "more/x.py": ""})
    root = write_tree(
        tmp_path / "root",
        {"pkg/__init__.py": "", "pkg/a.py": "import pkg.loop.pkg.a", "pkg/b.js": "import './out.js'; import './in'"},
    )
    (root / "pkg/loop").symlink_to(root)
    (root / "pkg/self").symlink_to("self")
    (root / "pkg/out").symlink_to(outside / "more")
    (root / "pkg/out.js").symlink_to(outside / "secret.js")
    (root / "pkg/out.py").symlink_to("../../outside/secret.py")
    (root / "pkg/in.js").symlink_to("b.js")
    (root / "pkg/alias.py").symlink_to("a.py")
    graph = build_graph(root)
    assert graph.modules == ["pkg", "pkg.a", "pkg.alias", "pkg/b.js", "pkg/in.js"]
    assert imported_by(graph, "pkg/b.js") == ["pkg/b.js"]
    assert imported_by(graph, "pkg.a") == []
    assert {each.file: each.sentence for each in graph.broken} == {
        "pkg/out": "is a link that leads out of the tree, and was not followed",
        "pkg/out.js": "is a link that leads out of the tree, and was not followed",
        "pkg/out.py": "is a link that leads out of the tree, and was not followed",
        "pkg/self": "is a link that leads nowhere",
    }


def test_what_is_no_regular_file_is_not_read(tmp_path: Path) -> None:
    write_tree(tmp_path, {"a.py": "import b", "b.py": ""})
    os.mkfifo(tmp_path / "pipe.py")
    os.mkfifo(tmp_path / "pipe.js")
    assert build_graph(tmp_path).modules == ["a", "b"]


def test_a_file_that_turns_into_a_pipe_or_goes_does_not_hold_up(tmp_path: Path) -> None:
    graph = graph_of_tree(tmp_path, {"a.py": "import b", "b.py": "", "c.js": "import './d'", "d.js": ""})
    for name in ("b.py", "d.js"):
        (tmp_path / name).unlink()
        os.mkfifo(tmp_path / name)
    graph.refresh()
    assert graph.modules == ["a", "c.js"]
    assert [each.written for each in graph.unresolved] == ["./d"]


@pytest.mark.parametrize(
    "source",
    [
        b"\0\0\0",
        b"\xff\xfe\x00",
        b"# coding: nonsense\n",
        b"x = (" * 3000,
        b"if 1:\n" * 300,
        b"\xc3\x28 = 1\n",
        b"print 'hello'\n",
        b"x = '\n",
        b"import " + b"a" * 6000 + b".b\nx = (\n",
    ],
)
def test_python_that_is_none_is_reported_and_the_rest_graphed(tmp_path: Path, source: bytes) -> None:
    graph = graph_of_tree(
        tmp_path,
        {"pkg/__init__.py": "", "pkg/a.py": "import pkg.bad", "pkg/bad.py": source, "pkg/b.py": "import pkg.a"},
    )
    assert [each.file for each in graph.broken] == ["pkg/bad.py"]
    assert graph.edges == [("pkg.a", "pkg.bad"), ("pkg.b", "pkg.a")]


@pytest.mark.integration
@pytest.mark.parametrize(
    "chain", ["a" + ".a" * 400_000, "a" + "()" * 400_000, "1" + "+1" * 400_000, "a" + "[0]" * 300_000]
)
def test_expressions_nested_deeper_than_any_stack_do_not_end_the_process(tmp_path: Path, chain: str) -> None:
    files = {f"pkg/f{number}.py": f"x = {chain}\n" if number % 2 else "import pkg\n" for number in range(24)}
    write_tree(tmp_path, {**files, "pkg/__init__.py": ""})
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from pathlib import Path; from orchestration_assets.code.import_graph import build_graph as b; g = b(Path({str(tmp_path)!r})); print(len(g.edges))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "12\n", "")


def test_files_that_are_too_large_to_be_sources(tmp_path: Path) -> None:
    large = b"x = 1\n" * 1_500_000
    graph = graph_of_tree(tmp_path, {"large.py": large, "large.js": large, "a.py": "import large"})
    assert graph.edges == [("a", "large")]
    assert [each.file for each in graph.broken] == ["large.js", "large.py"]
    assert all("bytes, more than the 8,388,608 that are read" in each.sentence for each in graph.broken)


@pytest.mark.parametrize(
    "source",
    [
        b"(" * 60_000,
        b"`${" * 20_000,
        b"<a>{" * 15_000,
        b"\0" * 30_000,
        b"import " * 4000,
        b"export * from " * 2000,
        b"import('" * 3000,
    ],
)
@pytest.mark.parametrize("ending", ["js", "tsx"])
def test_javascript_that_is_none_is_reported_and_the_rest_graphed(tmp_path: Path, source: bytes, ending: str) -> None:
    graph = graph_of_tree(tmp_path, {f"bad.{ending}": source, "a.ts": "import './bad'"})
    assert graph.edges == [("a.ts", f"bad.{ending}")]
    assert [each.file for each in graph.broken] == [f"bad.{ending}"]


@pytest.mark.integration
def test_a_source_that_takes_the_parser_for_ever_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parser takes the square of such a text: hours for a megabyte. It is one of a hundred, and only it is lost."""
    monkeypatch.setattr(javascript_scan, "SECONDS_A_FILE", 1.0)
    files: dict[str, str | bytes] = {
        f"f{number}.ts": f"import './f{number + 1}'\n" + "const x = 1\n" * 500 for number in range(100)
    }
    started = time.monotonic()
    graph = graph_of_tree(tmp_path, {**files, "f50.ts": b"a<b," * 200_000})
    assert time.monotonic() - started < 20
    assert [(each.file, each.sentence) for each in graph.broken] == [
        ("f50.ts", "cannot be parsed in 1 seconds, and was left out")
    ]
    assert len(graph.edges) == 98


@pytest.mark.integration
def test_what_a_process_takes_to_start_is_no_files_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = tmp_path / "slow.py"
    slow.write_text(
        "import runpy, time\n\ntime.sleep(1.5)\n"
        f"runpy.run_path({javascript_scan.javascript_imports.__file__!r}, run_name='__main__')\n"
    )
    monkeypatch.setattr(javascript_scan.javascript_imports, "__file__", str(slow))
    monkeypatch.setattr(javascript_scan, "SECONDS_A_FILE", 0.5)
    monkeypatch.setattr(javascript_scan, "READ_HERE", 0)
    graph = graph_of_tree(tmp_path / "tree", {"a.ts": "import './b'", "b.ts": "export const b = 1"})
    assert (graph.edges, graph.broken) == ([("a.ts", "b.ts")], [])


@pytest.mark.parametrize(
    "name", ["new\nline.py", 'quote".js', "-rf.py", "ümläut.ts", "tab\tin.js", "[red]x[/red].js", "\x1b[31m.js", "'.py"]
)
def test_names_of_files_are_data(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    from orchestration_assets.deps_command import show_dependencies

    graph = graph_of_tree(tmp_path, {name: "import './gone'" if name.endswith(("js", "ts")) else "import", "a.py": ""})
    assert len(graph.modules) == 2
    show_dependencies(tmp_path, as_json=False, as_mermaid=False, cycles=False, critical_path=False)
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    diagram = graph.to_mermaid()
    assert diagram.count("\n") == 3
    assert all(line.count('"') == 2 for line in diagram.splitlines()[1:])


def test_names_that_are_no_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from orchestration_assets.deps_command import show_dependencies

    for name in (b"\xff\xfe.py", b"\xff.js"):
        (Path(os.fsdecode(bytes(tmp_path) + b"/" + name))).write_text("import './x'")
    for as_json, as_mermaid in ((True, False), (False, True), (False, False)):
        show_dependencies(tmp_path, as_json=as_json, as_mermaid=as_mermaid, cycles=False, critical_path=False)
    capsys.readouterr().out.encode()


def test_very_deep_folders(tmp_path: Path) -> None:
    deep = tmp_path / "/".join(["d" * 50] * 60)
    deep.mkdir(parents=True)
    (deep / "a.js").write_text("import '../b'")
    (deep.parent / "b.js").write_text("")
    assert len(build_graph(tmp_path).edges) == 1


@pytest.mark.integration
def test_fifty_thousand_files_in_bounded_memory_and_time(tmp_path: Path) -> None:
    for number in range(25_000):
        folder = tmp_path / f"p{number // 500}"
        folder.mkdir(exist_ok=True)
        others = [(number * 7919 + step * 104_729) % 25_000 for step in range(1, 5)]
        (folder / f"f{number}.py").write_text("".join(f"import p{each // 500}.f{each}\n" for each in others))
        (folder / f"f{number}.js").write_text("".join(f"import '../p{each // 500}/f{each}'\n" for each in others))
    code = f"""
import resource, sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from orchestration_assets.code.import_graph import build_graph
graph = build_graph(Path({str(tmp_path)!r}))
graph.to_json()
print(len(graph.modules), len(graph.edges), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
    modules, edges, megabytes = map(int, done.stdout.split())
    assert (modules, edges) == (50_050, 200_000)
    assert megabytes < 1000
