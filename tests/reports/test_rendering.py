from __future__ import annotations

import re
from datetime import date, timedelta
from html.parser import HTMLParser

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration_assets.reports.composition import compose
from orchestration_assets.reports.markup import html, markdown
from orchestration_assets.reports.model import ActivityCell, Period, Report, ReportKind
from orchestration_assets.reports.plots import BANDS, MIN_UNITS, stacked_bars, topic_lanes
from orchestration_assets.reports.rendering import render_html, render_markdown, report_json, span_of
from orchestration_assets.worklogs.model import Category
from tests.reports.report_material import History

HOSTILE = [
    "Add <script>alert(1)</script> to the page",
    'Add a title" onmouseover="alert(1)',
    "Add [a link](https://evil.example/x) and ![an image](https://evil.example/y.png)",
    "Add caches\u202e gnp.exe",
    "Add </style><svg onload=alert(1)> marks",
    "Add `<img src=x onerror=alert(1)>` to <b>`x`</b>",
    "Add {{ 7 * 7 }} and {% raw %} blocks",
    "Add `code` and **bold** and _emphasis_ and <!-- a comment -->",
]
WEEK = Period(kind="week", start=date(2026, 11, 16), end=date(2026, 11, 22), timezone="Europe/Vienna")


class Page(HTMLParser):
    """What a browser would see: tags, attributes, text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def made(history: History, kind: ReportKind = ReportKind.STATUS_REPORT, key: str = "2026-W47") -> Report:
    return compose(history.item(kind, key))


@pytest.mark.parametrize("subject", HOSTILE)
def test_text_from_commits_is_data_on_the_page(subject: str) -> None:
    history = History()
    history.commit(subject)
    page = Page(render_html(made(history), history.by_id()))
    assert not {"script", "img", "iframe"} & {tag for tag, _ in page.tags}
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert not any((attributes.get("href") or "#").startswith("http") for _, attributes in page.tags)
    assert [tag for tag, _ in page.tags].count("style") == 1
    assert "49" not in page.text.replace("149", "")


@pytest.mark.parametrize("subject", HOSTILE)
def test_text_from_commits_is_data_in_markdown(subject: str) -> None:
    history = History()
    history.commit(subject)
    text = render_markdown(made(history), history.by_id())
    assert not re.search(r"(?<!\\)<[a-z!/]", re.sub(r"`[^`]*`", "", text))
    assert "](" not in text.replace("\\](", "")
    assert "\u202e" not in text
    assert not re.search(r"(?<!`)https?://", text)


@given(st.text(max_size=80))
@settings(max_examples=200, deadline=None)
def test_no_text_opens_a_tag_a_block_or_a_link(text: str) -> None:
    said = markdown(text)
    assert "\n" not in said
    outside = re.sub(r"`[^`]*`", "", said)
    assert not re.search(r"(?<!\\)(?:\\\\)*[<*~]", outside)
    assert not re.match(r"(?:[#>+=-]|\d+[.)])", said)
    assert "](" not in re.sub(r"\\.", "", outside)
    assert set(re.findall(r"<(/?\w+)", html(text))) <= {"code", "/code"}


def test_identifiers_are_set_as_code() -> None:
    assert markdown("Gate it behind data_collection and `x`") == "Gate it behind `data_collection` and `x`"
    assert html("Drop __init__ & co") == "Drop <code>__init__</code> &amp; co"


def test_markdown_of_a_week() -> None:
    history = History()
    commit = history.commit("Add caches")
    history.note("Review the release checklist")
    text = render_markdown(made(history), history.by_id())
    short = (commit.entry.commit_hash or "")[:7]
    assert text.startswith(
        "# Status report, week 47 of 2026\n\n16 to 22 November 2026, Europe/Vienna. Your work in acme.\n"
    )
    assert f"- Added caches [{short}]\n" in text
    assert "- Reviewed the release checklist [note 2026-11-16]\n" in text
    assert "## Blockers\n\nNothing recorded.\n" in text
    assert "\n\n\n" not in text


def test_many_sources_are_named_by_the_first_and_a_count() -> None:
    history = History()
    history.pull_request(9, "Add caches", [f"step {n} of the cache" for n in range(9)])
    text = render_markdown(made(history), history.by_id())
    assert re.search(r"- Added caches \(#9\) \[(?:[0-9a-f]{7}, ){3}[0-9a-f]{7} and 6 more\]", text)


def test_entries_of_which_nothing_is_told_are_said_to_tell_nothing() -> None:
    history = History()
    history.commit("Merge branch 'main' into topic", [], is_merge=True, landed=None)
    text = render_markdown(made(history), history.by_id())
    assert text.count("Nothing recorded.") == 4
    assert text.endswith("\nFrom 1 entry, of which there is nothing to tell.\n")
    history.commit("Add caches")
    assert "\nFrom 2 entries; 1 unit of work.\n" in render_markdown(made(history), history.by_id())


def test_json_is_the_contract() -> None:
    history = History()
    commit = history.commit("Add caches")
    history.note("Review the release checklist")
    told = orjson.loads(report_json(made(history), history.by_id()))
    assert told["period"] == {"kind": "week", "start": "2026-11-16", "end": "2026-11-22", "timezone": "Europe/Vienna"}
    completed = told["sections"][0]
    assert completed["title"] == "Completed"
    evidence = {claim["text"]: claim["evidence"] for claim in completed["claims"]}
    assert evidence["Added caches"] == [
        {"entry_id": commit.entry.entry_id, "source": commit.entry.commit_hash, "quote": "Add caches"}
    ]
    assert evidence["Reviewed the release checklist"][0]["source"] == "note"


def test_a_page_loads_nothing_and_its_style_is_pinned() -> None:
    history = History()
    history.commit("Add caches")
    page = Page(render_html(made(history), history.by_id()))
    policy = next(attributes["content"] for tag, attributes in page.tags if attributes.get("http-equiv"))
    assert policy is not None
    assert re.search(r"default-src 'none'; style-src 'sha256-[\w+/]{43}='", policy)
    assert not any(attributes.get("src") or attributes.get("style") for _, attributes in page.tags)


def test_every_cited_hash_leads_to_its_quote() -> None:
    history = History()
    history.commit("Add caches")
    page = Page(render_html(made(history), history.by_id()))
    anchors = {attributes["href"] for tag, attributes in page.tags if tag == "a"}
    assert anchors == {f"#{attributes['id']}" for _, attributes in page.tags if attributes.get("id")}


def cells(units: int) -> list[ActivityCell]:
    categories = list(Category)
    return [
        ActivityCell(day=WEEK.start + timedelta(days=n % 7), category=categories[n % len(categories)].value, units=1)
        for n in range(units)
    ]


def test_too_little_work_makes_no_plot() -> None:
    assert stacked_bars(cells(MIN_UNITS - 1), WEEK) == ""
    assert stacked_bars(cells(MIN_UNITS), WEEK).startswith("<svg")
    day = WEEK.model_copy(update={"kind": "day", "end": WEEK.start})
    assert stacked_bars([ActivityCell(day=WEEK.start, category="fix", units=20)], day) == ""


def test_every_category_has_a_band() -> None:
    assert sorted(category for categories in BANDS.values() for category in categories) == sorted(Category)


def test_a_months_topics_have_lanes_over_its_weeks() -> None:
    month = Period(kind="month", start=date(2026, 11, 1), end=date(2026, 11, 30), timezone="UTC")
    weeks = {"<Parser>": {date(2026, 10, 26): 3, date(2026, 11, 9): 4}, "Storage": {date(2026, 11, 16): 2}}
    drawn = topic_lanes(weeks, month)
    assert drawn.count("<circle") == 3
    assert "<Parser>" not in drawn
    assert topic_lanes({"Parser": {date(2026, 11, 9): 4}}, month) == ""


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        (date(2026, 11, 20), date(2026, 11, 20), "20 November 2026"),
        (date(2026, 11, 30), date(2026, 12, 6), "30 November to 6 December 2026"),
        (date(2025, 12, 29), date(2026, 1, 4), "29 December 2025 to 4 January 2026"),
    ],
)
def test_spans_as_people_write_them(start: date, end: date, said: str) -> None:
    assert span_of(Period(kind="week", start=start, end=end, timezone="UTC")) == said
