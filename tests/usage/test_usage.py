"""What was asked of a model adds up by local day, agent and model, and costs what the price table says."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from orchestration_assets.connections import open_warehouse
from orchestration_assets.model_records import MODEL_CALLS
from orchestration_assets.usage.making import is_behind, make_usage
from orchestration_assets.usage.presentation import SHOWN, usage_plot, usage_table
from resources.errors import BadInput
from resources.language_model.records import ModelCall
from resources.settings import Settings


def call(number: int, at: str, **changes: object) -> ModelCall:
    made = ModelCall(
        call_id=str(number),
        agent="resume",
        agent_version="1",
        key=str(number),
        model="m@r1",
        outcome="ok",
        tokens_in=1000,
        tokens_cached=400,
        tokens_out=100,
        latency_ms=100.0 * number,
        attempts=1,
        called_at=datetime.fromisoformat(at).replace(tzinfo=UTC),
    )
    return made.model_copy(update=changes)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "prices.toml").write_text(
        'currency = "EUR"\n[models]\nm = { input = 2.0, cached = 1.0, output = 10.0 }\n'
    )
    return Settings(home=tmp_path, timezone="Europe/Berlin")


CALLS = [
    call(1, "2026-11-19T22:30:00"),
    call(2, "2026-11-19T23:30:00"),  # half past midnight in Berlin
    call(3, "2026-11-20T10:00:00", outcome="failed", reason="cut off", attempts=3),
    call(4, "2026-11-20T10:00:00", agent="summary"),
    call(5, "2026-11-20T10:00:00", model="other@r1"),
]


def keep(settings: Settings, calls: list[ModelCall]) -> None:
    with open_warehouse(settings).write() as session:
        session.insert(MODEL_CALLS, calls)


def behind(settings: Settings) -> bool:
    with open_warehouse(settings).read() as session:
        return is_behind(session)


def test_calls_add_up_by_local_day_agent_and_model(settings: Settings) -> None:
    keep(settings, CALLS)
    counts, rows = make_usage(settings, open_warehouse(settings))
    found = {(row.day.day, row.agent, row.model): row for row in rows}
    assert {key: row.calls for key, row in found.items()} == {
        (19, "resume", "m@r1"): 1,
        (20, "resume", "m@r1"): 2,
        (20, "summary", "m@r1"): 1,
        (20, "resume", "other@r1"): 1,
    }
    both = found[20, "resume", "m@r1"]
    assert (both.failed, both.http_requests, both.tokens_in, both.tokens_cached, both.tokens_out) == (
        1,
        4,
        2000,
        800,
        200,
    )
    assert (both.latency_p50_ms, both.latency_p95_ms) == (250.0, 295.0)
    assert both.cost == pytest.approx((1200 * 2 + 800 * 1 + 200 * 10) / 1e6)
    assert both.currency == "EUR"
    assert found[20, "resume", "other@r1"].cost is None
    assert counts.made == 4


def test_it_is_behind_until_every_call_is_counted_and_writes_only_what_changed(settings: Settings) -> None:
    assert not behind(settings)
    keep(settings, CALLS[:2])
    assert behind(settings)
    make_usage(settings, open_warehouse(settings))
    assert not behind(settings)
    keep(settings, CALLS[2:])
    assert behind(settings)
    counts, _ = make_usage(settings, open_warehouse(settings))
    assert (counts.read, counts.made, counts.unchanged) == (4, 3, 1)
    counts, _ = make_usage(settings, open_warehouse(settings))
    assert (counts.made, counts.unchanged) == (0, 4)


def test_the_table_and_the_plot_show_the_latest_days(settings: Settings) -> None:
    keep(settings, [call(number, f"2026-{1 + number // 28:02}-{1 + number % 28:02}T10:00:00") for number in range(60)])
    keep(settings, [call(60, "2026-12-01T10:00:00", tokens_in=4000, tokens_cached=0)])
    _, rows = make_usage(settings, open_warehouse(settings))
    assert usage_table(rows).count("\n") == SHOWN + 1
    bars = [line for line in usage_plot(rows).splitlines() if line.startswith("2026")]
    assert len(bars) == SHOWN
    assert bars[-1].startswith("2026-12-01") and bars[-1].endswith(" 4,100")
    longest, other = (sum(map(line.count, "█▒░")) for line in (bars[-1], bars[0]))
    assert longest == pytest.approx(40, abs=1)
    assert other == pytest.approx(40 * 1100 / 4100, abs=2)


def test_nothing_asked_is_said() -> None:
    assert usage_table([]) == usage_plot([]) == "No model was asked yet."


def test_a_broken_price_table_is_one_sentence_and_loses_nothing(settings: Settings) -> None:
    keep(settings, CALLS)
    settings.prices_path.write_text("models = 3")
    with pytest.raises(BadInput, match="price table"):
        make_usage(settings, open_warehouse(settings))
    assert behind(settings)


def test_days_are_dates(settings: Settings) -> None:
    keep(settings, CALLS[:1])
    _, (row,) = make_usage(settings, open_warehouse(settings))
    assert row.day == date(2026, 11, 19)
