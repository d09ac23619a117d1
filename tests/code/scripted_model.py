"""A model that plans, writes and mends prepared projects over a real endpoint: with seeded latencies, and faults where a test plants them."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.code.projects import Project
from tests.scripted_endpoint import Answer

Json = dict[str, Any]
_TASK = re.compile(r"^=== \w+ === The task ([a-z0-9_+-]+):", re.MULTILINE)
_ATTEMPT = re.compile(r"^=== \w+ === Attempt (\d+)\.", re.MULTILINE)
_FAILED = re.compile(r"=== \w+ === The task that failed\n(\{.*?\n\})\n=== ", re.DOTALL)
REPAIR = "Unusable: "


@dataclass(frozen=True)
class Call:
    """One request: for what, and how long its answer took. `attempt` is as the prompt says, `is_repair` where it asks for a usable reply."""

    agent: str
    task: str
    attempt: int
    is_repair: bool
    seconds: float


Fault = Callable[[Json], Json | str | Answer]
"""From the right reply to what comes in its place."""


@dataclass
class ScriptedModel:
    """A script for `ScriptedEndpoint`. `faults` are by task, the n-th for its n-th attempt (None: the right reply); a repair gets the right
    reply unless the fault `persists`. `replacement` answers the planner who is asked for a part again."""

    project: Project
    faults: Mapping[str, Sequence[Fault | None]] = field(default_factory=dict)
    latency: Callable[[Call], float] | None = None
    persists: bool = True
    replacement: Callable[[Json], list[Json]] | None = None
    calls: list[Call] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)

    def __call__(self, request: Json, sent_before: int) -> Answer:
        agent = request["response_format"]["json_schema"]["name"]
        messages = [str(message["content"]) for message in request["messages"]]
        is_repair = messages[-1].startswith(REPAIR)
        asked = messages[1]
        self.prompts.append(asked)
        call = self._call(agent, asked, is_repair)
        reply, fault = self._reply(call, asked)
        if fault is not None and (self.persists or not is_repair):
            reply = fault(reply)
        answer = (
            reply
            if isinstance(reply, Answer)
            else Answer(content=reply if isinstance(reply, str) else json.dumps(reply))
        )
        seconds = self.latency(call) if self.latency is not None else answer.delay_s
        self.calls.append(Call(call.agent, call.task, call.attempt, is_repair, seconds))
        return Answer(**{**vars_of(answer), "delay_s": seconds})

    def _call(self, agent: str, asked: str, is_repair: bool) -> Call:
        task, attempt = _TASK.search(asked), _ATTEMPT.search(asked)
        name = task[1] if task is not None else ""
        if agent == "replacement":
            failed = _FAILED.search(asked)
            assert failed is not None
            name = json.loads(failed[1])["id"]
        return Call(agent, name, int(attempt[1]) if attempt is not None else 1, is_repair, 0.0)

    def _reply(self, call: Call, asked: str) -> tuple[Json, Fault | None]:
        planned = self.faults.get(call.task or call.agent, ())
        fault = planned[call.attempt - 1] if call.attempt <= len(planned) else None
        if call.agent == "build_plan":
            return self.project.plan.model_dump(mode="json"), fault
        if call.agent == "replacement":
            failed = _FAILED.search(asked)
            assert failed is not None
            old = json.loads(failed[1])
            tasks = self.replacement(old) if self.replacement is not None else [{**old, "id": f"{old['id']}-again"}]
            return {"tasks": tasks}, None
        return self._files(call.task), fault

    def _files(self, task_id: str) -> Json:
        task = next(task for task in self.project.plan.tasks if task_id in (task.id, f"{task.id}-again"))
        edits = [{"path": path, "content": self.project.files[path], "replacements": []} for path in task.paths]
        return {"files": edits, "fault_in": "", "reason": ""}

    def written(self) -> list[tuple[str, int]]:
        """Task and attempt of every request to the writer that asked for no repair, in the order in which they came."""
        return [
            (call.task, call.attempt) for call in self.calls if call.agent == "source_writing" and not call.is_repair
        ]


def vars_of(answer: Answer) -> Json:
    return {name: getattr(answer, name) for name in answer.__dataclass_fields__}


def seeded_latency(seed: int, mean_s: float, minutes: Mapping[str, int] | None = None) -> Callable[[Call], float]:
    """A latency that depends on the seed and the call alone; where the estimates of tasks are given, it follows them roughly, and
    `mean_s` is that of ten minutes."""

    def seconds(call: Call) -> float:
        chance = random.Random(f"{seed} {call.agent} {call.task} {call.attempt} {call.is_repair}")
        scale = 1.0 if minutes is None else minutes.get(call.task, 10) / 10
        return mean_s * scale * chance.lognormvariate(-0.08, 0.4)

    return seconds


def whole(path: str, text: str) -> Fault:
    """The file as a whole, with that text."""

    def fault(reply: Json) -> Json:
        files = [
            {**edit, "content": text, "replacements": []} if edit["path"] == path else edit for edit in reply["files"]
        ]
        return {**reply, "files": files}

    return fault


def swapped(path: str, old: str, new: str) -> Fault:
    """The right reply with one text for another in a file."""

    def fault(reply: Json) -> Json:
        text = next(edit["content"] for edit in reply["files"] if edit["path"] == path)
        assert old in text
        return whole(path, text.replace(old, new))(reply)

    return fault


def renamed(path: str, other: str) -> Fault:
    """The file under another name."""

    def fault(reply: Json) -> Json:
        return {
            **reply,
            "files": [{**edit, "path": other} if edit["path"] == path else edit for edit in reply["files"]],
        }

    return fault
