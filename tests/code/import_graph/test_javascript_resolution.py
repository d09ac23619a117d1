"""Which file an import of JavaScript or TypeScript means: the rules of Node, of packages and workspaces, of TypeScript's configuration."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestration_assets.code.import_graph import build_graph
from tests.code.import_graph.trees import graph_of_tree, imported_by, leads_nowhere, write_tree


@pytest.mark.parametrize(
    ("written", "files", "target"),
    [
        ("./x.js", ["x.js"], "x.js"),
        ("./x", ["x.js", "x.ts"], "x.js"),
        ("./x", ["x.ts", "x.d.ts"], "x.ts"),
        ("./x", ["x.d.ts"], "x.d.ts"),
        ("./x", ["x.tsx", "x/index.js"], "x.tsx"),
        ("./x", ["x/index.js"], "x/index.js"),
        ("./x/", ["x.js", "x/index.ts"], "x/index.ts"),
        (".", ["index.js"], "index.js"),
        ("./", ["index.mjs"], "index.mjs"),
        ("./x", ["x.json"], "x.json"),
        ("./x.json", ["x.json"], "x.json"),
        ("./style.css", ["style.css"], "style.css"),
        ("./x.js", ["x.ts"], "x.ts"),
        ("./x.js", ["x.tsx"], "x.tsx"),
        ("./x.jsx", ["x.tsx"], "x.tsx"),
        ("./x.mjs", ["x.mts"], "x.mts"),
        ("./x.cjs", ["x.cts", "x.ts"], "x.cts"),
        ("./x.js", ["x.js", "x.ts"], "x.js"),
        ("./x.min", ["x.min.js", "x.js"], "x.min.js"),
        ("./x", ["xx.js", "sub/x.js", "x.jsx.txt"], None),
        ("./X", ["x.js"], None),
        ("./x.mjs", ["x.ts"], None),
        ("../x", ["x.js"], None),
        ("/x.js", ["x.js"], None),
    ],
)
def test_extensions_and_folders(tmp_path: Path, written: str, files: list[str], target: str | None) -> None:
    graph = graph_of_tree(tmp_path, {**dict.fromkeys(files, ""), "importer.ts": f"import '{written}'"})
    assert imported_by(graph, "importer.ts") == ([target] if target else [])
    assert leads_nowhere(graph) == ([] if target else [("importer.ts", written)])


def package(root: Path, manifest: object, files: list[str], source: str) -> list[tuple[str, str]]:
    """What `importer.js` inside the package `me` imports, and what leads nowhere."""
    tree = {**dict.fromkeys(files, ""), "package.json": json.dumps({"name": "me", **manifest}), "importer.js": source}  # type: ignore[dict-item]
    graph = graph_of_tree(root, tree)
    return [(each, "") for each in imported_by(graph, "importer.js")] + [
        (each.written, each.reason) for each in graph.unresolved
    ]


def test_exports_by_conditions(tmp_path: Path) -> None:
    manifest = {"exports": {".": {"require": "./c.cjs", "import": "./m.mjs", "default": "./d.js"}}}
    files = ["c.cjs", "m.mjs", "d.js"]
    assert package(tmp_path / "a", manifest, files, "import 'me'") == [("m.mjs", "")]
    assert package(tmp_path / "b", manifest, files, "require('me')") == [("c.cjs", "")]
    nested = {"exports": {"node": {"browser": "./c.cjs", "import": {"development": "./c.cjs", "default": "./m.mjs"}}}}
    assert package(tmp_path / "c", nested, files, "import 'me'") == [("m.mjs", "")]
    types = {"exports": {".": {"types": "./d.ts", "default": "./m.mjs"}, "./only": {"types": "./only.d.ts"}}}
    found = package(tmp_path / "d", types, ["d.ts", "m.mjs", "only.d.ts"], "import 'me'; import 'me/only'")
    assert found == [("m.mjs", ""), ("only.d.ts", "")]


def test_exports_by_patterns(tmp_path: Path) -> None:
    exports = {
        "./x/*": "./lib/*.js",
        "./x/own/*": "./own/*.js",
        "./x/none/*": None,
        "./y/*.js": "./lib/*.js",
        "./z": ["./no.js", "./z.js"],
    }
    files = ["lib/a.js", "own/a.js", "lib/none/a.js", "z.js", "lib/sub/b.js"]
    source = "import 'me/x/a'; import 'me/x/own/a'; import 'me/y/sub/b.js'; import 'me/z'; import 'me/x/none/a'; import 'me/lib/a.js'"
    found = package(tmp_path, {"exports": exports}, files, source)
    assert [name for name, reason in found if not reason] == ["lib/a.js", "lib/sub/b.js", "own/a.js", "z.js"]
    assert {name: reason for name, reason in found if reason} == {
        "me/x/none/a": "the package me does not export it",
        "me/lib/a.js": "the package me does not export it",
    }


def test_exports_never_lead_out_of_the_package(tmp_path: Path) -> None:
    files = {
        "out.js": "",
        "p/package.json": json.dumps(
            {"name": "p", "exports": {"./a": "./../out.js", "./b": "../out.js", "./c": "/out.js"}}
        ),
        "p/i.js": "import 'p/a'; import 'p/b'; import 'p/c'",
    }
    graph = graph_of_tree(tmp_path, files)
    assert graph.edges == []
    assert len(graph.unresolved) == 3


def test_a_package_without_exports_does_not_know_itself(tmp_path: Path) -> None:
    assert package(tmp_path, {"main": "./m.js"}, ["m.js"], "import 'me'") == []


def test_own_imports(tmp_path: Path) -> None:
    imports = {
        "#a": "./lib/a.js",
        "#dir/*": "./lib/*.js",
        "#cond": {"browser": "./no.js", "default": "./lib/b.js"},
        "#dep": "elsewhere",
    }
    source = "import '#a'; import '#dir/c'; import '#cond'; import '#dep'; import '#none'"
    found = package(tmp_path, {"imports": imports}, ["lib/a.js", "lib/b.js", "lib/c.js"], source)
    assert found == [
        ("lib/a.js", ""),
        ("lib/b.js", ""),
        ("lib/c.js", ""),
        ("#none", "is not named under imports in the package.json of me"),
    ]


@pytest.mark.parametrize(
    ("manifest", "target"),
    [
        ({"main": "lib/main.js"}, "pkg/lib/main.js"),
        ({"main": "./lib/main"}, "pkg/lib/main.js"),
        ({"main": "lib"}, "pkg/lib/index.js"),
        ({"main": "lib/main.js", "module": "esm.js"}, "pkg/esm.js"),
        ({"main": "gone.js"}, "pkg/index.js"),
        ({"types": "t.d.ts"}, "pkg/t.d.ts"),
        ({"main": 3}, "pkg/index.js"),
        ({}, "pkg/index.js"),
    ],
)
def test_the_main_file_of_a_folder(tmp_path: Path, manifest: object, target: str) -> None:
    files = dict.fromkeys(["pkg/lib/main.js", "pkg/lib/index.js", "pkg/esm.js", "pkg/index.js", "pkg/t.d.ts"], "")
    graph = graph_of_tree(tmp_path, {**files, "pkg/package.json": json.dumps(manifest), "i.js": "import './pkg'"})
    assert imported_by(graph, "i.js") == [target]


WORKSPACE = {
    "packages/one/package.json": '{"name": "@me/one", "main": "src/index.ts"}',
    "packages/one/src/index.ts": "",
    "packages/one/src/deep.ts": "",
    "packages/two/package.json": '{"name": "two", "exports": {".": "./index.js", "./sub": "./sub.js"}}',
    "packages/two/index.js": "",
    "packages/two/sub.js": "",
    "apps/app/package.json": '{"name": "app"}',
    "apps/app/main.ts": "import '@me/one'; import '@me/one/src/deep'; import 'two/sub'; import 'two/gone'; import 'react'",
}


@pytest.mark.parametrize(
    "lists",
    [
        {"package.json": '{"workspaces": ["packages/*", "apps/app"]}'},
        {"package.json": '{"workspaces": {"packages": ["./packages/**", "apps/*"]}}'},
        {"pnpm-workspace.yaml": "packages:\n  - 'packages/*'\n  - apps/*\n", "package.json": "{}"},
        {"lerna.json": '{"packages": ["packages/*", "!packages/none"]}', "package.json": "{}"},
    ],
)
def test_packages_of_a_workspace_import_each_other_by_name(tmp_path: Path, lists: dict[str, str]) -> None:
    graph = graph_of_tree(tmp_path, {**WORKSPACE, **lists})
    assert imported_by(graph, "apps/app/main.ts") == [
        "packages/one/src/deep.ts",
        "packages/one/src/index.ts",
        "packages/two/sub.js",
    ]
    assert [(each.written, each.reason) for each in graph.unresolved] == [
        ("two/gone", "the package two does not export it")
    ]


def test_a_package_that_no_workspace_lists_is_of_elsewhere(tmp_path: Path) -> None:
    lists = {"package.json": '{"workspaces": ["packages/*", "!packages/two", "apps/*"]}'}
    graph = graph_of_tree(tmp_path, {**WORKSPACE, **lists})
    assert imported_by(graph, "apps/app/main.ts") == ["packages/one/src/deep.ts", "packages/one/src/index.ts"]


def test_links_in_node_modules_and_what_is_installed(tmp_path: Path) -> None:
    write_tree(
        tmp_path, {**WORKSPACE, "node_modules/two/package.json": "{}", "node_modules/two/index.js": "import './x'"}
    )
    (tmp_path / "node_modules/@me").mkdir()
    (tmp_path / "node_modules/@me/one").symlink_to("../../packages/one")
    (tmp_path / "package.json").write_text('{"workspaces": ["packages/*"]}')
    graph = build_graph(tmp_path)
    assert imported_by(graph, "apps/app/main.ts") == ["packages/one/src/deep.ts", "packages/one/src/index.ts"]
    assert (graph.unresolved, graph.broken) == ([], [])
    assert not any("node_modules" in module for module in graph.modules)


def test_dependencies_that_are_folders(tmp_path: Path) -> None:
    files = {
        "lib/index.js": "",
        "app/package.json": '{"dependencies": {"lib": "file:../lib", "out": "link:../../out"}}',
        "app/i.js": "import 'lib'; import 'out'",
    }
    assert imported_by(graph_of_tree(tmp_path, files), "app/i.js") == ["lib/index.js"]


SOURCES = dict.fromkeys(["src/a.ts", "src/util/b.ts", "src/util/index.ts", "generated/a.ts"], "")


@pytest.mark.parametrize(
    ("options", "written", "target"),
    [
        ('"baseUrl": "src"', "util/b", "src/util/b.ts"),
        ('"baseUrl": "./src", "paths": {"@/*": ["*"]}', "@/a", "src/a.ts"),
        ('"paths": {"@/*": ["./src/*"]}', "@/util", "src/util/index.ts"),
        ('"paths": {"@a": ["src/a.ts"], "@*": ["none/*"]}', "@a", "src/a.ts"),
        ('"paths": {"~*": ["./generated/*", "./src/*"]}', "~a", "generated/a.ts"),
        ('"paths": {"~*": ["./generated/*", "./src/*"]}', "~util/b", "src/util/b.ts"),
        ('"paths": {"@/*": ["none/*"], "@/util/*": ["./src/util/*"]}', "@/util/b", "src/util/b.ts"),
        ('"paths": {"*/gen": ["./generated/*"]}', "a/gen", "generated/a.ts"),
        ('"paths": {"#own/*": ["./src/*"]}', "#own/a", "src/a.ts"),
        ('// a comment\n"paths": { /* another */ "@/*": ["./src/*", ], },', "@/a", "src/a.ts"),
        ('"baseUrl": "${configDir}/src"', "a", "src/a.ts"),
    ],
)
@pytest.mark.parametrize("name", ["tsconfig.json", "jsconfig.json"])
def test_paths_of_the_configuration(tmp_path: Path, name: str, options: str, written: str, target: str) -> None:
    config = f'{{"compilerOptions": {{{options}}} // end\n}}'
    graph = graph_of_tree(tmp_path, {**SOURCES, name: config, "app/i.ts": f"import '{written}'"})
    assert imported_by(graph, "app/i.ts") == [target]
    assert (graph.unresolved, graph.broken) == ([], [])


@pytest.mark.parametrize(
    "configs",
    [
        {
            "app/tsconfig.json": '{"extends": "../base.json"}',
            "base.json": '{"compilerOptions": {"paths": {"@/*": ["./src/*"]}}}',
        },
        {
            "app/tsconfig.json": '{"extends": "../base"}',
            "base.json": '{"compilerOptions": {"baseUrl": ".", "paths": {"@/*": ["src/*"]}}}',
        },
        {
            "app/tsconfig.json": '{"extends": ["../one.json", "../two.json"]}',
            "one.json": '{"compilerOptions": {"paths": {"@/*": ["./none/*"]}}}',
            "two.json": '{"compilerOptions": {"paths": {"@/*": ["./src/*"]}}}',
        },
        {
            "app/tsconfig.json": '{"extends": "../one.json"}',
            "one.json": '{"extends": "./two.json", "compilerOptions": {"strict": true}}',
            "two.json": '{"extends": "./one.json", "compilerOptions": {"paths": {"@/*": ["./src/*"]}}}',
        },
        {
            "app/tsconfig.json": '{"extends": "../base.json", "compilerOptions": {"baseUrl": "../src"}}',
            "base.json": '{"compilerOptions": {"paths": {"@/*": ["*"]}}}',
        },
        {
            "app/tsconfig.json": '{"files": [], "references": [{"path": "./none.json"}, {"path": "../tsconfig.app.json"}]}',
            "tsconfig.app.json": '{"compilerOptions": {"paths": {"@/*": ["./src/*"]}}}',
        },
        {
            "tsconfig.json": '{"extends": "base"}',
            "package.json": '{"workspaces": ["config"]}',
            "node_modules/base": "-> config",
            "config/tsconfig.json": '{"compilerOptions": {"paths": {"@/*": ["../src/*"]}}}',
        },
    ],
)
def test_configurations_that_extend_others(tmp_path: Path, configs: dict[str, str]) -> None:
    write_tree(tmp_path, {**SOURCES, "app/i.ts": "import '@/a'", **{k: v for k, v in configs.items() if v[0] == "{"}})
    for name, content in configs.items():
        if content.startswith("-> "):
            (tmp_path / name).parent.mkdir()
            (tmp_path / name).symlink_to(tmp_path / content[3:])
    assert imported_by(build_graph(tmp_path), "app/i.ts") == ["src/a.ts"]


def test_a_mapped_name_that_is_nowhere_is_unresolved_and_others_are_of_elsewhere(tmp_path: Path) -> None:
    config = '{"compilerOptions": {"paths": {"@app/*": ["./src/*"], "*": ["./types/*"]}}}'
    graph = graph_of_tree(
        tmp_path, {"tsconfig.json": config, "i.ts": "import '@app/gone'; import 'react'; import '@other/x'"}
    )
    assert leads_nowhere(graph) == [("i.ts", "@app/gone")]


def test_the_nearest_configuration_counts(tmp_path: Path) -> None:
    files = {
        "tsconfig.json": '{"compilerOptions": {"paths": {"@/*": ["./src/*"]}}}',
        "app/tsconfig.json": '{"compilerOptions": {"paths": {"@/*": ["./own/*"]}}}',
        "app/own/a.ts": "",
        "app/deep/i.ts": "import '@/a'",
    }
    assert imported_by(graph_of_tree(tmp_path, {**SOURCES, **files}), "app/deep/i.ts") == ["app/own/a.ts"]


@pytest.mark.parametrize("name", ["package.json", "tsconfig.json", "pnpm-workspace.yaml"])
@pytest.mark.parametrize(
    "content", ["{", "[1]", "\0", '{"a": ' * 5000, "{" + '"\\"' * 200_000, "{/*" + " /*" * 200_000]
)
def test_a_manifest_that_is_none_is_reported_and_the_rest_graphed(tmp_path: Path, name: str, content: str) -> None:
    sources = {"package.json": '{"name": "whole"}', name: content, "a.ts": "import './b'; import 'x'", "b.ts": ""}
    graph = graph_of_tree(tmp_path, sources)
    assert imported_by(graph, "a.ts") == ["b.ts"]
    if not (name.endswith("yaml") and content == "[1]"):
        assert [each.file for each in graph.broken] == [name]
