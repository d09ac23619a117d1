"""Prepared projects: a specification, its plan, and files that are right; and made-up ones of any size."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path

from orchestration_assets.code.model import Plan

FOLDER = Path(__file__).parent / "prepared"
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.txt")))


@dataclass(frozen=True)
class Project:
    """What a planner and a writer who make no mistake would reply."""

    name: str
    specification: str
    plan: Plan
    files: dict[str, str]

    @property
    def slug(self) -> str:
        return self.name.replace("_", "-")


def prepared(name: str) -> Project:
    """A project in `prepared/`: sections that begin with `=== PATH`."""
    sections: dict[str, str] = {}
    for section in ("\n" + (FOLDER / f"{name}.txt").read_text(encoding="utf-8")).split("\n=== ")[1:]:
        path, _, text = section.partition("\n")
        sections[path] = text if text.endswith("\n") else text + "\n"
    specification, plan = sections.pop("SPEC.md"), sections.pop("plan.json")
    return Project(name, specification, Plan.model_validate(json.loads(plan)), sections)


def generated(size: int, seed: int, most_dependencies: int = 3) -> Project:
    """So many files that import each other at random, one of them of tests."""
    chance = random.Random(seed)
    tasks, files = [], {}
    for number in range(size - 1):
        uses = sorted(chance.sample(range(number), min(number, chance.randint(0, most_dependencies))))
        path = f"big/part{number:03}.py"
        imports = "".join(f"from big.part{each:03} import value as value{each}\n" for each in uses)
        total = " + ".join([str(number), *(f"value{each}()" for each in uses)])
        head = f'"""Part {number}."""\n\n{imports}\n\n' if uses else f'"""Part {number}."""\n\n\n'
        files[path] = f'{head}def value() -> int:\n    """A number."""\n    return {total}\n'
        tasks.append(
            {
                "id": f"part{number:03}",
                "title": f"Part {number}",
                "kind": "source",
                "description": "A function that adds up.",
                "files": [{"path": path, "interface": "def value() -> int"}],
                "depends_on": [f"part{each:03}" for each in uses],
                "criteria": [],
                "minutes": max(1, min(480, round(chance.lognormvariate(2.5, 0.6)))),
            }
        )
    last = f"part{size - 2:03}"
    files["tests/test_big.py"] = (
        f'"""The whole."""\n\nfrom big.{last} import value\n\n\n'
        'def test_it_adds_up() -> None:\n    """C1: a number."""\n    assert value() >= 0\n'
    )
    tasks.append(
        {
            "id": "tests",
            "title": "Tests",
            "kind": "test",
            "description": "Adds up.",
            "files": [{"path": "tests/test_big.py"}],
            "depends_on": [last],
            "criteria": ["C1"],
            "minutes": 5,
        }
    )
    plan = {"name": "big", "summary": "Numbers.", "criteria": [{"id": "C1", "text": "It adds up."}], "tasks": tasks}
    return Project(
        "big",
        "# Big\n\nMany files that add up numbers, one after another, as a whole.\n",
        Plan.model_validate(plan),
        files,
    )
