"""The import graph against those who make one too: grimp and ruff for Python, dependency-cruiser for JavaScript and TypeScript.

Installs packages from PyPI and npm at pinned versions into a temporary folder (or the one that SOLOIST_BENCHMARK_PACKAGES names, where they
stay), makes every graph on both sides, and compares them edge by edge, and the time. Needs `node` of 20.12 or later and `npm`.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from measuring import at_least, at_most_by  # noqa: E402

from orchestration_assets.code.import_graph import ImportGraph, build_graph, javascript_imports  # noqa: E402

PYTHON_PACKAGES = ("Django==4.2.17", "flask==3.0.3", "requests==2.32.3", "sqlalchemy==2.0.35")
PYTHON_NAMES = ("django", "sqlalchemy", "flask", "requests")
NPM_PACKAGES = (
    "dependency-cruiser@17.4.3",
    "typescript@5.9.3",
    "knex@3.1.0",
    "lodash-es@4.17.21",
    "rxjs@7.8.1",
    "typeorm@0.3.20",
    "date-fns@4.1.0",
)
UNPACKED = ("knex", "lodash-es", "typeorm", "date-fns")
WORKSPACE_PACKAGES = (
    "query-core",
    "react-query",
    "query-devtools",
    "react-query-devtools",
    "query-persist-client-core",
)
WORKSPACE_VERSIONS = {"query-devtools": "5.58.0"}
ROUNDS, CRUISES = 7, 3
TIMED_FILES = 1000
"""A tree of fewer says nothing of speed."""
Result = dict[str, object]

CRUISE = """
import { cruise } from 'dependency-cruiser';
import extractTSConfig from 'dependency-cruiser/config-utl/extract-ts-config';
const [root, tsconfig] = process.argv.slice(2);
process.chdir(root);
async function edgesOf(conditions, systems) {
  const options = {
    tsPreCompilationDeps: true, moduleSystems: systems,
    doNotFollow: { path: 'node_modules' }, exclude: { path: '(^|/)node_modules/|^[.][.]/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'], conditionNames: [...conditions, 'node', 'default'], mainFields: ['module', 'main', 'types', 'typings'],
    },
  };
  if (tsconfig) options.tsConfig = { fileName: tsconfig };
  const started = performance.now();
  const { output } = await cruise(['.'], options, {}, tsconfig ? { tsConfig: extractTSConfig(tsconfig) } : undefined);
  const seconds = (performance.now() - started) / 1000;
  const found = [];
  for (const module of output.modules)
    for (const each of module.dependencies)
      if (!each.couldNotResolve && !each.coreModule) found.push([module.source, each.resolved]);
  return [found, seconds, output.modules.filter((each) => !each.couldNotResolve && !each.coreModule).length];
}
const [all, seconds, modules] = await edgesOf(['import', 'require'], ['es6', 'cjs', 'tsd']);
const [imported] = await edgesOf(['import'], ['es6', 'tsd']);
const [required] = await edgesOf(['require'], ['cjs']);
process.stdout.write(JSON.stringify({ edges: [...imported, ...required], seconds, modules }));
"""
"""dependency-cruiser asks every package for one set of conditions; Node asks by how a file is imported, so each kind is cruised by its own. The
time is that of one cruise of all kinds."""


RESOLVE = """
const ts = require('typescript');
const [written, file] = process.argv.slice(2);
const options = { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext };
const { resolvedModule } = ts.resolveModuleName(written, file, options, ts.sys);
process.stdout.write(resolvedModule ? resolvedModule.resolvedFileName : '');
"""


def results(scale: float = 1.0) -> Iterator[Result]:
    kept = os.environ.get("SOLOIST_BENCHMARK_PACKAGES")
    with tempfile.TemporaryDirectory(prefix="soloist-benchmark-") as folder:
        packages = Path(kept or folder)
        yield from _against_grimp(_python_packages(packages), max(1, round(ROUNDS * scale)))
        yield from _against_dependency_cruiser(_npm_packages(packages))
        yield from _large(Path(folder) / "large", round(50_000 * scale))


def _row(name: str, ours: float, reference: float, *, holds: bool) -> Result:
    ratio = round(ours / reference, 3) if reference else None
    return {"name": name, "ours": ours, "reference": reference, "ratio": ratio, "bar": reference, "holds": holds}


def _equal(
    name: str, ours: set[tuple[str, str]], theirs: set[tuple[str, str]], explained: dict[str, set[tuple[str, str]]]
) -> Result:
    """Edges on both sides; holds where no difference is left beyond those that are explained, which the name counts."""
    missing, extra = theirs - ours, ours - theirs
    for reason, edges in explained.items():
        if edges & (missing | extra):
            name += f", {len(edges & (missing | extra))} {reason}"
        missing, extra = missing - edges, extra - edges
    for edge in sorted(missing)[:5]:
        sys.stderr.write(f"{name}: missing {edge[0]} -> {edge[1]}\n")
    for edge in sorted(extra)[:5]:
        sys.stderr.write(f"{name}: extra {edge[0]} -> {edge[1]}\n")
    return _row(
        f"{name} ({len(missing)} missing, {len(extra)} extra)", len(ours), len(theirs), holds=not (missing or extra)
    )


def _python_packages(packages: Path) -> Path:
    folder = packages / "python"
    if not folder.exists():
        command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(folder), *PYTHON_PACKAGES]
        subprocess.run(command, check=True)
    return folder


def _against_grimp(folder: Path, rounds: int) -> Iterator[Result]:
    import grimp

    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    # grimp looks a package up as an import would, which finds one that is imported already.
    imported = {name: sys.modules.pop(name) for name in PYTHON_NAMES if name in sys.modules}
    for name in PYTHON_NAMES:
        ours, theirs = [], []
        for _ in range(rounds):
            started = time.perf_counter()
            reference = grimp.build_graph(name, cache_dir=None)
            theirs.append(time.perf_counter() - started)
            started = time.perf_counter()
            graph = build_graph(folder / name, languages=["python"])
            ours.append(time.perf_counter() - started)
        edges = set(graph.edges)
        known = {(a, b) for a in reference.modules for b in reference.find_modules_directly_imported_by(a)}
        modules = set(graph.modules)
        yield _equal(f"imports of {name}, against grimp", edges, known, {})
        yield _row(
            f"modules of {name}, against grimp",
            len(modules),
            len(reference.modules),
            holds=modules == set(reference.modules),
        )
        yield _against_ruff(folder, name, edges)
        if name in PYTHON_NAMES[:2]:
            yield at_least(
                f"builds of {name} a second, against grimp without its cache",
                1 / statistics.median(ours),
                1 / statistics.median(theirs),
                0.9,
            )
    sys.modules.update(imported)
    sys.path.remove(str(folder))


def _against_ruff(folder: Path, name: str, edges: set[tuple[str, str]]) -> Result:
    command = [str(Path(sys.executable).parent / "ruff"), "analyze", "graph", "-q", name]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    known = {(_module(a), _module(b)) for a, targets in json.loads(done.stdout).items() for b in targets}
    inits = {
        path.parent.relative_to(folder).as_posix().replace("/", ".") for path in (folder / name).rglob("__init__.py")
    }
    loose = {edge for edge in known if any(_package(folder, end) not in inits for end in edge)}
    return _equal(
        f"imports of {name}, against ruff", edges, known, {"of folders without __init__.py, as grimp leaves out": loose}
    )


def _module(path: str) -> str:
    return path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")


def _package(folder: Path, module: str) -> str:
    is_package = (folder / module.replace(".", "/") / "__init__.py").exists()
    return module if is_package else module.rpartition(".")[0]


def _npm_packages(packages: Path) -> Path:
    folder = packages / "npm"
    if not folder.exists():
        folder.mkdir(parents=True)
        (folder / "package.json").write_text('{"private": true}')
        _npm(folder, "install", "--ignore-scripts", "--no-audit", "--no-fund", *NPM_PACKAGES)
        _write_aliased(folder / "node_modules/rxjs/src", folder / "aliased")
        _write_workspace(folder / "workspace")
        for name in UNPACKED:
            # As its authors have it: beneath `node_modules` a package would find itself by its name.
            shutil.copytree(folder / "node_modules" / name, folder / "unpacked" / name)
    (folder / "cruise.mjs").write_text(CRUISE)
    (folder / "resolve.cjs").write_text(RESOLVE)
    return folder


def _npm(folder: Path, *arguments: str) -> None:
    subprocess.run(["npm", *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL)


def _write_aliased(source: Path, target: Path) -> None:
    """TypeScript sources whose relative imports go by an alias instead, which a configuration that another extends maps."""
    for path in source.rglob("*.ts"):
        below = path.relative_to(source)

        def aliased(match: re.Match[str], folder: Path = below.parent) -> str:
            return f"{match[1]}@app/{os.path.normpath(folder / match[2])}{match[1]}"

        text = re.sub(r"""(["'])(\.\.?/[^"'\n]+)\1""", aliased, path.read_text())
        (target / "src" / below).parent.mkdir(parents=True, exist_ok=True)
        (target / "src" / below).write_text(text)
    (target / "base.json").write_text(
        '{"compilerOptions": {"baseUrl": ".", /* mapped */ "paths": {"@app/*": ["./src/*"],},},}'
    )
    (target / "tsconfig.json").write_text('{"extends": "./base.json"}')


def _write_workspace(folder: Path) -> None:
    """Packages as npm would link them, of sources and builds of both kinds."""
    (folder / "packages").mkdir(parents=True)
    (folder / "node_modules/@tanstack").mkdir(parents=True)
    (folder / "package.json").write_text('{"private": true, "workspaces": ["packages/*"]}')
    for name in WORKSPACE_PACKAGES:
        _npm(folder, "pack", "--silent", f"@tanstack/{name}@{WORKSPACE_VERSIONS.get(name, '5.59.0')}")
        (archive,) = folder.glob("*.tgz")
        (folder / "packages" / name).mkdir()
        subprocess.run(["tar", "xzf", str(archive), "--strip", "1", "-C", str(folder / "packages" / name)], check=True)
        archive.unlink()
        (folder / "node_modules/@tanstack" / name).symlink_to(f"../../packages/{name}")


def _against_dependency_cruiser(folder: Path) -> Iterator[Result]:
    unpacked = folder / "unpacked"
    for kind, root, config in (
        ("CommonJS, knex", unpacked / "knex", ""),
        ("ESM, lodash-es", unpacked / "lodash-es", ""),
        ("TypeScript with paths, rxjs", folder / "aliased", "tsconfig.json"),
        ("a workspace, five of TanStack", folder / "workspace", ""),
        ("mixed, typeorm", unpacked / "typeorm", ""),
        ("mixed, date-fns", unpacked / "date-fns", ""),
    ):
        command = ["node", str(folder / "cruise.mjs"), str(root), config]
        paces = []
        for _ in range(CRUISES):
            theirs = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder).stdout)
            start = _start_of_a_reader()
            started = time.perf_counter()
            graph = build_graph(root)
            seconds, files = time.perf_counter() - started, len(graph.modules)
            paces.append((files / (seconds - start), files / seconds, theirs["modules"] / theirs["seconds"]))
            if len(graph.modules) < TIMED_FILES:
                break
        ours, with_starts, reference = (statistics.median(side) for side in zip(*paces, strict=True))
        edges = set(graph.edges)
        manifests = {edge for edge in edges if edge[1].endswith(".json")}
        known = {(a, b) for a, b in theirs["edges"]}
        explained = {
            "of JSON without its ending, which Node finds": manifests - known,
            "ends of imports of .cjs among declarations, which TypeScript resolves as we do": _as_typescript_does(
                folder, root, edges - known, known - edges
            ),
        }
        yield _equal(f"imports, {kind}", edges, known, explained)
        files = len(graph.modules)
        if files >= TIMED_FILES:
            yield at_least(
                f"files a second, {kind}: {files:,} files, starts left out on both sides", ours, reference, 5.0
            )
        if files >= 2000:
            yield at_least(f"files a second, {kind}, starts of processes included", with_starts, 1000, 1.0)
            yield at_most_by(
                "seconds to read one edited file again and list all imports, of these", _edited(graph, root), 0.05
            )


def _start_of_a_reader() -> float:
    """Seconds until a process that reads files has started; of the several that a large tree takes, which start together, one is left out, as
    the other side's is."""
    started = time.perf_counter()
    command = [sys.executable, "-I", javascript_imports.__file__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdin is not None
        process.stdout.readline()
        seconds = time.perf_counter() - started
        process.stdin.close()
    return seconds


def _as_typescript_does(
    folder: Path, root: Path, extra: set[tuple[str, str]], missing: set[tuple[str, str]]
) -> set[tuple[str, str]]:
    """Imports of `name.cjs` in declarations that have a `name.d.cts` and a `name.d.ts` beside them, where TypeScript's own resolver leads to
    ours; with what dependency-cruiser takes instead."""
    found = set()
    for source, target in sorted(extra):
        other = (source, target.removesuffix(".d.cts") + ".d.ts")
        if not target.endswith(".d.cts") or other not in missing:
            continue
        written = f"./{os.path.relpath(target, Path(source).parent).removesuffix('.d.cts')}.cjs"
        command = ["node", str(folder / "resolve.cjs"), written, str((root / source).resolve())]
        led = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder).stdout
        if led and Path(led) == (root / target).resolve():
            found |= {(source, target), other}
    return found


def _edited(graph: ImportGraph, root: Path) -> float:
    """The median of several files, each edited once."""
    taken = []
    for name in graph.modules[:: len(graph.modules) // 9]:
        path = root / name
        path.write_bytes(path.read_bytes() + b"\n// edited\n")
        started = time.perf_counter()
        graph.refresh([path])
        assert graph.edges
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def _large(folder: Path, files: int) -> Iterator[Result]:
    """Half Python, half TypeScript, each file importing five others."""
    for number in range(files // 2):
        below = f"p{number // 500}/m{number % 500 // 50}"
        others = [(number * 7919 + step * 104_729) % (files // 2) for step in range(1, 6)]
        for kind in ("py", "ts"):
            (folder / kind / below).mkdir(parents=True, exist_ok=True)
        for place in (f"py/{below}", f"py/{below.partition('/')[0]}", "py"):
            (folder / place / "__init__.py").touch()
        imports = [f"from py.p{each // 500}.m{each % 500 // 50} import f{each}\n" for each in others]
        (folder / f"py/{below}/f{number}.py").write_text("".join(imports) + "def f():\n    return 1\n" * 20)
        imports = [f"import {{ f }} from '../../p{each // 500}/m{each % 500 // 50}/f{each}'\n" for each in others]
        (folder / f"ts/{below}/f{number}.ts").write_text(
            "".join(imports) + "export const g = (a: number) => a + 1\n" * 20
        )
    code = f"""
import resource, sys, time
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from orchestration_assets.code.import_graph import build_graph
started = time.perf_counter()
graph = build_graph(Path({str(folder)!r}))
built = time.perf_counter() - started
graph.to_json()
print(built, time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, len(graph.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    built, whole, megabytes, modules = (float(each) for each in done.stdout.split())
    yield at_most_by(f"seconds to read {modules:,.0f} modules", built, 120.0)
    yield at_most_by(f"seconds of the whole command, {modules:,.0f} modules", whole, 240.0)
    yield at_most_by(f"megabytes of memory, {modules:,.0f} modules", megabytes, 1000.0)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    held = True
    for result in results(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0):
        print(json.dumps(result), flush=True)
        held = held and bool(result["holds"])
    sys.exit(0 if held else 1)
