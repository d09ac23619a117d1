"""The typed outputs of this domain: findings in a proposed change, and the review that they make up."""

from __future__ import annotations

from enum import StrEnum

from resources.rows import Row

KIND = "pull_request_review"
"""Of the documents, whose key is `owner/name#12`."""
MOST_FINDINGS = 10
"""Of one review."""


class Category(StrEnum):
    """What a finding is about, in the order in which a review tells."""

    SECURITY = "security"
    CORRECTNESS = "correctness"
    ERROR_HANDLING = "error handling"
    ARCHITECTURE = "architecture"
    TESTS = "tests"
    PERFORMANCE = "performance"
    COMPLEXITY = "complexity"
    DEPENDENCIES = "dependencies"
    FILES = "files"


class Severity(StrEnum):
    """`high`: it breaks or endangers something. `medium`: it will cost somebody. `low`: worth a look."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Finding(Row):
    """One thing to do about a change, and the line that it rests on."""

    category: Category
    severity: Severity
    path: str
    line: int | None = None
    """Its number in the file after the change; before it, where `removed`. None where the whole file is meant."""
    removed: bool = False
    quote: str = ""
    """The line, or the part of it that is meant, verbatim but for secrets; "" where the whole file is meant."""
    why: str
    action: str
    document: str = ""
    """What the architecture document says of it, verbatim; "" but for drift that a model found."""
    rule: str = ""
    """Which rule found it; "" where a model did."""


class DependencyChange(Row):
    """A package that a manifest or a lock file asks for differently. `before` and `after` are what is asked for, None where nothing is."""

    path: str
    name: str
    before: str | None
    after: str | None


class Review(Row):
    """The review of one pull request at one commit."""

    repository: str
    number: int
    title: str
    url: str
    head_commit: str
    base_commit: str
    findings: list[Finding]
    """The most important first, at most ten."""
    more: int = 0
    """Findings of less weight that are not told."""
    dependencies: list[DependencyChange] = []
    files: int
    added: int
    removed: int
    left_out: int = 0
    """Changed files that somebody else or a program wrote: generated ones, lock files, vendored and binary ones."""
    unread: list[str] = []
    """Files that a model was to read and has not, because there were too many or no reply could be used."""
    read_by: str = ""
    """The model that read the change; "" where none did."""
    architecture: str = ""
    """The document that the change was held against, where a model read it."""
    dropped_claims: int = 0

    @property
    def key(self) -> str:
        return review_key(self.repository, self.number)


class ReviewComment(Row):
    """What is to stand under a pull request, in place of what stood there before."""

    repository: str
    number: int
    body: str


def review_key(repository: str, number: int) -> str:
    return f"{repository}#{number}"
