"""The resume for people: Markdown, a standalone HTML page that prints on A4, and a PDF.

What belongs here: one view (plain values, worded once) and the three ways to set it. All text in the view is data: the
Markdown and HTML environments escape it, and it reaches Typst as JSON, so nothing in it is ever read as markup or code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import orjson

from orchestration_assets.reports.json_resume import description, missing
from orchestration_assets.reports.model import Profile
from orchestration_assets.reports.phrasing import one_line
from orchestration_assets.reports.resume_claims import category_name
from orchestration_assets.reports.resume_model import Highlight, ResumeDraft, ResumeProject, ResumeSkill
from orchestration_assets.reports.templating import environment
from orchestration_assets.worklogs.wording import plural

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"
SHORT_HASH = 7
HASHES_SHOWN = 3

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_MISSING = {
    "basics.name": "name",
    "basics.email": "e-mail address",
    "basics.summary": "summary",
    "work": "work",
    "education": "education",
}
"""What the profile lacks, in words."""

View = dict[str, Any]


def render_markdown(draft: ResumeDraft, profile: Profile) -> str:
    """CommonMark with small figures under each highlight."""
    return _tidy_lines(_environment("md").get_template("resume.md.j2").render(resume_view(draft, profile)))


def render_html(draft: ResumeDraft, profile: Profile) -> str:
    """One page without scripts or anything loaded from elsewhere."""
    return _environment("html").get_template("resume.html.j2").render(resume_view(draft, profile))


def render_pdf(draft: ResumeDraft, profile: Profile, *, font_paths: Sequence[Path] = ()) -> bytes:
    """PDF bytes, equal for equal inputs. Fonts are those inside the typst wheel, which write Latin, Greek and Cyrillic;
    `font_paths` are folders with fonts for other scripts."""
    return _typeset(draft, profile, "pdf", font_paths)


def render_png(draft: ResumeDraft, profile: Profile, *, font_paths: Sequence[Path] = ()) -> bytes:
    """The pages of the PDF as a picture; for looking at it only. Of several pages, the first."""
    return _typeset(draft, profile, "png", font_paths)


def _typeset(draft: ResumeDraft, profile: Profile, form: Literal["pdf", "png"], font_paths: Sequence[Path]) -> bytes:
    import typst

    compiler = typst.Compiler(
        TEMPLATES / "resume.typ",
        root=TEMPLATES,
        font_paths=list(font_paths),
        ignore_system_fonts=True,
        sys_inputs={"resume": orjson.dumps(resume_view(draft, profile)).decode()},
    )
    made = compiler.compile(format=form, timestamp=0)
    if isinstance(made, list):
        return bytes(made[0])
    return bytes(made or b"")


def resume_view(draft: ResumeDraft, profile: Profile) -> View:
    """What the templates set: texts, each on one line, and lists and tables of them."""
    basics = profile.basics
    return {
        "name": _text(basics, "name"),
        "label": _text(basics, "label"),
        "contacts": _contacts(basics),
        "summary": _text(basics, "summary"),
        "work": [_post(post) for post in profile.work],
        "projects": [_project(project, draft.commits) for project in draft.projects],
        "skills": _skills(draft.skills),
        "education": [_study(study) for study in profile.education],
        "certificates": [_certificate(one) for one in profile.certificates],
        "languages": [_join([_text(one, "language"), _text(one, "fluency")]) for one in profile.languages],
        "missing": [_MISSING[path] for path in missing(profile)],
    }


def split_lead(highlight: Highlight) -> tuple[str, str]:
    """A highlight as heading and rest: ("Changelog", "added ..."); ("", text) where it opens with no heading."""
    lead, colon, rest = highlight.text.partition(": ")
    is_heading = bool(highlight.theme) and colon and lead.casefold().endswith(highlight.theme.casefold())
    return (lead, rest) if is_heading else ("", highlight.text)


def _project(project: ResumeProject, commits: Mapping[str, str]) -> View:
    return {
        "name": one_line(project.name),
        "about": description(project),
        "span": _span(project.first.isoformat(), project.last.isoformat()),
        "keywords": [one_line(keyword) for keyword in project.keywords],
        "highlights": [
            {"lead": one_line(lead), "rest": one_line(rest), "figures": _figures(highlight, commits)}
            for highlight in project.highlights
            for lead, rest in [split_lead(highlight)]
        ],
    }


def _figures(highlight: Highlight, commits: Mapping[str, str]) -> str:
    """The evidence in small: "Mar 2021 – Nov 2024 · 24 active months · 3f2a91c, 88ab0de and 61 more commits". One change may
    be several commits, so that these are counted apart from the changes of the sentence."""
    hashes = [commits[one.entry_id][:SHORT_HASH] for one in highlight.evidence if one.entry_id in commits][
        :HASHES_SHOWN
    ]
    more = len(highlight.evidence) - len(hashes)
    noun = "more commit" if all(one.entry_id in commits for one in highlight.evidence) else "more entry"
    named = ", ".join(hashes) + (f" and {plural(more, noun)}" if more else "")
    cited = named if hashes else plural(more, "entry")
    span = _span(highlight.first.isoformat(), highlight.last.isoformat())
    return " · ".join([span, plural(highlight.months_active, "active month"), cited])


def _skills(skills: Iterable[ResumeSkill]) -> list[View]:
    groups: dict[str, list[View]] = {}
    for skill in skills:
        first, last = skill.first_used.year, skill.last_used.year
        years = str(first) if first == last else f"{first}–{last}"
        groups.setdefault(category_name(one_line(skill.category)), []).append(
            {
                "name": one_line(skill.name),
                "level": f"{skill.level.value}, past" if skill.past else skill.level.value,
                "past": skill.past,
                "figures": f"{skill.count:,}×, {years}",
            }
        )
    return [{"category": category, "skills": members} for category, members in groups.items()]


def _post(post: Mapping[str, object]) -> View:
    return {
        "title": _join([_text(post, "position"), _text(post, "name")]),
        "url": _safe_url(_text(post, "url")),
        "place": _text(post, "location"),
        "span": _span(_text(post, "startDate"), _text(post, "endDate")),
        "summary": _text(post, "summary"),
        "highlights": _texts(post, "highlights"),
    }


def _study(study: Mapping[str, object]) -> View:
    return {
        "title": _join([_join([_text(study, "studyType"), _text(study, "area")], " in "), _text(study, "institution")]),
        "url": _safe_url(_text(study, "url")),
        "span": _span(_text(study, "startDate"), _text(study, "endDate")),
        "details": _texts(study, "courses") + ([f"Score {_text(study, 'score')}"] if _text(study, "score") else []),
    }


def _certificate(certificate: Mapping[str, object]) -> View:
    return {
        "title": _join([_text(certificate, "name"), _text(certificate, "issuer")]),
        "url": _safe_url(_text(certificate, "url")),
        "span": _day(_text(certificate, "date")),
    }


def _contacts(basics: Mapping[str, object]) -> list[dict[str, str]]:
    """Text and link of each way to reach the person; no link for an address that is neither http(s) nor e-mail."""
    email, url = _text(basics, "email"), _text(basics, "url")
    location = basics.get("location")
    places = (
        [_text(location, part) for part in ("city", "region", "countryCode")] if isinstance(location, Mapping) else []
    )
    found = [
        {"text": _join(places), "url": ""},
        {"text": email, "url": f"mailto:{email}" if re.fullmatch(r"[^\s@?&]+@[^\s@?&]+", email) else ""},
        {"text": _text(basics, "phone"), "url": ""},
        {"text": re.sub(r"^https?://|/$", "", url), "url": _safe_url(url)},
    ]
    accounts = basics.get("profiles")
    for account in accounts if isinstance(accounts, list) else []:
        if isinstance(account, Mapping):
            text = _join([_text(account, "network"), _text(account, "username")], " ") or _text(account, "url")
            found.append({"text": text, "url": _safe_url(_text(account, "url"))})
    return [contact for contact in found if contact["text"]]


def _text(table: Mapping[str, object], key: str) -> str:
    value = table.get(key)
    return one_line(value) if isinstance(value, str) else ""


def _texts(table: Mapping[str, object], key: str) -> list[str]:
    value = table.get(key)
    return (
        [one_line(part) for part in value if isinstance(part, str) and part.strip()] if isinstance(value, list) else []
    )


def _join(parts: Iterable[str], by: str = ", ") -> str:
    return by.join(part for part in parts if part)


def _safe_url(url: str) -> str:
    """The address if a reader may follow it: http or https, without spaces; else ""."""
    return url if re.fullmatch(r"https?://[^\s<>\"'`\\]+", url, re.IGNORECASE) else ""


def _span(start: str, end: str) -> str:
    """`2021-03`, `2024-11-30` as "Mar 2021 – Nov 2024"; "since Mar 2021" without an end."""
    first, last = _day(start), _day(end)
    if first and last:
        return first if first == last else f"{first} – {last}"
    return f"since {first}" if first else last


def _day(iso: str) -> str:
    year, _, rest = iso.partition("-")
    month = int(rest[:2]) if rest[:2].isdigit() else 0
    return f"{_MONTHS[month - 1]} {year}" if 1 <= month <= 12 else year


@lru_cache(maxsize=2)
def _environment(form: Literal["md", "html"]) -> Environment:
    # Every value that a Markdown template prints is escaped: none can be forgotten.
    return environment(TEMPLATES, escape_markdown if form == "md" else None)


def escape_markdown(value: object) -> str:
    """The value as Markdown that shows exactly its characters: no markup, no HTML, no entity, no list or heading."""
    text = one_line(str(value))
    text = re.sub(r"([\\`*\[\]<>|~&!])", r"\\\1", text)
    text = re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", text)
    text = re.sub(r"^(\d+)([.)])", r"\1\\\2", text)
    return re.sub(r"^([-+#=>])", r"\\\1", text)


def _tidy_lines(markdown: str) -> str:
    """At most one empty line in a row, and one line break at the end."""
    return re.sub(r"\n{3,}", "\n\n", markdown).strip("\n") + "\n"
