"""What JavaScript and TypeScript files import, in every form of the languages."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration_assets.code.import_graph.javascript_imports import READ_WHOLE, imports_of
from tests.code.import_graph.trees import graph_of_tree, imported_by, leads_nowhere

AROUND = dict.fromkeys(("a.js", "b.js", "c.js", "sub/d.js"), "")


@pytest.mark.parametrize(
    ("source", "targets"),
    [
        ("import './a.js'", ["a.js"]),
        ("import a, { b as c } from './a.js'; import * as d from \"./b.js\"", ["a.js", "b.js"]),
        ("export * from './a.js'; export * as n from './b.js'; export { x } from './c.js'", ["a.js", "b.js", "c.js"]),
        ("import data from './a.js' with { type: 'json' }", ["a.js"]),
        ("const a = require('./a.js').x, b = require(`./b.js`)", ["a.js", "b.js"]),
        ("function f() { if (x) { return require('./sub/d.js') } }", ["sub/d.js"]),
        ("module.exports = { get a() { return require('./a') } }", ["a.js"]),
        ("import('./a.js').then(x => x); async () => await import(`./b.js`)", ["a.js", "b.js"]),
        ("import(/* webpackChunkName: 'a' */ './a.js')", ["a.js"]),
        ("require?.('./a.js')", ["a.js"]),
        ("const a = <div>{require('./a.js')}</div>", ["a.js"]),
        ("import '.\\u002fa.js'; import '\\x2e/b.js'", ["a.js", "b.js"]),
        ("import './a.js?raw'; import 'loader!./b.js'", ["a.js", "b.js"]),
        ("import {\n  x,\n  y,\n} from\n  './a.js'", ["a.js"]),
        ("// import './a.js'\n/* require('./b.js') */ `import './c.js'`; \"require('./a.js')\"", []),
        ("other.require('./a.js'); required('./b.js'); x.import('./c.js'); import.meta.url", []),
        ("const from = './a.js'; from('./b.js'); export const x = './c.js'", []),
        ("import 'package'; import fs from 'node:fs'; require('fs')", []),
        ("#!/usr/bin/env node\nimport './a.js'", ["a.js"]),
    ],
)
def test_every_form_of_javascript(tmp_path: Path, source: str, targets: list[str]) -> None:
    graph = graph_of_tree(tmp_path, {**AROUND, "importer.jsx": source})
    assert imported_by(graph, "importer.jsx") == targets
    assert (graph.unresolved, graph.broken) == ([], [])


@pytest.mark.parametrize(
    ("source", "targets"),
    [
        ("import type { A } from './a'; import { type B } from './b'", ["a.js", "b.js"]),
        ("export type { A } from './a'; export type * from './b'", ["a.js", "b.js"]),
        ("import a = require('./a'); export import b = require('./b')", ["a.js", "b.js"]),
        ("let x: import('./a').Name<string>; type T = typeof import('./b')", ["a.js", "b.js"]),
        ("const f = <T,>(x: T) => require<T>('./a')", ["a.js"]),
        ("abstract class C<const T> { static { import('./a') } accessor x = 1 as const }", ["a.js"]),
        ("/// <reference path='./a.js' />\nimport './b'", ["a.js", "b.js"]),
        ("declare module 'x' { import y from './a'; export * from './b' }", []),
        ("enum E { A } namespace N { export const x = 1 } export = N", []),
    ],
)
def test_every_form_of_typescript(tmp_path: Path, source: str, targets: list[str]) -> None:
    graph = graph_of_tree(tmp_path, {**AROUND, "importer.ts": source})
    assert imported_by(graph, "importer.ts") == targets
    assert (graph.unresolved, graph.broken) == ([], [])


def test_jsx_in_typescript(tmp_path: Path) -> None:
    graph = graph_of_tree(
        tmp_path, {**AROUND, "i.tsx": "import a from './a'\nexport const x = <A<string> b={1 as any}/>"}
    )
    assert (imported_by(graph, "i.tsx"), graph.broken) == (["a.js"], [])


def test_types_in_javascript_are_no_error(tmp_path: Path) -> None:
    source = "// @flow\nimport type { A } from './a'\nconst x: string = ''\nexport const f = (y: A): void => {}"
    graph = graph_of_tree(tmp_path, {**AROUND, "i.js": source})
    assert (imported_by(graph, "i.js"), graph.broken) == (["a.js"], [])


@pytest.mark.parametrize("written", ["`./${name}`", "'./' + name", "name", "f('./a.js')"])
def test_what_is_known_only_at_run_time_is_unresolved(tmp_path: Path, written: str) -> None:
    graph = graph_of_tree(tmp_path, {**AROUND, "i.js": f"\nrequire({written}); import({written})"})
    assert graph.edges == []
    assert {(each.written, each.line, each.reason) for each in graph.unresolved} == {
        (written, 2, "is known only when the program runs")
    }


def test_a_broken_file_is_reported_and_what_can_be_read_of_it_is(tmp_path: Path) -> None:
    graph = graph_of_tree(
        tmp_path, {**AROUND, "i.js": "import './a.js'\n\nexport const = {\n", "ok.js": "import './i'"}
    )
    (broken,) = graph.broken
    assert broken.file == "i.js"
    assert broken.sentence.startswith("cannot be parsed near line 3;")
    assert graph.edges == [("i.js", "a.js"), ("ok.js", "i.js")]


@pytest.mark.parametrize(
    "source",
    [
        "import './a.js'".encode("utf-16"),
        b"\xef\xbb\xbfimport './a.js'",
        b"import './a.js' // caf\xe9",
        b"// \xff\xff\n'\xe9'; import './a.js'",
    ],
)
def test_sources_in_other_encodings(tmp_path: Path, source: bytes) -> None:
    graph = graph_of_tree(tmp_path, {**AROUND, "i.js": source})
    assert (imported_by(graph, "i.js"), graph.broken) == (["a.js"], [])


def test_a_large_file_is_read_up_to_its_last_import(tmp_path: Path) -> None:
    rest = "export const x = [" + "'text', " * READ_WHOLE + "]\n"
    graph = graph_of_tree(tmp_path, {**AROUND, "i.js": "import './a.js'\nexport {} from './b.js'\n" + rest})
    assert (imported_by(graph, "i.js"), graph.broken) == (["a.js", "b.js"], [])
    late = imports_of(("import './a.js'\n" + rest + "require('./b.js')\n").encode(), ".js")
    assert late == ([("import", "./a.js", 1), ("require", "./b.js", 3)], None)
    # The first part would parse alone as something else: an import in a template that ends only later.
    cut = imports_of(("const x = `\nimport './a.js'\n" + "text\n" * READ_WHOLE + "`\n").encode(), ".js")
    assert cut == ([], None)


def test_many_files_are_read_by_processes_as_few_are_here(tmp_path: Path) -> None:
    files = {f"f{number}.ts": f"import './f{number + 1}'\n" + "const x = 1;\n" * 400 for number in range(80)}
    graph = graph_of_tree(tmp_path, files)
    assert graph.edges == sorted((f"f{number}.ts", f"f{number + 1}.ts") for number in range(79))
    assert leads_nowhere(graph) == [("f79.ts", "./f80")]
