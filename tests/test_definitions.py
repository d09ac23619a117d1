"""The definitions as Dagster loads them: whole, named by rule, quick to import, and ours wherever the command is started."""

from __future__ import annotations

import json
import os
import pkgutil
import re
import shutil
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from git_repositories import GitRepository

import orchestration_assets
import resources
import sensors
from orchestration_assets.definitions import ASSETS, build_definitions
from resources.settings import ROOT

HEAVY = (
    *("pandas", "pyarrow", "openai", "duckdb", "vllm", "sqlalchemy.orm", "minio", "sentry_sdk", "aiohttp", "fastapi"),
    *("typer", "rich", "grimp", "tree_sitter", "typst"),
)
NAMES = {
    "asset": r"[a-z]+(_[a-z]+)*",
    "job": r"(?!.*_(sensor|schedule)_)[a-z]+(_[a-z]+)+_job",
    "sensor": r"[a-z]+(_[a-z]+)+_sensor",
    "schedule": r"[a-z]+(_[a-z]+)+_schedule",
}

_IMPORT_EACH = """
import gc, importlib, json, os, sys
names = json.loads(os.environ["MODULES"])
for name in names:
    importlib.import_module(name)
ours = {name.partition(".")[0] for name in names}
for name in [name for name in sys.modules if name.partition(".")[0] in ours]:
    del sys.modules[name]
gc.disable()
gc.freeze()
broken = {}
for name in names:
    read, write = os.pipe()
    if os.fork() == 0:
        try:
            importlib.import_module(name)
        except BaseException as error:
            os.write(write, f"{type(error).__name__}: {error}"[:4000].encode())
        os._exit(0)
    os.close(write)
    os.wait()
    if said := os.read(read, 4000):
        broken[name] = said.decode()
    os.close(read)
print(json.dumps(broken))
"""


def fresh(code: str, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """An interpreter of its own that runs `code` in `cwd`."""
    return subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, env=os.environ | more, capture_output=True, text=True, check=False
    )


def modules() -> list[str]:
    found = []
    for package in (orchestration_assets, resources, sensors):
        found += [module.name for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
    return found


def test_everything_is_loadable() -> None:
    dg.Definitions.validate_loadable(build_definitions())


@pytest.mark.integration
def test_every_module_can_be_imported_first(tmp_path: Path) -> None:
    """Each in a process that has imported nothing of ours, so that no module rests on another's being imported before it. What they
    import of others is imported once, for all these processes."""
    done = fresh(_IMPORT_EACH, tmp_path, MODULES=json.dumps(modules()))
    assert done.returncode == 0, done.stderr
    assert len(modules()) > 80
    assert json.loads(done.stdout) == {}


def test_importing_the_definitions_imports_nothing_heavy_and_says_nothing(tmp_path: Path) -> None:
    """Against Dagster alone: what Dagster itself imports is not ours to spare."""
    code = """
import sys, json
import dagster
before = set(sys.modules)
import orchestration_assets.definitions
print(json.dumps(sorted(set(sys.modules) - before)))
"""
    done = fresh(code, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    imported = json.loads(done.stdout)
    assert "orchestration_assets.definitions" in imported
    heavy = tuple(f"{name}." for name in HEAVY)
    assert [name for name in imported if f"{name}.".startswith(heavy)] == []


def test_importing_the_definitions_writes_no_file(tmp_path: Path) -> None:
    done = fresh("import orchestration_assets.definitions", tmp_path, SOLOIST_HOME=str(tmp_path / "home"))
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []


SPECS = [(asset, spec) for asset in ASSETS for spec in asset.specs]


@pytest.mark.parametrize(("asset", "spec"), SPECS, ids=[spec.key.to_user_string() for _, spec in SPECS])
def test_every_asset_says_what_and_whose_it_is(asset: dg.AssetsDefinition, spec: dg.AssetSpec) -> None:
    assert spec.description
    assert spec.description.strip().endswith(".")
    assert spec.group_name in {"activity", "worklogs", "skills", "reports", "reviews", "incidents", "code", "usage"}
    assert spec.kinds
    assert spec.owners
    assert re.fullmatch(r"[0-9a-f]{12}", spec.code_version or "")
    assert (asset.backfill_policy is not None) == (asset.partitions_def is not None)


def test_two_assets_that_rest_on_other_files_have_other_versions() -> None:
    versions = [next(iter(asset.specs)).code_version for asset in ASSETS]
    assert len(set(versions)) == len(versions)


def test_names_keep_the_rules() -> None:
    definitions = build_definitions()
    named = {
        "asset": [spec.key.to_user_string() for _, spec in SPECS],
        "job": [job.name for job in definitions.jobs or ()],
        "sensor": [sensor.name for sensor in definitions.sensors or ()],
        "schedule": [schedule.name for schedule in definitions.schedules or ()],
    }
    for what, names in named.items():
        assert names
        assert [name for name in names if not re.fullmatch(NAMES[what], name)] == []
    assert len(named["asset"]) == 28


def test_what_runs_by_itself_is_switched_on_and_described() -> None:
    definitions = build_definitions()
    automatic = [*(definitions.sensors or ()), *(definitions.schedules or ())]
    assert [each.name for each in automatic if each.default_status.value != "RUNNING" or not each.description] == []


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A folder with packages named like ours that must never be imported."""
    folder = tmp_path / "foreign"
    for name in ("resources", "sensors"):
        package = folder / name / "__init__.py"
        package.parent.mkdir(parents=True)
        package.write_text(f"print('the foreign {name} was imported')\n")
    return folder


@pytest.mark.parametrize(
    "arguments",
    [["doctor"], pytest.param(["run", "--repo", "."], marks=pytest.mark.integration)],
    ids=lambda arguments: arguments[0],
)
def test_the_command_works_in_a_folder_with_packages_of_the_same_names(foreign: Path, arguments: list[str]) -> None:
    GitRepository(foreign).commit("Add resources", authored="2024-03-05T09:00:00+00:00")
    soloist = Path(sys.executable).parent / "soloist"
    done = subprocess.run([soloist, *arguments], cwd=foreign, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "was imported" not in done.stdout + done.stderr


@pytest.mark.parametrize("name", ["resources", "sensors"])
def test_a_foreign_package_in_the_way_is_one_sentence(foreign: Path, name: str) -> None:
    other = {"resources": "sensors", "sensors": "resources"}[name]
    shutil.rmtree(foreign / other)
    done = fresh("import orchestration_assets.definitions", foreign, PYTHONPATH=str(ROOT))
    assert done.returncode != 0
    assert re.search(
        rf"ImportError: The package '{name}' was found at .*which is not Soloist's; .*\.$", done.stderr.strip()
    )
