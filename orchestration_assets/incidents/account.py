"""What a person is told of a kept test: the pull request's title and text, and the account that lies beside it.

What belongs here: wording, and the rule that text from outside stands in code alone, where nothing is a mention, an image or a tag.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from orchestration_assets.incidents.frames import Place
from orchestration_assets.incidents.model import Incident, RegressionProposal
from orchestration_assets.reports import neutral
from resources.scrubbing import scrub
from resources.sentry_issues.facts import RaisedException

MOST_SHOWN = 40
"""Frames of a stack trace: half from the outside, half from the inside."""
LONGEST_LINE = 200
LONGEST_TITLE = 90
COMMIT_MESSAGE = f"Add a regression test\n\n{neutral.NO_CHECKS}\n"
"""Without a word from outside, which could close issues once it is merged."""
_BEFORE_TRACE = "\n\nStack trace, the innermost call last:\n\n"
_WAYS = {
    "hash": "the release names the commit",
    "tag": "the release is a tag",
    "release": "the release is one on GitHub",
    "time": "the release names no commit that is known: it is the newest of the default branch at the time of the error",
}


def proposal(incident: Incident, base: str, text: str, account: str) -> RegressionProposal:
    """The pull request of a kept test, on the branch `base` ("": the repository's default) as it stands at `incident.head`."""
    return RegressionProposal(
        issue=incident.issue,
        organization=incident.organization,
        repository=incident.repository,
        base=base,
        base_commit=incident.head or incident.commit,
        branch=f"regression/{_word(incident.short_id or incident.issue)}",
        title=f"Regression test for {_title(incident.title)} ({_title(_word(incident.short_id or incident.issue))})",
        body=account,
        files={incident.test_path: text},
        commit_message=COMMIT_MESSAGE,
        link=incident.link,
    )


def account(incident: Incident, raised: RaisedException, places: Sequence[Place], agreement: float) -> str:
    """Markdown."""
    error = code(f"{raised.type}: {raised.value}" if raised.value else raised.type)
    lines = [
        f"This test fails as an error in production did: {error}.",
        "",
        f"- **Issue:** {_link(incident)}",
        f"- **Release:** {code(incident.release) if incident.release else 'not told'}; source at {code(incident.commit[:12])}"
        + (f" ({_WAYS[incident.found]})" if incident.found in _WAYS else ""),
        f"- **What is called:** {code(incident.how)}, " + _written_by(incident),
        f"- **Seen:** in a sandbox on that commit it fails with the same exception, out of the same line of {code(places[-1].frame.function)}"
        f" in {code(places[-1].module.path)}, twice; {agreement:.0%} of the values that Sentry kept of these calls were the same.",
        f"- **To run it:** `python -m pytest {incident.test_path}` in the top folder",
        f"- **Checks:** a commit that says `{neutral.NO_CHECKS}` is left alone by them, for they would run this test with whatever they may"
        " reach: read it, and then let them run by another commit.",
        *_standing(incident),
    ]
    return scrub("\n".join(lines) + f"{_BEFORE_TRACE}{fenced(trace(raised))}\n")


def restated(account: str, incident: Incident) -> str:
    """An account with what is so by now of whether the error is mended, and all else as it was."""
    told, before, trace = account.partition(_BEFORE_TRACE)
    lines = [line for line in told.splitlines() if not line.startswith(("- **Mended:**", "- **Not mended:**"))]
    return "\n".join([*lines, *_standing(incident)]) + before + trace


def _standing(incident: Incident) -> list[str]:
    if incident.fixed_commit:
        return [
            f"- **Mended:** it passes since {code(incident.fixed_commit[:12])}; it keeps the error from coming back."
        ]
    return [f"- **Not mended:** it still fails at {code(incident.head[:12])}."] if incident.head else []


def trace(raised: RaisedException) -> str:
    """As Python prints it."""
    frames = raised.frames
    half = MOST_SHOWN // 2
    shown = frames if len(frames) <= MOST_SHOWN else [*frames[:half], None, *frames[-half:]]
    lines = []
    for frame in shown:
        if frame is None:
            lines.append(f"  ... {len(frames) - MOST_SHOWN} more calls ...")
            continue
        lines.append(f"  {_line(frame.filename or frame.abs_path)}:{frame.lineno or '?'} in {_line(frame.function)}")
        if frame.context_line.strip():
            lines.append(f"    {_line(frame.context_line.strip())}")
    return "\n".join([*lines, f"{_line(raised.type)}: {_line(raised.value)}"])


def fenced(text: str) -> str:
    """A block of code whose fence nothing in it can close."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def code(text: str) -> str:
    """Text from outside in one line, as code."""
    clean = _line(text).replace("`", "'").strip()
    return f"`{clean}`" if clean else "`-`"


def _written_by(incident: Incident) -> str:
    if incident.maker == "extractive":
        return "with the values that Sentry kept and, where it kept none, the code that made them"
    return f"written by {code(incident.maker)} and run like any other"


def _link(incident: Incident) -> str:
    """Only an address that looks like one becomes a link."""
    name = _word(incident.short_id or incident.issue)
    if re.fullmatch(r"https?://[\w.-]+(?::\d+)?(?:/[\w./~%?&=#-]*)?", incident.link):
        return f"[{name}]({incident.link})"
    return code(name)


def _word(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]+", "-", text).strip("-")[:60] or "issue"


def _title(text: str) -> str:
    """Scrubbed first: once its signs are gone, a secret does not look like one."""
    return neutral.title(scrub(_line(text)), LONGEST_TITLE)


def _line(text: str) -> str:
    """Printable, on one line, cut where it is long."""
    clean = "".join(each if each.isprintable() else " " for each in unicodedata.normalize("NFC", text))
    clean = re.sub(r"\s+", " ", clean)
    return clean if len(clean) <= LONGEST_LINE else clean[: LONGEST_LINE - 1] + "…"
