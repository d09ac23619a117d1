"""What Python files import: equal to grimp where grimp can read, and beyond where it cannot."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration_assets.code.import_graph import build_graph
from tests.code.import_graph.trees import graph_of_tree, imported_by, leads_nowhere, write_tree

PACKAGE = {
    "pkg/__init__.py": "",
    "pkg/a.py": "",
    "pkg/b.py": "",
    "pkg/inner/__init__.py": "",
    "pkg/inner/c.py": "",
}


@pytest.mark.parametrize(
    ("source", "targets"),
    [
        ("import pkg.a", ["pkg.a"]),
        ("import pkg.a as other, pkg.inner.c", ["pkg.a", "pkg.inner.c"]),
        ("from pkg import a, b", ["pkg.a", "pkg.b"]),
        ("from pkg import something", ["pkg"]),
        ("from pkg import *", ["pkg"]),
        ("from pkg.inner.c import name", ["pkg.inner.c"]),
        ("from . import c", ["pkg.inner.c"]),
        ("from .. import a", ["pkg.a"]),
        ("from ..b import name as other", ["pkg.b"]),
        ("from .c import (\n    one,\n    two,\n)", ["pkg.inner.c"]),
        ("import \\\n    pkg.a", ["pkg.a"]),
        ("from .. \\\n    import a", ["pkg.a"]),
        ("def function():\n    import pkg.a", ["pkg.a"]),
        ("try:\n    import pkg.a\nexcept ImportError:\n    import pkg.b", ["pkg.a", "pkg.b"]),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from pkg.a import Name", ["pkg.a"]),
        ("import os; import pkg.a", ["pkg.a"]),
        ("if True: import pkg.a", ["pkg.a"]),
        ("import os, json\nimport pkg_of_another", []),
        ("text = '''\nimport pkg.a\n'''", []),
        ("# import pkg.a", []),
        ("\N{BYTE ORDER MARK}import pkg.a", ["pkg.a"]),
        ("import pkg.a\r\nimport pkg.b\r\n", ["pkg.a", "pkg.b"]),
    ],
)
def test_every_way_to_import(tmp_path: Path, source: str, targets: list[str]) -> None:
    graph = graph_of_tree(tmp_path, {**PACKAGE, "pkg/inner/importer.py": source})
    assert imported_by(graph, "pkg.inner.importer") == targets
    assert (graph.unresolved, graph.broken) == ([], [])


@pytest.mark.parametrize(
    "source",
    [
        "import pkg.missing",
        "from pkg.missing import name",
        "from .missing import name",
        "from ..inner.missing import name",
        "import os, pkg.missing",
        "from \\\n  pkg.missing import name",
        "if True: from pkg.missing import name",
        "from . . missing import name",
        "import os; import pkg.missing.deeper",
        "from ....... import name",
        "from . . . . import name",
        "from ..\\\n.. import name",
    ],
)
def test_an_import_of_ours_that_is_not_there_is_reported_with_its_line(tmp_path: Path, source: str) -> None:
    graph = graph_of_tree(tmp_path, {**PACKAGE, "pkg/inner/importer.py": "x = 1\n" + source})
    (found,) = graph.unresolved
    assert (found.module, found.line) == ("pkg.inner.importer", 2)


def test_what_text_says_of_imports_is_no_import(tmp_path: Path) -> None:
    graph = graph_of_tree(tmp_path, {**PACKAGE, "pkg/d.py": '"""\nfrom pkg.missing import x\nimport pkg.gone\n"""\n'})
    assert graph.unresolved == []


def test_compiled_modules_are_there_though_nothing_reads_them(tmp_path: Path) -> None:
    files = {
        **PACKAGE,
        "pkg/fast.cpython-311-x86_64-linux-gnu.so": "",
        "pkg/d.py": "from pkg.fast import x\nimport pkg.fast",
    }
    assert graph_of_tree(tmp_path, files).unresolved == []


def test_a_broken_file_is_reported_and_the_rest_graphed(tmp_path: Path) -> None:
    broken = {f"pkg/broken{number}.py": "def (:\n" for number in range(12)}
    graph = graph_of_tree(tmp_path, {**PACKAGE, **broken, "pkg/d.py": "import pkg.a", "pkg/e.py": "import pkg.broken3"})
    assert [each.file for each in graph.broken] == sorted(broken)
    assert graph.broken[0].sentence == "is no Python that can be parsed: invalid syntax (line 1)"
    assert (imported_by(graph, "pkg.d"), imported_by(graph, "pkg.e")) == (["pkg.a"], ["pkg.broken3"])


def test_later_syntax_than_this_interpreters_is_read(tmp_path: Path) -> None:
    graph = graph_of_tree(tmp_path, {**PACKAGE, "pkg/d.py": "import pkg.a\ntype Name = int\n"})
    assert (imported_by(graph, "pkg.d"), graph.broken) == (["pkg.a"], [])


def test_flat_scripts_import_each_other(tmp_path: Path) -> None:
    graph = graph_of_tree(tmp_path, {"run.py": "import helper\nfrom helper import x\nimport os", "helper.py": ""})
    assert (graph.modules, graph.edges) == (["helper", "run"], [("run", "helper")])


def test_scripts_in_a_folder_find_what_lies_beside_them(tmp_path: Path) -> None:
    files = {
        "scripts/run.py": "import helper\nimport json\nimport tools.a",
        "scripts/helper.py": "",
        "scripts/json.py": "",
    }
    graph = graph_of_tree(tmp_path, {**files, "scripts/tools/a.py": ""})
    assert imported_by(graph, "scripts.run") == ["scripts.helper", "scripts.tools.a"]


def test_hundreds_of_flat_scripts(tmp_path: Path) -> None:
    files = {f"script{number}.py": f"import script{number + 1}" for number in range(300)}
    graph = graph_of_tree(tmp_path, files)
    assert len(graph.edges) == 299
    assert [each.written for each in graph.unresolved] == []


def test_namespace_packages_are_packages(tmp_path: Path) -> None:
    files = {
        "company/team/one/__init__.py": "from company.team import two\nfrom company.team.two.thing import x",
        "company/team/two/__init__.py": "",
        "company/team/two/thing.py": "from company.team import gone",
    }
    graph = graph_of_tree(tmp_path, files)
    assert imported_by(graph, "company.team.one") == ["company.team.two", "company.team.two.thing"]
    assert leads_nowhere(graph) == [("company.team.two.thing", "company.team.gone")]


def test_a_folder_without_init_inside_a_package_is_left_out_as_grimp_does_unless_asked_for(tmp_path: Path) -> None:
    files = {
        **PACKAGE,
        "pkg/loose/mod.py": "import pkg.a",
        "pkg/d.py": "from pkg.loose import mod\nimport pkg.loose.mod",
    }
    graph = graph_of_tree(tmp_path, files)
    assert "pkg.loose.mod" not in graph.modules
    assert [each.file for each in graph.broken] == ["pkg/loose"]
    assert graph.unresolved == []
    asked = build_graph(tmp_path, implicit_packages=True)
    assert imported_by(asked, "pkg.d") == ["pkg.loose.mod"]
    assert (imported_by(asked, "pkg.loose.mod"), asked.broken) == (["pkg.a"], [])


def test_the_root_may_lie_in_a_package(tmp_path: Path) -> None:
    write_tree(tmp_path, PACKAGE)
    (tmp_path / "pkg/inner/d.py").write_text(
        "from pkg import a\nfrom .c import x\nfrom ..b import y\nimport pkg.inner.gone"
    )
    graph = build_graph(tmp_path / "pkg/inner")
    assert graph.modules == ["pkg.inner", "pkg.inner.c", "pkg.inner.d"]
    assert imported_by(graph, "pkg.inner.d") == ["pkg.inner", "pkg.inner.c"]
    assert leads_nowhere(graph) == [("pkg.inner.d", "pkg.inner.gone")]


def test_source_folders_are_no_packages(tmp_path: Path) -> None:
    graph = graph_of_tree(
        tmp_path, {"src/app/__init__.py": "", "src/app/m.py": "", "tests/test_m.py": "from app import m"}
    )
    assert imported_by(graph, "tests.test_m") == ["app.m"]


def test_services_that_use_the_same_names_are_told_apart(tmp_path: Path) -> None:
    service = {"pyproject.toml": "", "app/__init__.py": "", "app/main.py": "import app.models", "app/models.py": ""}
    files = {f"services/{name}/{path}": content for name in ("one", "two") for path, content in service.items()}
    graph = graph_of_tree(tmp_path, files)
    assert imported_by(graph, "services.one.app.main") == ["services.one.app.models"]
    assert imported_by(graph, "services.two.app.main") == ["services.two.app.models"]


def test_a_package_goes_before_a_module_of_the_same_name(tmp_path: Path) -> None:
    graph = graph_of_tree(
        tmp_path, {"a.py": "import b", "b.py": "import hidden", "b/__init__.py": "import c", "c.py": ""}
    )
    assert graph.modules == ["a", "b", "b.py", "c"]
    assert graph.edges == [("a", "b"), ("b", "c")]


def test_a_file_whose_name_no_import_can_spell_is_named_by_its_path(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Grimp would panic: its names are dotted."""
    modules = {f"pkg/m{number}.py": "import pkg.m0\n" for number in range(12)}
    graph = graph_of_tree(
        tmp_path, {"pkg/__init__.py": "", **modules, "pkg/hook.api.py": "from . import m1\nimport pkg.settings\n"}
    )
    assert "pkg/hook.api.py" in graph.modules and "pkg.hook" not in graph.modules
    assert imported_by(graph, "pkg/hook.api.py") == ["pkg", "pkg.m1"]
    assert [each.written for each in graph.unresolved] == ["pkg.settings"]
    assert "panicked" not in capfd.readouterr().err


def test_names_are_compared_whole(tmp_path: Path) -> None:
    graph = graph_of_tree(tmp_path, {"app.py": "import db", "db.py": "", "mydb.py": "", "my/db.py": "", "db2.py": ""})
    assert graph.edges == [("app", "db")]


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-8", "shift_jis", "koi8-r"])
def test_sources_in_other_encodings(tmp_path: Path, encoding: str) -> None:
    text = {"shift_jis": "日本", "koi8-r": "имя"}.get(encoding, "café")
    source = f"# -*- coding: {encoding} -*-\nname = '{text}'\nimport pkg.a\n".encode(encoding)
    graph = graph_of_tree(tmp_path, {**PACKAGE, "pkg/d.py": source})
    assert (imported_by(graph, "pkg.d"), graph.broken) == (["pkg.a"], [])


def test_names_that_are_not_ascii(tmp_path: Path) -> None:
    graph = graph_of_tree(tmp_path, {"größe.py": "", "a.py": "import größe\nfrom größe import x"})
    assert graph.edges == [("a", "größe")]


imports = st.lists(
    st.sampled_from(
        [
            "import {name}",
            "import {name} as z",
            "from {name} import x",
            "from {name} import *",
            "from {parent} import {leaf}",
            "from {parent} import {leaf}, x",
            "from . import {leaf}",
            "from .{leaf} import x",
            "from .. import {leaf}",
            "def f():\n    import {name}",
            "try:\n    import {name}\nexcept ImportError: import {parent}",
            "if TYPE_CHECKING:\n    from {name} import x",
            "import os, {name}",
        ]
    ),
    max_size=4,
)
MODULES = [
    "top",
    "top.a",
    "top.b",
    "top.in1",
    "top.in1.c",
    "top.in1.in2",
    "top.in1.in2.d",
    "top.a.gone",
    "top.gone",
    "other",
]
trees = st.fixed_dictionaries(
    {
        "init": st.sets(st.sampled_from(["", "in1", "in1/in2"])),
        "sources": st.lists(
            st.tuples(imports, st.lists(st.sampled_from(MODULES), min_size=4, max_size=4)), min_size=7, max_size=7
        ),
    }
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(trees)
def test_generated_packages_equal_grimp(tmp_path_factory: pytest.TempPathFactory, tree: dict[str, object]) -> None:
    """With and without `__init__.py` on every level; whatever names what is not there."""
    import grimp

    folder = tmp_path_factory.mktemp("generated")
    names = ["a.py", "b.py", "in1/c.py", "in1/in2/d.py", "__init__.py", "in1/__init__.py", "in1/in2/__init__.py"]
    inits = tree["init"]
    files = {}
    for path, (forms, targets) in zip(names, tree["sources"], strict=True):  # type: ignore[call-overload]
        if path.endswith("__init__.py") and path.removesuffix("__init__.py").strip("/") not in inits:  # type: ignore[operator]
            continue
        lines = [
            form.format(name=target, parent=target.rpartition(".")[0] or target, leaf=target.rpartition(".")[2])
            for form, target in zip(forms, targets, strict=False)
            if not (form.startswith("from ..") and "/" not in path)
        ]
        files[f"top/{path}"] = "\n".join(lines)
    write_tree(folder, files)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        reference = grimp.build_graph("top", cache_dir=None)
    finally:
        sys.path.remove(str(folder))
    graph = build_graph(folder)
    theirs = {(name, each) for name in reference.modules for each in reference.find_modules_directly_imported_by(name)}
    assert set(graph.modules) == set(reference.modules)
    assert set(graph.edges) == theirs
    # And read here, one by one, as a refresh does.
    for path, source in files.items():
        (folder / path).write_text(source + "\n#")
        graph.refresh([folder / path])
    assert set(graph.edges) == theirs


def test_a_source_that_panics_the_scanner_says_nothing_on_the_terminal(tmp_path: Path) -> None:
    write_tree(tmp_path, {**PACKAGE, "pkg/d.py": "from ........... import x", "script.py": "from . . import x"})
    code = f"from pathlib import Path; from orchestration_assets.code.import_graph import build_graph as b; print(len(b(Path({str(tmp_path)!r})).unresolved))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[3], check=True
    )
    assert (done.stdout, done.stderr) == ("2\n", "")
