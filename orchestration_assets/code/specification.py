"""Specifications: what a person wrote about a program to be built, read from a Markdown file, and what to tell them about it at once."""

from __future__ import annotations

import hashlib
import re
import stat
from pathlib import Path

from orchestration_assets.code.model import Specification
from resources.errors import BadInput
from resources.language_model.prompting import CHARACTERS_A_TOKEN, characters

SHORTEST = 40
"""Characters below which a text says nothing that could be planned."""
SHARE = 0.4
"""Of the model's context, for the specification; the rest is for the plan and the words round both."""
MOST_BYTES = 1 << 20
_PROJECT = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_TITLE = re.compile(r"^#\s+(?P<title>.+?)\s*#*\s*$", re.MULTILINE)
_WORD = re.compile(r"[a-z0-9]+")
_OF_A_FOLDER = (["spec"], ["specification"], ["readme"], ["prd"])
"""Names of files that say nothing of the project; `soloist build --help` names them too."""

_CONCERNS = (
    (
        re.compile(
            r"(?<![\w.])(?:/(?:etc|home|root|usr|var|tmp|proc|sys|dev|opt|mnt)(?:/[\w.-]+)*|~/[\w./-]*|(?:\.\./)+[\w./-]*|[A-Z]:\\[\w.\\-]*)"
        ),
        "The specification names “{found}”, which lies outside of the project: files are made beneath the project's folder alone, and the tests "
        "see no other place.",
    ),
    (
        re.compile(
            r"\b(?:pass(?:word|phrase)s?|api[- _]?keys?|access tokens?|private keys?|credentials?|secrets?|\.env\b|id_rsa|\w+_(?:TOKEN|SECRET|KEY))",
            re.IGNORECASE,
        ),
        "The specification speaks of “{found}”: no secret is given to what is built or to its tests; whatever needs one gets it from whoever "
        "runs the program.",
    ),
    (
        re.compile(
            r"\b(?:https?://(?!(?:localhost|127\.0\.0\.1)\b)[\w.-]+|downloads?\b|the (?:internet|web)\b|online\b|e-?mails? (?:is|are) sent|"
            r"sends? (?:an? )?e-?mails?|(?:remote|external|third-party) (?:api|service|server)s?)",
            re.IGNORECASE,
        ),
        "The specification speaks of “{found}”: the tests run without a network but for loopback, so that what lies beyond it is planned behind "
        "an interface and not shown to work.",
    ),
)


def read_specification(path: Path, project: str | None, context: int | None) -> Specification:
    """The specification in a file, for a project of that name, else of the file's. `context`: tokens that the model takes; None where no model
    was looked at yet, see `require_room`. Raises BadInput for what is no text, or says nothing, or more than fits."""
    return specification(_text(path), project or default_project(path), context, str(path))


def specification(text: str, project: str, context: int | None, where: str = "the specification") -> Specification:
    """A specification whose text can be planned. `context` as above. Raises BadInput."""
    if not _PROJECT.fullmatch(project):
        raise BadInput(
            f"{project[:60]!r} is no name for a project; use up to 40 lower-case letters, digits and hyphens between them, with --project."
        )
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if "\0" in text:
        raise BadInput(f"{where} is no text; write the specification in Markdown.")
    if len("".join(_WORD.findall(text.lower()))) < SHORTEST:
        raise BadInput(
            f"{where} says too little to plan anything; describe what the program does and how one sees that it does."
        )
    if context is not None:
        require_room(text, context, where)
    title = _TITLE.search(text)
    return Specification(
        project=project,
        title=title["title"][:120] if title is not None else project,
        text=text,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        concerns=concerns(text),
    )


def require_room(text: str, context: int, where: str) -> None:
    """Raises BadInput for a text that is longer than a model takes whose context is so many tokens."""
    room = characters(int(context * SHARE))
    if len(text) > room:
        raise BadInput(
            f"{where} has {len(text):,} characters, and the model takes some {room:,} of a specification (a context of {context:,} tokens at "
            f"{CHARACTERS_A_TOKEN} characters each); shorten it, or split it into projects."
        )


def concerns(text: str) -> list[str]:
    """A sentence for each kind of thing asked for that no build may give: paths outside, secrets, the network."""
    return [sentence.format(found=found[0][:80]) for pattern, sentence in _CONCERNS if (found := pattern.search(text))]


def default_project(path: Path) -> str:
    """The name of the file, or of its folder where it is only called a specification."""
    words = _WORD.findall(path.stem.lower())
    if words in _OF_A_FOLDER:
        words = _WORD.findall(path.absolute().parent.name.lower()) or words
    return "-".join(words)[:40].strip("-") or "project"


def _text(path: Path) -> str:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise BadInput(f"{path} is no file; name the Markdown file of the specification.")
        if status.st_size > MOST_BYTES:
            raise BadInput(
                f"{path} has {status.st_size:,} bytes; a specification has at most {MOST_BYTES:,}. Shorten or split it."
            )
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput(f"{path} is no text in UTF-8; save the specification as UTF-8.") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "its name cannot be used"
        raise BadInput(f"The specification {path} cannot be read ({reason}); name a Markdown file.") from None
