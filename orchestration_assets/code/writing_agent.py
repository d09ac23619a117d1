"""The writer: one agent that writes the files of a task, and mends them.

What belongs here: what it is shown, within the tokens that the model takes, and what of its reply is taken. A reply that names other files,
does not apply, cannot be parsed or imports what is not there is refused with the reasons before anything is run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict

from orchestration_assets.code.edits import LONGEST_FILE, EditRefused, FileEdit, applied
from orchestration_assets.code.interfaces import interface_of
from orchestration_assets.code.model import MOST_FILES_OF_A_TASK, Plan, Task
from orchestration_assets.code.planning_agent import (
    NO_MODEL,
    NeedsModel,
    clipped,
    outline,
    read_reply,
    reply_tokens,
)
from orchestration_assets.code.static_checks import problems
from resources.errors import SoloistError
from resources.language_model.agent import InvalidReply, Message, Request, agent_version, content_hash
from resources.language_model.prompting import CONTEXT, OVERHEAD, Prompt, characters, tokens
from resources.language_model.schemas import at_most, few, output_schema

RULES = 1
PROMPT = Path(__file__).parent / "prompts" / "source_files.md"
NAME = "source_writing"


class SourceReply(BaseModel):
    """The reply of a model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    files: Annotated[tuple[FileEdit, ...], few(MOST_FILES_OF_A_TASK)]
    fault_in: Annotated[str, at_most(120)] = ""
    reason: Annotated[str, at_most(300)] = ""


class Written(BaseModel):
    """The files of a task as they now are, path to text; or `fault_in`, another file that is to be mended first, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    files: dict[str, str] = {}
    fault_in: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Assignment:
    """A task to be written or mended.

    `sources` are all files as they stand, this task's among them where it was written before; `reasons` say what was wrong with it then,
    and `concerned` names other files that this rests on. `attempt` counts from 1.
    """

    project: str
    plan: Plan
    task: Task
    sources: Mapping[str, str]
    attempt: int = 1
    reasons: tuple[str, ...] = ()
    concerned: tuple[str, ...] = ()

    @property
    def standing(self) -> dict[str, str]:
        return {path: self.sources[path] for path in self.task.paths if path in self.sources}


@dataclass(frozen=True)
class WritingAgent:
    """A task, to its files. `context`: tokens that the model takes, question and answer together."""

    context: int = CONTEXT

    @property
    def name(self) -> str:
        return NAME

    @property
    def version(self) -> str:
        return _version()

    def key(self, item: Assignment) -> str:
        return f"{item.project}/{item.task.id}"

    def request(self, item: Assignment) -> Request:
        """Raises SoloistError where the task's own files do not fit."""
        system = _prompt().render("system", LONGEST_FILE)
        shown = self._shown(item, characters(self.context // 2 - tokens(system) - OVERHEAD))
        return Request(
            messages=(Message("system", system), Message("user", shown)),
            output=output_schema(NAME, SourceReply),
            max_tokens=reply_tokens(self.context, tokens(system) + tokens(shown)),
        )

    def _shown(self, item: Assignment, room: int) -> str:
        """What is needed most is given room first: the task, its own files, what was wrong; then the rest, the plan last."""
        task = item.task
        criteria = [criterion for criterion in item.plan.criteria if criterion.id in task.criteria]
        room -= len(item.plan.summary) + len(task.model_dump_json()) + sum(len(each.text) + 8 for each in criteria)
        standing = _listed(item.standing)
        reasons = clipped("\n".join(f"- {reason}" for reason in item.reasons), max(room - len(standing), room // 4))
        room -= len(standing) + len(reasons)
        if room < 0:
            raise SoloistError(
                f"The task {task.id!r} with its files does not fit into half of the {self.context:,} tokens that the model takes; split it."
            )
        others = clipped(
            _listed({path: item.sources[path] for path in item.concerned if path in item.sources}), room // 2
        )
        interfaces = clipped(_listed(_interfaces(item)), (room - len(others)) * 3 // 4)
        lines = clipped("\n".join(outline(item.plan.tasks)), room - len(others) - len(interfaces))
        mark = f"=== {content_hash(standing, reasons, others, interfaces)[:12]} ==="
        return _prompt().render("task", item, mark, lines, criteria, interfaces, standing, others, reasons)

    def parse(self, item: Assignment, reply: str) -> Written:
        """The task's files after the reply's edits. Raises InvalidReply with every reason why they cannot be tested."""
        said = read_reply(SourceReply, reply)
        if said.fault_in:
            return _handed_over(item, said)
        try:
            files = applied(said.files, item.task.paths, item.standing)
            beneath = item.plan.beneath(item.task.depends_on)
            paths = [path for task_id in beneath for path in item.plan.task(task_id).paths]
            known = {path: item.sources[path] for path in paths if path in item.sources}
            found = problems(item.plan, item.task, files, known, item.standing)
        except EditRefused as error:
            raise InvalidReply(str(error)) from None
        except RecursionError:
            raise InvalidReply("A file is nested too deeply to be read; write simpler code.") from None
        if found:
            raise InvalidReply(" ".join(found[:8]))
        return Written(files=files)

    def extract(self, item: Assignment) -> Written:
        raise NeedsModel(NO_MODEL)


def _handed_over(item: Assignment, said: SourceReply) -> Written:
    if said.files:
        raise InvalidReply("Give either edits of this task's files, or another file as fault_in.")
    if not item.reasons:
        raise InvalidReply("Nothing has failed yet, so that there is no fault elsewhere; write the files of this task.")
    owner = item.plan.owner(said.fault_in)
    if owner is None or said.fault_in not in item.sources or owner == item.task:
        raise InvalidReply(
            f"The fault is said to be in {said.fault_in!r}, which is no other finished file of the project."
        )
    return Written(
        fault_in=said.fault_in, reason=" ".join(said.reason.split())[:300] or "The fault is said to be here."
    )


def _interfaces(item: Assignment) -> dict[str, str]:
    """Of the files of what the task depends on: those that it names first, then what these depend on."""
    direct = list(item.task.depends_on)
    indirect = sorted(item.plan.beneath(direct) - set(direct) - {item.task.id})
    paths = [path for task_id in [*direct, *indirect] for path in item.plan.task(task_id).paths]
    return {path: interface_of(path, item.sources[path]) for path in paths if path in item.sources}


def _listed(files: Mapping[str, str]) -> str:
    return "\n".join(_lines(files.items()))


def _lines(files: Iterable[tuple[str, str]]) -> Iterable[str]:
    for path, text in files:
        yield f"--- {path}"
        yield text.rstrip("\n")


@lru_cache(maxsize=1)
def _prompt() -> Prompt:
    return Prompt(PROMPT)


@lru_cache(maxsize=1)
def _version() -> str:
    return agent_version(RULES, [_prompt().text], SourceReply)
