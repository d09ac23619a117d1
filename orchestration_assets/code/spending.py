"""Who made what of a project, and what that took: calls, tokens and, where prices are known, the cost.

What belongs here: adding up. The ledger knows every step that ended, of which plan; the warehouse every call. A build that was killed may have
left a step in one and not in the other, so that both are asked, and what both know is counted once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from orchestration_assets.code.bundle import PLANNING, PLANNING_AGAIN, Made
from orchestration_assets.code.ledger import Attempt, Ledger
from orchestration_assets.code.making import builds_path
from orchestration_assets.code.planning_agent import PlanningAgent, ReplanningAgent
from orchestration_assets.code.scheduling import Step
from orchestration_assets.code.writing_agent import WritingAgent
from orchestration_assets.derivation import DERIVATIONS
from orchestration_assets.model_records import MODEL_CALLS
from resources.language_model.prices import load_prices, prices_of

if TYPE_CHECKING:
    from orchestration_assets.code.model import Plan
    from orchestration_assets.derivation import Derivation
    from resources.language_model.prices import PriceTable
    from resources.language_model.records import ModelCall
    from resources.settings import Settings
    from resources.warehouse import Warehouse


class _Asked(NamedTuple):
    """One thing that was asked of a model: what two records of the same call have in common."""

    task: str
    maker: str
    version: str
    calls: int
    tokens_in: int
    tokens_out: int


class Spent(NamedTuple):
    """HTTP requests and tokens."""

    calls: int
    tokens_in: int
    tokens_out: int

    def __sub__(self, other: Spent) -> Spent:
        return Spent(*(ours - theirs for ours, theirs in zip(self, other, strict=True)))


def calls_of(warehouse: Warehouse, project: str) -> Spent:
    """All that was ever asked for a project: its plans, and its files."""
    agents = (PlanningAgent().name, WritingAgent().name, ReplanningAgent().name)
    with warehouse.read() as session:
        calls = session.rows(
            MODEL_CALLS,
            where="agent IN (?, ?, ?) AND (key = ? OR starts_with(key, ?))",
            params=[*agents, project, f"{project}/"],
        )
    return Spent(
        sum(call.attempts for call in calls),
        sum(call.tokens_in for call in calls),
        sum(call.tokens_out for call in calls),
    )


def who_made_what(settings: Settings, warehouse: Warehouse, project: str, plan: Plan) -> tuple[Made, ...]:
    """Of the build of a project, a row for each task and model, whichever made it last coming last: the plan, the tasks in the order of `plan`,
    and those that others replaced. What earlier plans took is not counted."""
    ledger = Ledger(builds_path(settings))
    try:
        stored = ledger.load(project)
        assert stored is not None  # it was built
        attempts = [each for each in ledger.attempts(project) if each.basis == stored.basis and each.maker]
    finally:
        ledger.close()
    agents = (WritingAgent().name, ReplanningAgent().name)
    with warehouse.read() as session:
        planned = session.rows(DERIVATIONS, where="agent = ? AND key = ?", params=[PlanningAgent().name, project])
        calls = session.rows(
            MODEL_CALLS,
            where="agent IN (?, ?) AND starts_with(key, ?) AND called_at >= ?",
            params=[*agents, f"{project}/", stored.begun_at],
            order_by="called_at",
        )
    asked = Counter(map(_of_call, calls)) | Counter(map(_of_attempt, attempts))
    asked.update(map(_of_planning, planned))
    order = {task: place for place, task in enumerate([PLANNING, PLANNING_AGAIN, *(task.id for task in plan.tasks)])}
    last = {(each.task, each.maker): place for place, each in enumerate(map(_of_attempt, attempts))}
    return tuple(
        sorted(
            _added_up(asked.elements(), load_prices(settings.prices_path)),
            key=lambda row: (order.get(row.task, len(order)), row.task, last.get((row.task, row.maker), -1)),
        )
    )


def _of_attempt(attempt: Attempt) -> _Asked:
    task = attempt.task if attempt.step is Step.WRITE else PLANNING_AGAIN
    took = attempt.calls, attempt.tokens_in, attempt.tokens_out
    return _Asked(task, attempt.maker, attempt.agent_version, *took)


def _of_call(call: ModelCall) -> _Asked:
    task = call.key.partition("/")[2] if call.agent == WritingAgent().name else PLANNING_AGAIN
    return _Asked(task, call.model, call.agent_version, call.attempts, call.tokens_in, call.tokens_out)


def _of_planning(planned: Derivation) -> _Asked:
    took = planned.attempts, planned.tokens_in, planned.tokens_out
    return _Asked(PLANNING, planned.maker, planned.agent_version, *took)


def _added_up(asked: Iterable[_Asked], prices: PriceTable) -> list[Made]:
    by_row: defaultdict[tuple[str, str], list[_Asked]] = defaultdict(list)
    for each in asked:
        by_row[each.task, each.maker].append(each)
    found: list[Made] = []
    for (task, maker), together in by_row.items():
        tokens_in, tokens_out = sum(each.tokens_in for each in together), sum(each.tokens_out for each in together)
        price = prices_of(prices, maker)
        found.append(
            Made(
                task=task,
                maker=maker,
                prompt_version=together[-1].version,
                calls=sum(each.calls for each in together),
                tokens_in=tokens_in,
                tokens_out=tokens_out,
                cost=price.cost(tokens_in, 0, tokens_out),
                currency=price.currency,
            )
        )
    return found
