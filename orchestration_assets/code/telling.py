"""What is told of a build on GitHub: the pull request that brings a finished project, and the comment under the issue that asked for it.

What belongs here: wording. What a person or a model wrote stands in it as text, which mentions, embeds and links nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from orchestration_assets.code.bundle import BundleInput, Made
from orchestration_assets.code.bundle.packaging import packaged
from orchestration_assets.code.issues import LABEL, parts
from orchestration_assets.code.model import BuildComment, ProjectProposal, Specification
from orchestration_assets.code.reporting import cell, code_cell
from orchestration_assets.reports import neutral
from resources.scrubbing import scrub

MOST_TESTS_SHOWN = 5
"""Of a criterion."""
LONGEST_TITLE = 120


def proposal(specification: Specification, built: BundleInput, base: str, base_commit: str) -> ProjectProposal:
    """The pull request that adds a project, as a folder of its own, on top of `base_commit` of the branch `base`."""
    project = specification.project
    files = {
        f"{project}/{path}": data.decode()
        for path, data in packaged(project, built.version, built.plan, built.sources).items()
    }
    return ProjectProposal(
        project=project,
        repository=specification.repository,
        base=base,
        base_commit=base_commit,
        branch=f"build/{project}-{_fingerprint(files)}",
        title=scrub(f"Add {project}: {neutral.title(specification.title, LONGEST_TITLE)}"),
        body=scrub(_body(specification, built)),
        commit_message=f"Add {project}\n\n{neutral.NO_CHECKS}\n",
        files=files,
    )


def finished(specification: Specification, built: BundleInput, problems: Sequence[str]) -> BuildComment:
    """The comment under the issue of a project that is complete. `problems`: why no pull request brings it."""
    said = f"Built: {len(built.plan.tasks)} tasks are done and {len(built.report.tests)} tests pass in the sandbox."
    if problems:
        return _comment(specification.issue, "\n\n".join([said, *map(neutral.markdown, problems)]))
    is_here = specification.repository.lower() == parts(specification.issue)[0].lower()
    where = "" if is_here else f" in {neutral.code(specification.repository)}"
    return _comment(
        specification.issue,
        f"{said} A pull request{where} brings the project, in the folder `{specification.project}/`.",
    )


def stopped(issue: str, why: str) -> BuildComment:
    """The comment under an issue whose project could not be completed."""
    return _comment(
        issue,
        f"This could not be built: {neutral.markdown(why)}\n\nTake the label `{LABEL}` off and put it on again to have it tried again, with "
        "the text as it is then.",
    )


def _comment(issue: str, body: str) -> BuildComment:
    repository, number = parts(issue)
    return BuildComment(repository=repository, number=number, body=scrub(f"{body}\n"))


def _body(specification: Specification, built: BundleInput) -> str:
    lines = [
        f"{neutral.markdown(built.plan.summary)}",
        "",
        f"Built from {_source(specification)}. All files lie in `{specification.project}/`. Models wrote them; {len(built.report.tests)} tests "
        f"ran in a sandbox, and pass. The commit says `{neutral.NO_CHECKS}`, because the checks of this repository would run these tests too, with "
        "whatever they may reach: read the code, and then let them run by another commit.",
        "",
        "| criterion | shown by |",
        "| --- | --- |",
    ]
    for criterion in built.plan.criteria:
        tests = built.criteria.get(criterion.id, ())
        shown = [code_cell(test) for test in tests[:MOST_TESTS_SHOWN]]
        if more := len(tests) - len(shown):
            shown.append(f"{more} more")
        lines.append(f"| {cell(criterion.id)}: {cell(criterion.text)} | {'<br>'.join(shown) or 'nothing'} |")
    return "\n".join([*lines, "", *_makers(built.made), ""])


def _source(specification: Specification) -> str:
    """What it was built from; an issue of the repository itself becomes a reference."""
    if not specification.issue:
        return "a specification"
    repository, number = parts(specification.issue)
    is_here = repository.lower() == specification.repository.lower()
    return f"#{number}" if is_here else neutral.code(specification.issue)


def _makers(made: Iterable[Made]) -> list[str]:
    by_maker: dict[str, list[Made]] = {}
    for each in made:
        by_maker.setdefault(each.maker, []).append(each)
    lines = ["| model | tasks | requests | tokens in | tokens out |", "| --- | ---: | ---: | ---: | ---: |"]
    for maker, tasks in sorted(by_maker.items()):
        calls, read, written = (
            sum(getattr(each, name) for each in tasks) for name in ("calls", "tokens_in", "tokens_out")
        )
        lines.append(
            f"| {cell(maker)} | {len({each.task for each in tasks if each.is_task})} | {calls:,} | {read:,} | {written:,} |"
        )
    return lines if by_maker else []


def _fingerprint(files: Mapping[str, str]) -> str:
    """Eight hexadecimal digits, others for other files: a branch is never moved, so that a project that changed gets another."""
    digest = hashlib.sha256()
    for path, text in sorted(files.items()):
        digest.update(f"{path}\0{len(text)}\0{text}\0".encode())
    return digest.hexdigest()[:8]
