"""The report that people read: criteria and the tests that show them, tests, coverage, the plan, and who made what.

What belongs here: what the template is given. All texts are data and may be hostile: the template escapes every one of them, the pictures have
escaped theirs, and the page allows no script and loads nothing.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration_assets.code.bundle.model import BundleInput
from orchestration_assets.code.model import Bar
from orchestration_assets.code.pictures import gantt_picture, graph_picture
from orchestration_assets.reports.templating import environment

if TYPE_CHECKING:
    from jinja2 import Template

TEMPLATES = Path(__file__).parent / "templates"
MOST_LINES = 40
"""Uncovered lines that are listed of a file."""


def page(project: BundleInput, bars: Sequence[Bar] = ()) -> bytes:
    """As HTML. `bars`, which were measured, are for where nobody compares bytes."""
    outcomes = {test.test: test.outcome for test in project.report.tests}
    shown = {
        criterion.id: [(test, outcomes.get(test, "not run")) for test in project.criteria.get(criterion.id, ())]
        for criterion in project.plan.criteria
    }
    known = [each.cost for each in project.made if each.cost is not None]
    style = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    text = _template().render(
        project=project,
        plan=project.plan,
        report=project.report,
        shown=shown,
        cost=sum(known) if known else None,
        graph=graph_picture(project.plan),
        gantt=gantt_picture(bars) if bars else "",
        style=style,
        style_hash=f"sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}",
        most_lines=MOST_LINES,
    )
    return text.encode()


@lru_cache(maxsize=1)
def _template() -> Template:
    return environment(TEMPLATES).get_template("report.html.j2")
