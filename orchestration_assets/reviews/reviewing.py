"""The review of one pull request, from what was computed of its change and what a model said of its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from orchestration_assets.reviews.agent import PROMPT, Remarks, ReviewAgent
from orchestration_assets.reviews.agent import RULES as AGENT_RULES
from orchestration_assets.reviews.change import Change
from orchestration_assets.reviews.computed import computed_findings
from orchestration_assets.reviews.dependencies import dependency_changes
from orchestration_assets.reviews.locating import Located
from orchestration_assets.reviews.model import DependencyChange, Finding, Review, review_key
from orchestration_assets.reviews.parts import Part, parts_of
from orchestration_assets.reviews.ranking import ranked
from orchestration_assets.reviews.rendering import TEMPLATE_NAMES, TEMPLATES
from orchestration_assets.reviews.rules import TABLE
from orchestration_assets.reviews.secrets import TABLE as SECRETS
from orchestration_assets.worklogs.classification import is_bot
from resources.git import CommitTree, changed_files
from resources.language_model.agent import agent_version, content_hash

RULES = 1
"""Counted up whenever what is computed of a change, or how findings are chosen, changes."""
AGENT = "pull_request_review"
"""The name under which `derivations` keeps what a review was made of."""


@dataclass
class Draft:
    """A review under way: all but what a model says. `parts` are to be read by one, `unread` are files beyond them."""

    located: Located
    computed: list[Finding]
    dependencies: list[DependencyChange]
    files: int
    added: int
    removed: int
    left_out: int
    parts: list[Part] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    @property
    def key(self) -> str:
        return review_key(self.located.pull.repository, self.located.pull.number)


def input_hash(located: Located) -> str:
    """sha256 of all that a review depends on: the two commits hold the code, its configuration and the architecture document."""
    pull = located.pull
    return content_hash(pull.head_commit, located.base_commit, pull.title, pull.body, pull.url, is_bot(pull.author, ""))


def review_version() -> str:
    """Rules, tables, prompt and templates: whatever changes what a review says."""
    paths = [TABLE, SECRETS, PROMPT, *(TEMPLATES / name for name in (*TEMPLATE_NAMES, "finding.md.j2"))]
    return agent_version(RULES * 100 + AGENT_RULES, [path.read_text(encoding="utf-8") for path in paths], Review)


def draft(located: Located, agent: ReviewAgent | None) -> Draft:
    """Reads the change and computes what can be computed; with an agent, also the parts that a model is to read. Nobody needs a model to be
    told what a bot's update of a package does. Raises UnreadableRepository, and SoloistError where a tool is missing."""
    pull, repository = located.pull, located.repository
    files = tuple(changed_files(repository, located.base_commit, pull.head_commit))
    with CommitTree(repository, located.base_commit) as base, CommitTree(repository, pull.head_commit) as head:
        change = Change(base, head, files, pull.title)
        made = Draft(
            located,
            computed_findings(change),
            dependency_changes(change),
            len(files),
            sum(file.added for file in files),
            sum(file.removed for file in files),
            sum(not change.is_written(file) for file in files),
        )
        if agent is not None and not is_bot(pull.author, ""):
            room, for_architecture = agent.room()
            made.parts, made.unread = parts_of(change, made.key, pull.body, room, for_architecture)
    return made


def finished(draft: Draft, remarks: Mapping[str, Remarks], maker: str) -> Review:
    """The review. `remarks` by the key of their part; a part without any was not read."""
    pull = draft.located.pull
    read = [part for part in draft.parts if part.key in remarks]
    said = [remarks[part.key] for part in read]
    failed = {file.path for part in draft.parts if part.key not in remarks for file in part.files}
    findings, more = ranked([*draft.computed, *(each for one in said for each in one.findings)])
    return Review(
        repository=pull.repository,
        number=pull.number,
        title=pull.title,
        url=pull.url,
        head_commit=pull.head_commit,
        base_commit=draft.located.base_commit,
        findings=findings,
        more=more,
        dependencies=draft.dependencies,
        files=draft.files,
        added=draft.added,
        removed=draft.removed,
        left_out=draft.left_out,
        unread=sorted(failed | set(draft.unread)),
        read_by=maker if read else "",
        architecture=_architecture(read),
        dropped_claims=sum(one.dropped_claims for one in said),
    )


def _architecture(parts: Sequence[Part]) -> str:
    return parts[0].architecture.path if parts else ""
