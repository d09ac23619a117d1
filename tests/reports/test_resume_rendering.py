"""What the four formats of a resume hold: the same words, evidence in small, and no markup that came in as text."""

import json
import re
import time
from datetime import date
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import jsonschema
import pypdf
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration_assets.reports.json_resume import json_resume_bytes, to_json_resume
from orchestration_assets.reports.model import Profile
from orchestration_assets.reports.profile import EXAMPLE_PROFILE, json_resume_schema, load_profile
from orchestration_assets.reports.resume import draft_resume
from orchestration_assets.reports.resume_model import Highlight, ResumeDraft, ResumeProject, ResumeSkill
from orchestration_assets.reports.resume_rendering import escape_markdown, render_html, render_markdown, render_pdf
from orchestration_assets.worklogs.model import Evidence
from tests.reports.resume_material import co_author, example_item, item, work

HOSTILE = '<script>alert(1)</script> *a* [x](javascript:alert(1)) `#import "x"` #panic("no") \\ & ${{ 7*7 }} {% x %} \u202edcba'


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    path = tmp_path / "profile.toml"
    path.write_text(EXAMPLE_PROFILE, encoding="utf-8")
    return load_profile(path)


def pdf_text(data: bytes) -> str:
    """The words of all pages, with spaces as single ones and ligatures taken apart."""
    text = "\n".join(page.extract_text() for page in pypdf.PdfReader(BytesIO(data)).pages)
    return " ".join(text.replace("ﬁ", "fi").replace("ﬂ", "fl").replace("ﬀ", "ff").replace("\u00ad", "").split())


class Page(HTMLParser):
    """The elements, links and text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        if self.elements[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def test_all_formats_say_the_same_words(profile: Profile) -> None:
    draft = draft_resume(example_item(profile=profile))
    html = Page(render_html(draft, profile)).text
    pdf = pdf_text(render_pdf(draft, profile))
    markdown = render_markdown(draft, profile)
    for said in (
        "Ada Example",
        "Developer, Example Works",
        "since Mar 2021",
        "contributed “",
        "PostgreSQL",
        "7 changes (5 features, 2 fixes), 2024",
        "University of Exampleton",
        "not how good anybody is",
    ):
        assert said in html
        assert said in pdf
        assert said in markdown


def test_evidence_is_shown_in_small_and_told_in_full(profile: Profile) -> None:
    draft = draft_resume(example_item(profile=profile))
    lantern = next(project for project in draft.projects if project.name == "lantern")
    commit = draft.commits[lantern.highlights[0].evidence[0].entry_id]
    assert re.search(
        rf"<sub>Mar 2024 – Jun 2024 · 3 active months · {commit[:7]}, \w{{7}}, \w{{7}} and 4 more commits</sub>",
        render_markdown(draft, profile),
    )
    assert commit[:7] in render_html(draft, profile)
    assert commit[:7] in pdf_text(render_pdf(draft, profile))
    meta = json.loads(json_resume_bytes(draft, profile))["meta"]["soloist"]
    (highlight,) = next(project for project in meta["projects"] if project["name"] == "lantern")["highlights"]
    assert len(highlight["evidence"]) == 7
    assert highlight["evidence"][0]["commit"] == commit
    assert {"entry_id", "where", "start", "end", "quote"} <= highlight["evidence"][0].keys()
    python = meta["skills"][0]
    assert (python["count"], python["firstUsed"], python["lastUsed"]) == (1214, "2024-03-01", "2026-10-01")


def test_evidence_that_is_no_commit_is_counted_among_entries(profile: Profile) -> None:
    draft = draft_resume(example_item(profile=profile))
    lantern = next(project for project in draft.projects if project.name == "lantern")
    cited = [piece.entry_id for piece in lantern.highlights[0].evidence]
    for left, told in [(cited[:-1], "and 4 more entries</sub>"), ([], "· 7 entries</sub>")]:
        commits = {entry: draft.commits[entry] for entry in left}
        other = draft.model_copy(update={"commits": commits, "projects": [lantern]})
        assert told in render_markdown(other, profile)


def test_equal_inputs_make_equal_bytes_and_no_day_of_making(profile: Profile) -> None:
    first, second = (draft_resume(example_item(profile=profile)) for _ in range(2))
    later = draft_resume(example_item(profile=profile, as_of=date(2027, 1, 1)))
    for render in (json_resume_bytes, render_markdown, render_html, render_pdf):
        assert render(first, profile) == render(second, profile) == render(later, profile)
    data = render_pdf(first, profile)
    assert b"CreationDate" not in data
    assert b"ModDate" not in data


def test_a_pdf_takes_less_than_a_second_and_a_half(profile: Profile) -> None:
    draft = draft_resume(example_item(profile=profile))
    started = time.process_time()
    data = render_pdf(draft, profile)
    assert time.process_time() - started < 1.5
    assert data.startswith(b"%PDF-")
    assert len(pypdf.PdfReader(BytesIO(data)).pages) == 1


def test_no_file_names_a_third_party(profile: Profile) -> None:
    rows = [
        work(n, f"Add table {name} of tides", scope="tides", co_authors=co_author()) for n, name in enumerate("abcd")
    ]
    draft = draft_resume(item(rows, profile=profile))
    documents = [render_markdown(draft, profile), render_html(draft, profile), pdf_text(render_pdf(draft, profile))]
    documents.append(json_resume_bytes(draft, profile).decode())
    for document in documents:
        assert "contributed “Add table" in document
        assert "Bo Sample" not in document
        assert "sample.example" not in document
        assert "ada@example.com" in document, "the profile's own address is its owner's to show"


def test_without_a_profile_the_resume_says_what_is_missing() -> None:
    draft = draft_resume(example_item())
    said = "Missing from the profile: name, e-mail address, summary, work, education; "
    assert said in render_markdown(draft, Profile())
    assert said in Page(render_html(draft, Profile())).text
    assert said in pdf_text(render_pdf(draft, Profile()))
    meta = to_json_resume(draft, Profile())["meta"]
    assert isinstance(meta, dict)
    assert meta["soloist"]["missing"][0] == "basics.name"


def test_what_a_profile_leaves_out_on_purpose_is_not_called_missing() -> None:
    profile = Profile(basics={"name": "Ada Example"})
    assert "issing" not in render_markdown(draft_resume(example_item()), profile)


def hostile_draft() -> ResumeDraft:
    quoted = Evidence(entry_id="e", where="message", start=0, end=1, quote="x")
    highlight = Highlight(
        theme=HOSTILE,
        text=f"{HOSTILE}: {HOSTILE}",
        counts={"feature": 3},
        changes=3,
        first=date(2024, 1, 1),
        last=date(2024, 2, 1),
        months_active=2,
        shared=False,
        evidence=[quoted],
    )
    project = ResumeProject(
        name=HOSTILE,
        first=date(2024, 1, 1),
        last=date(2024, 2, 1),
        changes=3,
        months_active=2,
        keywords=[HOSTILE],
        highlights=[highlight],
    )
    known = {
        "skill": "x",
        "level": "used",
        "past": False,
        "first_used": date(2024, 1, 1),
        "last_used": date(2024, 1, 1),
        "count": 1,
        "months_active": 1,
    }
    skill = ResumeSkill.model_validate({**known, "name": HOSTILE, "category": HOSTILE, "evidence": [quoted]})
    return ResumeDraft(projects=[project], skills=[skill])


HOSTILE_PROFILE = Profile(
    basics={
        "name": HOSTILE,
        "summary": HOSTILE,
        "email": "javascript:alert(1)",
        "url": "javascript:alert(1)",
        "profiles": [{"network": HOSTILE, "url": 'https://example.com/"onclick="alert(1)'}],
    },
    work=[{"name": HOSTILE, "url": "data:text/html,x", "highlights": [HOSTILE]}],
)


def test_hostile_text_is_inert_in_html() -> None:
    page = Page(render_html(hostile_draft(), HOSTILE_PROFILE))
    assert "script" not in page.elements
    assert page.links == []
    assert "<script>alert(1)</script> *a*" in page.text, "it is shown as it stands"
    assert "\u202e" not in page.text


def test_hostile_text_is_inert_in_the_pdf() -> None:
    data = render_pdf(hostile_draft(), HOSTILE_PROFILE)
    text = pdf_text(data)
    assert '#panic("no")' in text
    assert "${{ 7*7 }}" in text
    annotations = [
        annotation for page in pypdf.PdfReader(BytesIO(data)).pages for annotation in page.get("/Annots", [])
    ]
    assert annotations == []


def test_hostile_text_is_inert_in_markdown() -> None:
    markdown = render_markdown(hostile_draft(), HOSTILE_PROFILE)
    assert "<script" not in markdown.replace("\\<", "")
    assert "](javascript" not in markdown.replace("\\]", "")
    assert not re.search(r"(?<!\\)`", markdown)


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("snake_case stays", "snake_case stays"),
        ("_all_", r"\_all\_"),
        ("1. one", r"1\. one"),
        ("# no heading", r"\# no heading"),
        ("- no item", r"\- no item"),
        ("a & b <c>", r"a \& b \<c\>"),
        ("two\nlines\n\n# and", "two lines # and"),
    ],
)
def test_markdown_escapes_show_the_characters_themselves(text: str, escaped: str) -> None:
    assert escape_markdown(text) == escaped


def test_the_example_follows_the_schema_to_the_letter(profile: Profile) -> None:
    document = to_json_resume(draft_resume(example_item(profile=profile)), profile)
    jsonschema.Draft7Validator(json_resume_schema(), format_checker=jsonschema.FormatChecker()).validate(document)
    assert document["skills"] == [
        {"name": "Languages", "level": "sustained", "keywords": ["Python"]},
        {"name": "Databases", "level": "regular", "keywords": ["PostgreSQL"]},
        {"name": "Languages", "level": "used", "keywords": ["Rust"]},
        {"name": "Databases", "level": "regular (past)", "keywords": ["Redis"]},
    ]


TEXT = st.text(max_size=30)
COUNT = st.integers(1, 100_000)
DAY = st.dates(date(1970, 1, 1), date(2999, 12, 31))
EVIDENCE = st.builds(Evidence, entry_id=TEXT, where=st.just("message"), start=st.just(0), end=st.just(1), quote=TEXT)
HIGHLIGHT = st.builds(
    Highlight,
    theme=TEXT,
    text=TEXT,
    counts=st.dictionaries(TEXT, COUNT, max_size=2),
    changes=COUNT,
    first=DAY,
    last=DAY,
    months_active=COUNT,
    evidence=st.lists(EVIDENCE, min_size=1, max_size=3),
)
PROJECT = st.builds(
    ResumeProject,
    name=TEXT,
    first=DAY,
    last=DAY,
    changes=COUNT,
    months_active=COUNT,
    keywords=st.lists(TEXT, max_size=3),
    highlights=st.lists(HIGHLIGHT, max_size=3),
)
SKILL = st.builds(
    ResumeSkill,
    name=TEXT,
    category=TEXT,
    first_used=DAY,
    last_used=DAY,
    count=COUNT,
    months_active=COUNT,
    evidence=st.lists(EVIDENCE, min_size=1, max_size=2),
)
DRAFT = st.builds(
    ResumeDraft,
    projects=st.lists(PROJECT, max_size=3),
    skills=st.lists(SKILL, max_size=4),
    commits=st.dictionaries(TEXT, TEXT, max_size=2),
    left_out=st.dictionaries(TEXT, COUNT, max_size=2),
)
BASICS = st.fixed_dictionaries({}, optional={"name": TEXT, "summary": TEXT, "email": st.just("ada@example.com")})
PROFILE = BASICS.map(lambda basics: Profile(basics=basics))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(DRAFT, PROFILE)
def test_any_draft_makes_valid_json_one_html_page_and_markdown(draft: ResumeDraft, profile: Profile) -> None:
    jsonschema.Draft7Validator(json_resume_schema()).validate(json.loads(json_resume_bytes(draft, profile)))
    expected = Page(
        render_html(draft_resume(example_item()), Profile(basics={"name": "x", "summary": "x", "email": "a@b.example"}))
    )
    assert set(Page(render_html(draft, profile)).elements) <= {*expected.elements, "small", "dl", "dt", "dd"}
    assert render_markdown(draft, profile).count("\n# ") == 0


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(DRAFT, PROFILE)
def test_any_draft_makes_a_pdf(draft: ResumeDraft, profile: Profile) -> None:
    assert render_pdf(draft, profile).startswith(b"%PDF-")
