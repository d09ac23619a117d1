"""A graph that is kept up to date equals one that is made anew."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration_assets.code.import_graph import ImportGraph, build_graph
from tests.code.import_graph.trees import graph_of_tree, imported_by, write_tree

TREE = {
    "pkg/__init__.py": "",
    "pkg/a.py": "import pkg.b",
    "pkg/b.py": "",
    "web/a.ts": "import './b'",
    "web/b.ts": "",
    "web/package.json": '{"name": "web"}',
}


def everything(graph: ImportGraph) -> object:
    return graph.modules, graph.edges, graph.unresolved, graph.broken


@pytest.mark.parametrize(
    ("name", "source", "module", "targets"),
    [
        ("pkg/b.py", "import pkg.a", "pkg.b", ["pkg.a"]),
        ("pkg/a.py", "", "pkg.a", []),
        ("pkg/a.py", "import (", "pkg.a", []),
        ("pkg/a.py", "import pkg.b\ntype Later = int", "pkg.a", ["pkg.b"]),
        ("pkg/new.py", "import pkg.b", "pkg.new", ["pkg.b"]),
        ("web/b.ts", "import './a'; import './gone'", "web/b.ts", ["web/a.ts"]),
        ("web/a.ts", "export const = ", "web/a.ts", []),
        ("web/b.js", "", "web/a.ts", ["web/b.js"]),
        ("web/b/index.ts", "", "web/a.ts", ["web/b.ts"]),
        ("web/tsconfig.json", '{"compilerOptions": {"paths": {"x": ["./b"]}}}', "web/a.ts", ["web/b.ts"]),
    ],
)
@pytest.mark.parametrize("told", [True, False])
def test_one_changed_file(tmp_path: Path, name: str, source: str, module: str, targets: list[str], told: bool) -> None:
    graph = graph_of_tree(tmp_path, TREE)
    assert graph.edges == [("pkg.a", "pkg.b"), ("web/a.ts", "web/b.ts")]
    write_tree(tmp_path, {name: source})
    graph.refresh([Path(name)] if told else None)
    assert imported_by(graph, module) == targets
    assert everything(graph) == everything(build_graph(tmp_path))


@pytest.mark.parametrize("name", ["pkg/b.py", "web/b.ts", "pkg/__init__.py", "pkg"])
def test_what_is_gone_leaves_the_graph(tmp_path: Path, name: str) -> None:
    graph = graph_of_tree(tmp_path, TREE)
    gone = tmp_path / name
    shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
    graph.refresh([gone])
    assert everything(graph) == everything(build_graph(tmp_path))


def test_only_what_is_told_is_looked_at(tmp_path: Path) -> None:
    graph = graph_of_tree(tmp_path, TREE)
    write_tree(tmp_path, {"pkg/a.py": "", "web/a.ts": ""})
    graph.refresh([tmp_path / "pkg/a.py"])
    assert graph.edges == [("web/a.ts", "web/b.ts")]
    graph.refresh([tmp_path.parent / "elsewhere.py"])
    assert graph.edges == [("web/a.ts", "web/b.ts")]


def test_a_file_with_the_same_time_size_and_inode_is_not_read_again(tmp_path: Path) -> None:
    graph = graph_of_tree(tmp_path, TREE)
    for name in ("pkg/a.py", "web/a.ts"):
        path = tmp_path / name
        before = path.stat()
        path.write_text("#" * before.st_size if name.endswith("py") else " " * before.st_size)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        graph.refresh([path])
    graph.refresh()
    assert graph.edges == [("pkg.a", "pkg.b"), ("web/a.ts", "web/b.ts")]
    (tmp_path / "pkg/a.py").touch()
    graph.refresh()
    assert graph.edges == [("web/a.ts", "web/b.ts")]


def test_a_root_that_goes_and_comes_back(tmp_path: Path) -> None:
    graph = graph_of_tree(tmp_path / "root", TREE)
    (tmp_path / "link").symlink_to("root")
    linked = build_graph(tmp_path / "link")
    write_tree(tmp_path / "root", {"pkg/b.py": "import pkg.a"})
    for path in (tmp_path / "link/pkg/b.py", tmp_path / "root/pkg/b.py"):
        linked.refresh([path])
        assert imported_by(linked, "pkg.b") == ["pkg.a"]
    graph.refresh()
    assert everything(graph) == everything(linked)


changes = st.lists(
    st.tuples(
        st.sampled_from([*TREE, "pkg/c.py", "web/c.ts", "web/index.js", "c.py", "web/lib/index.ts", "package.json"]),
        st.sampled_from(
            [
                None,
                "",
                "import pkg.b",
                "from . import c",
                "import './c'",
                "import './lib'",
                "import (",
                '{"workspaces": ["web"]}',
                "import 'web'",
            ]
        ),
    ),
    max_size=6,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes, st.booleans())
def test_any_changes_in_any_order(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str | None]], told: bool
) -> None:
    root = tmp_path_factory.mktemp("changing")
    graph = graph_of_tree(root, TREE)
    for name, source in steps:
        if source is None:
            (root / name).unlink(missing_ok=True)
        else:
            write_tree(root, {name: source})
            # The clock of a file system may not move between two writes of the same size.
            os.utime(root / name, ns=(time.time_ns(), time.time_ns()))
        graph.refresh([root / name] if told else None)
        assert everything(graph) == everything(build_graph(root))
