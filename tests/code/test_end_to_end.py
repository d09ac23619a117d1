"""Specifications of three kinds of programs, built with a scripted model and the real checker: every test runs in the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration_assets.code.quality_checking import KeptReports, SandboxChecker
from resources.sandbox import Sandbox, SandboxUnavailable
from tests.code.projects import NAMES, Project, prepared
from tests.code.scripted_model import ScriptedModel
from tests.code.workshop import Workshop
from tests.scripted_endpoint import ScriptedEndpoint

pytestmark = pytest.mark.integration


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    made = Sandbox()
    try:
        made.examine()
    except SandboxUnavailable as error:
        pytest.skip(f"no sandbox works here: {error}")
    return made


@pytest.fixture(params=NAMES)
def project(request: pytest.FixtureRequest) -> Project:
    return prepared(str(request.param))


@pytest.fixture
def shop(tmp_path: Path, sandbox: Sandbox, project: Project) -> Iterator[tuple[Workshop, ScriptedModel]]:
    model = ScriptedModel(project)
    with ScriptedEndpoint(model) as endpoint:
        workshop = Workshop(tmp_path, endpoint.url)
        workshop.checker = SandboxChecker(sandbox, KeptReports(workshop.ledger()))
        yield workshop, model


def test_the_program_is_built_and_all_its_tests_pass(project: Project, shop: tuple[Workshop, ScriptedModel]) -> None:
    workshop, model = shop
    built = workshop.build(project.plan)
    assert built.is_green, [reason.sentence for checked in built.checked.values() for reason in checked.reasons]
    assert built.sources == project.files
    assert built.integration is not None
    report = built.integration.report
    assert {each["outcome"] for each in report["tests"]["tests"]} == {"passed"}  # type: ignore[index,call-overload,union-attr]
    assert all(report["criteria"].values())  # type: ignore[union-attr]
    assert len(model.calls) == len(project.plan.tasks)
