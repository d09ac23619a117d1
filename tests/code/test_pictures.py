"""Pictures of builds: whole, within their frame, the same each time, and nothing in them but shapes and text."""

from __future__ import annotations

import base64
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration_assets.code.model import Bar
from orchestration_assets.code.pictures import as_markdown, gantt_picture, graph_picture
from tests.code.other_process import printed
from tests.code.projects import generated, prepared

SVG = "{http://www.w3.org/2000/svg}"
ELEMENTS = {f"{SVG}{name}" for name in ("svg", "g", "rect", "path", "text", "title")}


def parsed(picture: str) -> ElementTree.Element:
    root = ElementTree.fromstring(picture)
    assert {each.tag for each in root.iter()} <= ELEMENTS
    for each in root.iter():
        assert not {name for name in each.attrib if name.startswith("on") or "href" in name or name == "style"}
    return root


def boxes(root: ElementTree.Element) -> list[tuple[float, float, float, float]]:
    """Left, top, right and bottom of what stands in a group."""
    found = []
    for each in root.iterfind(f"{SVG}g/{SVG}rect"):
        x, y, width, height = (float(each.attrib[name]) for name in ("x", "y", "width", "height"))
        found.append((x, y, x + width, y + height))
    return found


@pytest.mark.parametrize("size", [2, 40, 250])
def test_every_task_stands_to_the_right_of_what_it_depends_on(size: int) -> None:
    plan = generated(size, seed=3).plan
    root = parsed(graph_picture(plan))
    placed = dict(zip((task.id for task in plan.tasks), boxes(root), strict=True))
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for task in plan.tasks:
        assert all(placed[other][2] < placed[task.id][0] for other in task.depends_on)
        assert placed[task.id][2] <= width and placed[task.id][3] <= height
    assert len(set(placed.values())) == size, "none lies on another"


def drawn() -> str:
    plan = generated(60, seed=3).plan
    bars = [Bar(task=task.id, step="write", start=0.0, seconds=1.0, outcome="written") for task in plan.tasks]
    return graph_picture(plan) + gantt_picture(bars)


def test_another_process_draws_the_same() -> None:
    code = "from tests.code.test_pictures import drawn; print(drawn(), end='')"
    assert printed(code, seed=1) == drawn()


def test_what_is_written_in_a_plan_is_text() -> None:
    plan = prepared("spans").plan
    hostile = '<script>alert(1)</script>"&'
    changed = plan.model_copy(
        update={"tasks": tuple(task.model_copy(update={"title": hostile}) for task in plan.tasks)}
    )
    titles = [each.text or "" for each in parsed(graph_picture(changed)).iter(f"{SVG}title")]
    assert all(hostile in title for title in titles) and len(titles) == len(plan.tasks)
    bar = Bar(task=hostile, step="write", start=0.0, seconds=1.0, outcome=hostile)
    assert hostile in "".join(parsed(gantt_picture([bar])).itertext())


bars = st.lists(
    st.builds(
        Bar,
        task=st.sampled_from(["a", "b", "part-with-a-name-that-is-very-long-indeed"]),
        step=st.sampled_from(["write", "check", "replan", "other"]),
        start=st.floats(0, 1e6),
        seconds=st.floats(0, 1e4),
        outcome=st.sampled_from(["passed", "failed"]),
    ),
    max_size=30,
)


@given(bars)
def test_every_step_is_drawn_within_the_frame(steps: list[Bar]) -> None:
    root = parsed(gantt_picture(steps))
    assert len(boxes(root)) == len(steps)
    for left, top, right, bottom in boxes(root):
        assert (
            left >= 0
            and right <= float(root.attrib["width"]) + 2
            and top >= 0
            and bottom <= float(root.attrib["height"])
        )


def test_a_pause_is_cut_short_and_said() -> None:
    day = 86_400.0
    told = [Bar(task="a", step="write", start=start, seconds=10.0, outcome="written") for start in (0.0, day)]
    root = parsed(gantt_picture(told))
    (first, second) = boxes(root)
    assert second[0] - first[2] < first[2] - first[0], "the pause takes less room than the work"
    assert any("a pause of 24 h" in (title.text or "") for title in root.iter(f"{SVG}title"))


def test_a_picture_in_markdown_needs_no_other_file() -> None:
    picture = gantt_picture([])
    told = as_markdown(picture, "what was done when")
    assert told.startswith("![what was done when](data:image/svg+xml;base64,") and told.endswith(")")
    assert base64.b64decode(told.partition("base64,")[2][:-1]).decode() == picture
