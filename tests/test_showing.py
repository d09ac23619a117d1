"""Which document is shown where none is named."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from orchestration_assets.reports.model import DOCUMENTS, Document, ReportKind
from orchestration_assets.session import Connections
from orchestration_assets.showing import latest_key
from orchestration_assets.worklogs.model import ENTRIES
from resources.settings import load_settings
from tests.reports.report_material import History

AHEAD = datetime(2099, 3, 4, tzinfo=UTC)


@pytest.mark.parametrize(("authored", "landed"), [(AHEAD, AHEAD), (AHEAD, None), (None, AHEAD)])
def test_a_date_that_is_still_to_come_hides_no_week_that_tells_of_work(
    authored: datetime | None, landed: datetime | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOLOIST_NOW", "2026-11-29T09:00:00+00:00")
    monkeypatch.setenv("SOLOIST_AUTHORS", "all")
    history = History()
    done = history.note("Weigh parcels").entry
    ahead = history.note("Weigh parcels").entry
    ahead = ahead.model_copy(update={"authored_at": authored or ahead.authored_at, "landed_at": landed})
    documents = [
        Document(kind="status_report", key=week, variant="", format="md", sha256="", size=0, title="")
        for week in ("2026-W46", "2026-W47", "2026-W48")
    ]
    connections = Connections(load_settings())
    with connections.warehouse.write() as session:
        session.insert(ENTRIES, [done, ahead])
        session.insert(DOCUMENTS, documents)
        assert latest_key(session, connections, ReportKind.STATUS_REPORT) == "2026-W47"
