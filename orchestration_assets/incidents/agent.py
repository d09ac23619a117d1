"""The agent that writes a test where the values of a call cannot be rebuilt. What it writes is looked at and run like any other test.

It reads the stack, the source and the variables as data, and returns typed fields: imports, arrangement and the call.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError

from orchestration_assets.incidents import whitelist
from orchestration_assets.incidents.making_tests import Prepared
from orchestration_assets.incidents.model import WrittenTest
from orchestration_assets.incidents.rendering import LONGEST_TEST, one_line, title_of
from orchestration_assets.incidents.reprs import HIDDEN, Unrebuildable
from resources.language_model.agent import InvalidReply, Message, Request, agent_version
from resources.language_model.prompting import CONTEXT, OVERHEAD, Prompt, characters, fitting, tokens
from resources.language_model.schemas import output_schema
from resources.scrubbing import scrub

RULES = 1
PROMPT = Path(__file__).parent / "prompts" / "regression_test.md"
MOST_FRAMES, MOST_FILES = 12, 8


@dataclass(frozen=True)
class ReproductionItem:
    """An error that no test could be made for. `refusal`: why, in one sentence. `complaints`: what became of the tests that were tried."""

    key: str
    prepared: Prepared
    refusal: str
    complaints: Sequence[str] = field(default=())


@dataclass(frozen=True)
class ReproductionAgent:
    """An error, to the lines of a test. `context`: the tokens that the model takes, question and answer together."""

    context: int = CONTEXT

    @property
    def name(self) -> str:
        return "regression_test"

    @property
    def version(self) -> str:
        return _version()

    def key(self, item: ReproductionItem) -> str:
        return item.key

    def extract(self, item: ReproductionItem) -> WrittenTest:
        """Nothing: without a model the refusal stands."""
        return WrittenTest(imports=[], arrangement=[], call="")

    def request(self, item: ReproductionItem) -> Request:
        prompt = _prompt()
        system = prompt.shared("system")
        output = output_schema("regression_test", WrittenTest)
        room = characters(self.context - min(output.longest, self.context // 3) - tokens(system) - OVERHEAD)
        mark = f"=== {item.key[:12]} ==="
        shown = prompt.render(
            "error",
            mark,
            _outside(f"{item.prepared.raised.type}: {item.prepared.raised.value}", mark)[:600],
            fitting([_outside(line, mark) for line in _frames(item)], room // 3, "lines"),
            fitting([_outside(line, mark) for line in _source(item)], room // 2, "lines"),
            fitting([_outside(line, mark) for line in [item.refusal, *item.complaints]], room // 8, "complaints"),
        )
        return Request(
            messages=(Message("system", system), Message("user", shown)),
            output=output,
            max_tokens=min(output.longest, self.context // 3),
        )

    def parse(self, item: ReproductionItem, reply: str) -> WrittenTest:
        """Raises InvalidReply where it is no Python, or has what a test has no need of."""
        try:
            written = WrittenTest.model_validate_json(reply)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the reply"
            raise InvalidReply(f"Reply with the JSON object that was asked for: {where}: {first['msg']}.") from error
        try:
            whole_test(written, item.prepared)
        except Unrebuildable as error:
            raise InvalidReply(f"The test cannot be taken: {error}.") from error
        return written


def whole_test(written: WrittenTest, prepared: Prepared) -> str:
    """The whole test file out of what a model wrote. Raises Unrebuildable where it holds anything that a test has no need of."""
    imports = [each.strip() for each in written.imports if each.strip()]
    for each in imports:
        tree = _parsed(each)
        if len(tree.body) != 1 or not isinstance(tree.body[0], ast.Import | ast.ImportFrom):
            raise Unrebuildable(f"{one_line(each, 60)!r} is no import")
    body = _parsed("\n".join([*written.arrangement, written.call]))
    if not body.body or not written.call.strip():
        raise Unrebuildable("there is no call")
    if any(
        isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Try | ast.Raise | ast.Assert)
        for each in ast.walk(body)
    ):
        raise Unrebuildable("a test arranges and calls; it defines, catches, raises and asserts nothing")
    names = {each.id for each in ast.walk(body) if isinstance(each, ast.Name)}
    fixtures = [name for name in ("monkeypatch", "tmp_path") if name in names]
    if "Path" in names or "tmp_path" in fixtures:
        imports.append("from pathlib import Path")
    if "monkeypatch" in fixtures:
        imports.append("import pytest")
    types = {"monkeypatch": "pytest.MonkeyPatch", "tmp_path": "Path"}
    arguments = ", ".join(f"{name}: {types[name]}" for name in fixtures)
    lines = ast.unparse(body).splitlines()
    text = "\n".join(
        [
            f'"""{title_of(prepared.about)}"""',
            "",
            *sorted(set(imports)),
            "",
            "",
            f"def test_{prepared.about.slug}({arguments}) -> None:",
            *(f"    {line}" if line else "" for line in lines),
            "",
        ]
    )
    if len(text) > LONGEST_TEST:
        raise Unrebuildable("the test is too long")
    whitelist.check(text, prepared.own_modules)
    if scrub(text) != text or any(each in text for each in HIDDEN):
        raise Unrebuildable("the test would hold what looks like a secret")
    return text


def _parsed(text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Unrebuildable(f"what was written is no Python: {type(error).__name__}") from None


def _frames(item: ReproductionItem) -> list[str]:
    """The innermost calls first: what matters most."""
    lines = []
    for level in item.prepared.levels[::-1][:MOST_FRAMES]:
        name = level.function.node.name if level.function else "<module>"
        lines.append(f"{level.module.path}:{level.places[-1].line} in {name} (module {level.module.name})")
        lines += [
            f"    {variable} = {text[:300]}"
            for variable, text in level.variables.items()
            if not variable.startswith("__")
        ]
    return lines


def _source(item: ReproductionItem) -> list[str]:
    """The modules of the stack, from the innermost outward, each once."""
    modules = list(dict.fromkeys(level.module.path for level in item.prepared.levels[::-1]))[:MOST_FILES]
    lines = []
    for path in modules:
        lines += [f"# {path}", *(item.prepared.sources.text(path) or "").splitlines()]
    return lines


def _outside(text: str, mark: str) -> str:
    """A line that can neither end the fence nor hold a secret."""
    return re.sub(r"[^\S ]+", " ", scrub(text)).replace(mark, "===")


@lru_cache(maxsize=1)
def _prompt() -> Prompt:
    return Prompt(PROMPT)


@lru_cache(maxsize=1)
def _version() -> str:
    return agent_version(RULES, [_prompt().text], WrittenTest)
