"""What `soloist deps` prints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestration_assets.deps_command import show_dependencies
from resources.errors import BadInput
from tests.code.import_graph.trees import write_tree

TREE = {
    "app/__init__.py": "",
    "app/main.py": "import app.views\nimport app.gone",
    "app/views.py": "import app.models",
    "app/models.py": "import app.views",
    "web/a.ts": "import './b'",
    "web/b.ts": "",
    "bad.py": "(",
}


def shown(capsys: pytest.CaptureFixture[str], root: Path, **options: bool) -> str:
    chosen = {"as_json": False, "as_mermaid": False, "cycles": False, "critical_path": False, **options}
    show_dependencies(root, **chosen)
    return capsys.readouterr().out


def test_json_is_one_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(shown(capsys, write_tree(tmp_path, TREE), as_json=True))
    assert document["modules"] == ["app", "app.main", "app.models", "app.views", "bad", "web/a.ts", "web/b.ts"]
    assert document["edges"] == [
        ["app.main", "app"],
        ["app.main", "app.views"],
        ["app.models", "app.views"],
        ["app.views", "app.models"],
        ["web/a.ts", "web/b.ts"],
    ]
    assert document["cycles"] == [["app.models", "app.views"]]
    assert document["cuts"] in [
        [{"edges": [edge], "exact": True}] for edge in (["app.models", "app.views"], ["app.views", "app.models"])
    ]
    assert document["unresolved"] == [
        {"module": "app.main", "import": "app.gone", "line": 2, "reason": "there is no such module"}
    ]
    assert document["broken"][0]["file"] == "bad.py"
    assert sorted(name for level in document["levels"] for name in level) == document["modules"]


def test_the_summary_names_what_matters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, write_tree(tmp_path, TREE))
    assert "7 modules, 5 imports" in text
    assert "1 cycle:\n- 2 modules: app.models, app.views\n  cut 1, the fewest imports that break it: app." in text
    assert "1 import that leads nowhere:\n- app.main:2: app.gone (there is no such module)" in text
    assert "1 file not read whole:\n- bad.py is no Python that can be parsed" in text


def test_one_is_told_of_as_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_tree(tmp_path, {"alone.py": ""})
    first = shown(capsys, tmp_path).splitlines()[0]
    assert first == (
        "1 module, 0 imports, 1 level of at most 1 module; 1 module imports none of these and is imported by none."
    )
    chain = shown(capsys, tmp_path, critical_path=True)
    assert chain.startswith("The longest chain of imports has 1 module, what is imported first:")


def test_parts_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_tree(tmp_path, TREE)
    cycles = shown(capsys, tmp_path, cycles=True)
    assert cycles.startswith("\n1 cycle:")
    assert "lead nowhere" not in cycles
    path = shown(capsys, tmp_path, critical_path=True)
    assert path.splitlines()[0] == "The longest chain of imports has 3 modules, what is imported first:"
    assert path.splitlines()[-1] == "  app.main"


def test_a_diagram(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, write_tree(tmp_path, TREE), as_mermaid=True).splitlines()
    assert lines[0] == "flowchart LR"
    assert '  m5["web/a.ts"]' in lines
    assert "  m5 --> m6" in lines
    assert sum("-.->" in line for line in lines) == 1


def test_a_folder_without_sources(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_tree(tmp_path, {"README.md": ""})
    assert "There are no Python, JavaScript or TypeScript files" in shown(capsys, tmp_path)
    assert json.loads(shown(capsys, tmp_path, as_json=True))["modules"] == []


def test_two_forms_at_once_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BadInput, match="choose one"):
        shown(capsys, tmp_path, as_json=True, as_mermaid=True)


@pytest.mark.parametrize("part", ["cycles", "critical_path"])
@pytest.mark.parametrize(
    ("form", "said"), [("as_json", "--json holds the cycles"), ("as_mermaid", "--mermaid draws the whole graph")]
)
def test_a_part_of_a_form_that_has_none_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str, said: str, part: str
) -> None:
    write_tree(tmp_path, TREE)
    with pytest.raises(BadInput, match=f"{said}.*; leave --{part.replace('_', '-')} out"):
        shown(capsys, tmp_path, **{form: True, part: True})
