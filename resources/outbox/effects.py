"""What may be done on GitHub and Sentry: a closed list of verbs, each with bounds on all that it says.

What belongs here: the shape of an effect and what makes one invalid. How it is done is in `github_effects.py` and `sentry_effects.py`.
A payload that does not validate here is never executed, whoever wrote it.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from resources.errors import BadInput
from resources.outbox.names import branch_fault, path_fault, paths_fault

LONGEST_TITLE = 256
LONGEST_BODY = 65_000
"""GitHub takes 65,536 characters; the rest is for the mark by which a text of ours is found again."""
LONGEST_LABEL = 50
MOST_LABELS = 20
MOST_FILES = 1000
LONGEST_FILE = 1 << 20
LONGEST_NOTE = 4000
LONGEST_URL = 2000
LONGEST_KEY = 200
MOST_FILE_CHARACTERS = 8 << 20
"""Of all files of a commit together."""
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/#@+-]*")
_NOT_IN_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_NOT_IN_A_FILE = re.compile(r"[\x00\ud800-\udfff]")
_NOT_IN_A_LINE = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\ud800-\udfff]")
_URL = re.compile(r"https?://[A-Za-z0-9.-]+(?::\d{1,5})?(?:/[!-~]*)?")


def _text(value: str) -> str:
    if _NOT_IN_TEXT.search(value):
        raise ValueError("it holds control characters")
    return value


def _file(value: str) -> str:
    if _NOT_IN_A_FILE.search(value):
        raise ValueError("it is no text")
    return value


def _line(value: str) -> str:
    if not value.strip() or _NOT_IN_A_LINE.search(value):
        raise ValueError("it is blank, or not one line of text")
    return value


def _branch(value: str) -> str:
    if fault := branch_fault(value):
        raise ValueError(f"it {fault}")
    return value


def _repository(value: str) -> str:
    if any(part.strip(".") == "" for part in value.split("/")):
        raise ValueError("it is no owner/name")
    return value


def _url(value: str) -> str:
    if not _URL.fullmatch(value):
        raise ValueError("it is no http or https address")
    return value


Repository = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}$"), AfterValidator(_repository)
]
Branch = Annotated[str, AfterValidator(_branch)]
Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
Title = Annotated[str, Field(max_length=LONGEST_TITLE), AfterValidator(_line)]
Body = Annotated[str, Field(max_length=LONGEST_BODY), AfterValidator(_text)]
Label = Annotated[str, Field(max_length=LONGEST_LABEL), AfterValidator(_line)]
Labels = Annotated[tuple[Label, ...], Field(max_length=MOST_LABELS)]
FileText = Annotated[str, Field(max_length=LONGEST_FILE), AfterValidator(_file)]
Number = Annotated[int, Field(ge=1, lt=1 << 31)]


class _Effect(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    def texts(self) -> dict[str, str]:
        """All that would leave this machine, by where it stands."""
        return dict(_texts(self.model_dump(mode="json"), ""))


class OpenPullRequest(_Effect):
    """One commit on top of `base_commit`, on a new branch of the repository itself, and a pull request for it.

    The same effect makes the same commit each time. `files` are the whole texts of plain files by their path; others stay as they are.
    """

    verb: Literal["open_pull_request"] = "open_pull_request"
    repository: Repository
    branch: Branch
    base: Branch
    base_commit: Commit
    title: Title
    body: Body
    files: Annotated[dict[str, FileText], Field(min_length=1, max_length=MOST_FILES)]
    commit_message: Annotated[str, Field(min_length=1, max_length=LONGEST_BODY), AfterValidator(_text)]
    labels: Annotated[Labels, Field(strict=False)] = ()
    draft: bool = True

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if self.branch == self.base:
            raise ValueError("branch and base are the same")
        if not self.commit_message.strip():
            raise ValueError("the commit message is blank")
        for path in self.files:
            if fault := path_fault(path):
                raise ValueError(f"the path {path[:100]!r} {fault}")
        if fault := paths_fault(list(self.files)):
            raise ValueError(fault[:300])
        if sum(map(len, self.files.values())) > MOST_FILE_CHARACTERS:
            raise ValueError(f"the files hold more than {MOST_FILE_CHARACTERS:,} characters together")
        return self


class KeepComment(_Effect):
    """One comment of ours on a pull request or issue, kept up to date in place."""

    verb: Literal["keep_comment"] = "keep_comment"
    repository: Repository
    number: Number
    body: Annotated[Body, Field(min_length=1)]

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.body.strip():
            raise ValueError("the body is blank")
        return self


class AddLabels(_Effect):
    """Labels of a pull request or issue besides those that it has."""

    verb: Literal["add_labels"] = "add_labels"
    repository: Repository
    number: Number
    labels: Annotated[Labels, Field(min_length=1, strict=False)]


class OpenIssue(_Effect):
    """One issue of ours. Where it is open it is brought up to date, where it was closed it is opened again."""

    verb: Literal["open_issue"] = "open_issue"
    repository: Repository
    title: Title
    body: Body
    labels: Annotated[Labels, Field(strict=False)] = ()


class LinkSentryIssue(_Effect):
    """A note on an issue in Sentry with a link: to `url`, or to what the effect under the key `result_of` came to, once it is sent."""

    verb: Literal["link_sentry_issue"] = "link_sentry_issue"
    organization: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,100}$")]
    issue: Annotated[str, Field(pattern=r"^[0-9]{1,20}$")]
    text: Annotated[str, Field(max_length=LONGEST_NOTE), AfterValidator(_text)]
    url: Annotated[str, Field(max_length=LONGEST_URL), AfterValidator(_url)] | None = None
    result_of: Annotated[str, Field(max_length=LONGEST_KEY)] | None = None

    @model_validator(mode="after")
    def _has_one_target(self) -> Self:
        if (self.url is None) == (self.result_of is None):
            raise ValueError("exactly one of url and result_of is needed")
        return self


Effect = OpenPullRequest | KeepComment | AddLabels | OpenIssue | LinkSentryIssue
GitHubEffect = OpenPullRequest | KeepComment | AddLabels | OpenIssue
_ANY: TypeAdapter[Effect] = TypeAdapter(Annotated[Effect, Field(discriminator="verb")])


def require_key(key: str) -> str:
    """The key, which stands in a mark in HTML. Raises BadInput for one that could not."""
    if len(key) > LONGEST_KEY or not _KEY.fullmatch(key):
        raise BadInput(
            f"{key[:100]!r} is no key of an effect; use letters, digits and _ . : / # @ + -, at most {LONGEST_KEY} characters."
        )
    return key


def read_effect(payload: str) -> Effect:
    """What lies in a row. Raises BadInput with the first thing that is wrong with it, without repeating what it says."""
    try:
        return _ANY.validate_json(payload)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        what = first["msg"].removeprefix("Value error, ")
        if first["type"] in ("union_tag_invalid", "union_tag_not_found"):
            where, what = "verb", "it is none of those that are known"
        raise BadInput(f"The effect cannot be read, so it is not done: {where or 'it'}: {what[:300]}.") from None


def target_of(effect: Effect) -> str:
    """As a person names it."""
    match effect:
        case OpenPullRequest():
            return f"{effect.repository}:{effect.branch}"
        case OpenIssue():
            return effect.repository
        case LinkSentryIssue():
            return f"{effect.organization}/{effect.issue}"
        case KeepComment() | AddLabels():
            return f"{effect.repository}#{effect.number}"


def _texts(value: object, where: str) -> list[tuple[str, str]]:
    if isinstance(value, str):
        return [(where, value)]
    if isinstance(value, dict):
        named = [(f"{where} (name)", str(name)) for name in value] if where else []
        return named + [
            pair for name, each in value.items() for pair in _texts(each, f"{where}.{name}" if where else name)
        ]
    if isinstance(value, list):
        return [pair for index, each in enumerate(value) for pair in _texts(each, f"{where}.{index}")]
    return []
