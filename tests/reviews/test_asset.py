"""The asset, run by Dagster: what it made is to be seen there, and its comment waits to be sent."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from orchestration_assets.activity.model import PULL_REQUESTS
from orchestration_assets.definitions import build_definitions
from orchestration_assets.session import Connections
from resources.settings import load_settings
from resources.sources import remember_sources
from tests.activity.github_facts import REPOSITORY, pull_request
from tests.reviews.changes import committed


@pytest.mark.integration
def test_a_run_shows_its_findings_and_leaves_the_comment_in_the_outbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOLOIST_GITHUB_API_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("SOLOIST_GITHUB_REPOSITORIES", REPOSITORY)
    repository, base, head = committed(
        tmp_path / "ledger", {"app.py": "x = 1\n"}, {"app.py": "x = 1\ndef run(text):\n    return eval(text)\n"}
    )
    repository.git("remote", "add", "origin", f"https://github.com/{REPOSITORY}.git")
    repository.git("update-ref", "refs/heads/main", base)
    connections = Connections(load_settings())
    remember_sources(connections.settings, [repository.path], ["all"])
    proposed = {"state": "open", "head_commit": head, "closed_at": None}
    with connections.warehouse.write() as session:
        session.merge(
            PULL_REQUESTS,
            [pull_request(7, "Run it", **proposed), pull_request(8, "Gone", state="open", closed_at=None)],
        )
    with dg.DagsterInstance.ephemeral() as instance:
        job = build_definitions().resolve_job_def("review_pull_requests_job")
        result = job.execute_in_process(instance=instance)
        (event,) = result.get_asset_materialization_events()
    metadata = event.materialization.metadata
    assert metadata["counts"].value == {"read": 2, "made": 1, "unchanged": 0, "failed": 1}
    assert "`eval` runs whatever its text says" in str(metadata["findings"].value)
    assert len(metadata["problems"].value) == 1  # type: ignore[arg-type]
    assert str(metadata["document fern/ledger#7"].value).endswith("/documents/pull_request_review/fern/ledger%237.html")
    kept = connections.outbox.under("review:fern/ledger#7")
    assert kept is not None
    assert (kept.verb, kept.state) == ("keep_comment", "waiting")
