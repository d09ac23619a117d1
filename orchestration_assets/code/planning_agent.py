"""The planner: from a specification to a plan, and from a task that failed to the tasks that stand in its place.

What belongs here: the two agents. A reply that breaks a rule is refused with the reasons, which go into the one repair request.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from orchestration_assets.code.model import MOST_FILES_OF_A_TASK, MOST_TASKS, Plan, Specification, Task
from orchestration_assets.code.plan_rules import problems, replacement_problems
from resources.errors import SoloistError
from resources.language_model.agent import InvalidReply, Message, Request, agent_version, content_hash
from resources.language_model.prompting import CONTEXT, OVERHEAD, Prompt, characters, tokens
from resources.language_model.schemas import few, output_schema

RULES = 1
PROMPT = Path(__file__).parent / "prompts" / "build_plan.md"
LEAST_REPLY = 1000
"""Tokens without which no plan could be written."""
NO_MODEL = "A program is planned and written by a language model, and none is configured; set SOLOIST_MODEL_URL to an OpenAI-compatible endpoint."
_FENCED = re.compile(r"\s*```(?:json)?\s*(?P<json>.*?)\s*```\s*", re.DOTALL)

ReplyT = TypeVar("ReplyT", bound=BaseModel)


class NeedsModel(SoloistError):
    """Nothing is built without a model."""


class Replacement(BaseModel):
    """The tasks that stand in the place of one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tasks: Annotated[tuple[Task, ...], few(3)]


@dataclass(frozen=True)
class PlanningAgent:
    """A specification, to its plan. `context`: tokens that the model takes; `libraries`: distributions that a plan may name."""

    context: int = CONTEXT
    libraries: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return "build_planning"

    @property
    def version(self) -> str:
        return _version(Plan, self.libraries)

    def key(self, item: Specification) -> str:
        return item.project

    def request(self, item: Specification) -> Request:
        system = _prompt().render("system", MOST_TASKS, MOST_FILES_OF_A_TASK, ", ".join(self.libraries))
        shown = _prompt().render("specification", item, f"=== {item.sha256[:12]} ===")
        return _request("build_plan", Plan, system, shown, self.context)

    def parse(self, item: Specification, reply: str) -> Plan:
        """The plan that the reply holds. Raises InvalidReply with every rule that it breaks."""
        plan = read_reply(Plan, reply)
        if plan.refusal.strip():
            return Plan(refusal=" ".join(plan.refusal.split())[:300])
        if found := problems(plan, self.libraries):
            raise InvalidReply(" ".join(found))
        return plan

    def extract(self, item: Specification) -> Plan:
        raise NeedsModel(NO_MODEL)


@dataclass(frozen=True)
class FailedPart:
    """A task that is to be planned again, and the sentences that say why it failed."""

    project: str
    plan: Plan
    task: Task
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class ReplanningAgent:
    """A task that failed, to what stands in its place."""

    context: int = CONTEXT
    libraries: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return "build_replanning"

    @property
    def version(self) -> str:
        return _version(Replacement, self.libraries)

    def key(self, item: FailedPart) -> str:
        return f"{item.project}/{item.task.id}"

    def request(self, item: FailedPart) -> Request:
        system = _prompt().render("part_system", MOST_FILES_OF_A_TASK)
        task = item.task.model_dump_json(indent=1)
        reasons = "\n".join(f"- {reason}" for reason in item.reasons)
        room = characters(self.context // 2 - tokens(system) - OVERHEAD) - len(task)
        plan = clipped("\n".join(outline(item.plan.tasks)), room * 2 // 3)
        mark = f"=== {content_hash(task, reasons)[:12]} ==="
        shown = _prompt().render("part", plan, task, clipped(reasons, room // 3), mark)
        return _request("replacement", Replacement, system, shown, self.context)

    def parse(self, item: FailedPart, reply: str) -> Replacement:
        """Raises InvalidReply with every rule that the plan would break with the new tasks in it."""
        replacement = read_reply(Replacement, reply)
        if found := replacement_problems(item.plan, item.task, list(replacement.tasks), self.libraries):
            raise InvalidReply(" ".join(found))
        return replacement

    def extract(self, item: FailedPart) -> Replacement:
        raise NeedsModel(NO_MODEL)


def outline(tasks: Iterable[Task]) -> list[str]:
    """A line for each task: what it makes, and what it depends on."""
    return [
        f"- {task.id} ({task.kind}): {task.title}; makes {', '.join(task.paths)}"
        + (f"; depends on {', '.join(task.depends_on)}" if task.depends_on else "")
        for task in tasks
    ]


def clipped(text: str, room: int) -> str:
    """A text of at most so many characters: beginning and end, and between them how much is left out."""
    if len(text) <= room:
        return text
    note = f"\n[... {len(text) - max(0, room):,} characters left out ...]\n"
    kept = max(0, room - len(note))
    return text[: kept - kept // 3] + note + text[len(text) - kept // 3 :]


def read_reply(kind: type[ReplyT], reply: str) -> ReplyT:
    """A reply as what it should be. Raises InvalidReply that names the first place where it is not."""
    fenced = _FENCED.fullmatch(reply)
    try:
        return kind.model_validate_json(fenced["json"] if fenced is not None else reply)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the reply"
        raise InvalidReply(f"{place}: {first['msg']}. Answer with JSON of the schema alone.") from None


def _request(name: str, kind: type[BaseModel], system: str, shown: str, context: int) -> Request:
    """Raises SoloistError where the model takes too little for it."""
    room = reply_tokens(context, tokens(system) + tokens(shown))
    if room < LEAST_REPLY:
        raise SoloistError(
            f"A plan does not fit into the {context:,} tokens that the model takes; use one that takes more."
        )
    return Request((Message("system", system), Message("user", shown)), output_schema(name, kind), room)


def reply_tokens(context: int, asked: int) -> int:
    """Tokens for a reply, so that one that was cut off can be asked for again with twice as many."""
    return (context - asked - OVERHEAD) // 2


@lru_cache(maxsize=1)
def _prompt() -> Prompt:
    return Prompt(PROMPT)


@lru_cache(maxsize=8)
def _version(kind: type[BaseModel], libraries: tuple[str, ...]) -> str:
    return agent_version(RULES, [_prompt().text, *libraries], kind)
