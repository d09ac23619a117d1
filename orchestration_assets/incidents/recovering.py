"""The values that a call needs, each from what Sentry kept of it, or from the code that made it out of values that Sentry kept.

What belongs here: the slice of straight-line code before a call, taken over with known values in the place of variables. Nothing is
invented: what neither the event nor the source tells makes the candidate impossible.
"""

from __future__ import annotations

import ast
import builtins
import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from orchestration_assets.incidents import shapes, slices
from orchestration_assets.incidents.calls import call_between, changes, rebinds
from orchestration_assets.incidents.completing import complete
from orchestration_assets.incidents.drafts import Draft
from orchestration_assets.incidents.frames import Level
from orchestration_assets.incidents.reprs import Unrebuildable
from orchestration_assets.incidents.sources import Module, absolute
from orchestration_assets.incidents.syntax import names_bound, targets
from orchestration_assets.incidents.values import Guesses, Values

_DEEPEST = 24
_OUTSIDE = {"sys.argv", "sys.stdin", "os.environ"}
_UNFIT = (
    ast.Return
    | ast.Yield
    | ast.YieldFrom
    | ast.Await
    | ast.Global
    | ast.Nonlocal
    | ast.AsyncFor
    | ast.AsyncWith
    | ast.NamedExpr
)


@dataclass(frozen=True)
class Policy:
    """How to choose where more than one way leads to a value."""

    source_first: bool = False
    """Rather run the code that made a value than write the value down."""
    one_element: bool = False
    """Of something that was being gone through and cannot be made, take the one element that it was at."""
    guesses: Guesses = field(default_factory=Guesses)


class Recovery:
    """Of one candidate. Level numbers count from the outermost call."""

    def __init__(self, levels: list[Level], draft: Draft, policy: Policy) -> None:
        self.levels, self.draft, self.policy = levels, draft, policy
        self.approximations = 0
        self._made: dict[tuple[int, str], ast.expr] = {}
        self._at_work: set[tuple[int, str]] = set()

    def argument(self, number: int, name: str) -> ast.expr:
        """What was given for a parameter. Raises Unrebuildable."""
        level = self.levels[number]
        function = level.function
        is_changed = function is not None and (rebinds(function.node, name) or changes(function.node, name))
        ways = [self.literal, self.given]
        if is_changed or self.policy.source_first:
            ways.reverse()
        if is_changed:
            self.approximations += 1
        if self.policy.one_element:
            ways.append(self.element)
        return self._first(ways, number, name)

    def value(self, number: int, name: str) -> ast.expr:
        """Of a variable, when the running statement began. Raises Unrebuildable."""
        key = (number, name)
        if key in self._made:
            return self._made[key]
        if key in self._at_work or len(self._at_work) > _DEEPEST:
            raise Unrebuildable(f"{name} is made out of itself")
        self._at_work.add(key)
        try:
            if self._is_parameter(number, name) and not self._is_rebound(number, name):
                made = self.argument(number, name)
            else:
                ways = [self.literal, self.defined, self.same_object]
                if self.policy.source_first:
                    ways = [self.defined, self.literal, self.same_object]
                made = self._first(ways, number, name)
        finally:
            self._at_work.discard(key)
        return self._keep(number, name, made)

    def literal(self, number: int, name: str) -> ast.expr:
        level = self.levels[number]
        text = level.variables.get(name)
        if text is None:
            raise Unrebuildable(f"{name} is not among the variables")
        values = Values(self.draft.sources, level.module, self.draft.use, self.policy.guesses)
        try:
            made = values.rebuild(text, self._shape(number, name))
            return complete(self.levels, number, name, made, self.literal)
        except Unrebuildable as error:
            raise Unrebuildable(f"{name} cannot be rebuilt: {error}") from None

    def given(self, number: int, name: str) -> ast.expr:
        """By the expression that the caller gave."""
        if number == 0:
            raise Unrebuildable(f"who called {self._named(number)} is not told")
        call = call_between(self.levels[number - 1], self.levels[number])
        if call is None or name not in call.arguments:
            return self.same_object(number, name)
        return self.expression(number - 1, call.arguments[name])

    def receiver(self, number: int) -> ast.expr:
        """What a method was called on. Raises Unrebuildable."""
        level = self.levels[number]
        assert level.function is not None
        own = level.function.node.args
        name = [*own.posonlyargs, *own.args][0].arg
        try:
            if not self.policy.source_first:
                return self.literal(number, name)
        except Unrebuildable:
            pass
        call = call_between(self.levels[number - 1], level) if number else None
        if call is not None and call.receiver is not None:
            return self.expression(number - 1, call.receiver)
        try:
            return self.same_object(number, name)
        except Unrebuildable:
            return self.literal(number, name)

    def same_object(self, number: int, name: str) -> ast.expr:
        """By a variable of a caller that holds the very object: its text has the same address."""
        text = self.levels[number].variables.get(name, "")
        if " at 0x" in text and not text.startswith(("[", "{")):
            for outer in range(number - 1, -1, -1):
                for other, written in self.levels[outer].variables.items():
                    if written == text and other.isidentifier():
                        return self.value(outer, other)
        raise Unrebuildable(f"how {name} was made is not told")

    def element(self, number: int, name: str) -> ast.expr:
        """A list with the one element that a loop over `name` was at. Raises Unrebuildable."""
        level = self.levels[number]
        for node in ast.walk(level.function.node if level.function else level.module.tree):
            if not isinstance(node, ast.For | ast.comprehension):
                continue
            target, iterated = slices.gone_through(node)
            if not (isinstance(iterated, ast.Name) and iterated.id == name):
                continue
            self.approximations += 1
            if isinstance(target, ast.Name):
                return ast.List([self.literal(number, target.id)])
            if isinstance(target, ast.Tuple) and all(isinstance(each, ast.Name) for each in target.elts):
                return ast.List([ast.Tuple([self.literal(number, each) for each in targets(target)])])
        raise Unrebuildable(f"{name} is gone through nowhere")

    def defined(self, number: int, name: str) -> ast.expr:
        """By the last statement before that bound it, and those after it that changed it. Raises Unrebuildable."""
        level = self.levels[number]
        before = list(slices.before(level.body, level.places[-1].line))
        at = next((place for place in range(len(before) - 1, -1, -1) if slices.binds(before[place], name)), None)
        if at is None:
            if self._is_parameter(number, name):
                return self.given(number, name)
            raise Unrebuildable(f"no statement before binds {name}")
        statement = before[at]
        match statement:
            case ast.Assign(targets=[ast.Name()]) | ast.AnnAssign(target=ast.Name()) if statement.value is not None:
                made = self.expression(number, statement.value)
            case ast.Assign(targets=[ast.Tuple()]):
                self.copied(number, statement)
                return self._made[number, name]
            case ast.With() if statement in slices.around(level.body, level.places[-1].line) and name in names_bound(
                statement
            ):
                item = next(
                    item
                    for item in statement.items
                    if item.optional_vars and name in slices.names_in(item.optional_vars)
                )
                made = self.expression(number, item.context_expr)
                if not slices.opens(item.context_expr):
                    made = ast.Call(ast.Attribute(made, "__enter__"), [], [])
            case _:
                raise Unrebuildable(f"{name} was bound in a way that cannot be taken over")
        kept = self._keep(number, name, self._bound(name, made))
        around = slices.around(level.body, level.places[-1].line)
        for later in before[at + 1 :]:
            if later in around:
                # What earlier rounds of a loop did to it is not told.
                self.approximations += isinstance(later, ast.For | ast.While) and slices.touches(later, name)
            elif slices.touches(later, name):
                self.copied(number, later)
        return kept

    def copied(self, number: int, statement: ast.stmt) -> None:
        """The statement with its variables, among those before the call. Raises Unrebuildable."""
        if any(isinstance(each, _UNFIT) for each in ast.walk(statement)):
            raise Unrebuildable("what was done before the call cannot be taken over")
        inside = {
            each.id for each in ast.walk(statement) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
        }
        for name in sorted(inside):
            if (number, name) not in self._made:
                self._made[number, name] = ast.Name(self.draft.local(name))
        made = _Replaced(self, number, frozenset()).visit(copy.deepcopy(statement))
        self.draft.statements.append(made)

    def expression(self, number: int, node: ast.expr) -> ast.expr:
        """The expression of a level's code with its variables replaced by their values. Raises Unrebuildable."""
        if any(isinstance(each, _UNFIT) for each in ast.walk(node)):
            raise Unrebuildable("it is made in a way that cannot be taken over")
        made: ast.expr = _Replaced(self, number, frozenset()).visit(copy.deepcopy(node))
        return made

    def name(self, number: int, name: str) -> ast.expr:
        """What a name means in the code of a level. Raises Unrebuildable."""
        level = self.levels[number]
        if (number, name) in self._made:
            return self._made[number, name]
        if name in slices.locals_of(level):
            return self.value(number, name)
        if name in level.module.bound:
            return self.imported(level.module, name)
        if hasattr(builtins, name) and name not in {"input", "open", "exec", "eval", "compile", "__import__", "super"}:
            return ast.Name(name)
        if name == "open":
            return ast.Name(name)
        return self.value(number, name)

    def imported(self, module: Module, name: str) -> ast.expr:
        """A global of a module, from where it comes from. Raises Unrebuildable."""
        statement = module.bound[name]
        match statement:
            case ast.Import():
                alias = next(each for each in statement.names if (each.asname or each.name.partition(".")[0]) == name)
                made = self.draft.use_module(alias.name)
                while not alias.asname and isinstance(made, ast.Attribute):
                    made = made.value
                return made
            case ast.ImportFrom():
                alias = next(each for each in statement.names if (each.asname or each.name) == name)
                return self.draft.use(absolute(module, statement), alias.name)
        return self.draft.use(module.name, name)

    def _first(self, ways: Sequence[Callable[[int, str], ast.expr]], number: int, name: str) -> ast.expr:
        """By the first way that leads there; what failed on the way is taken back."""
        complaint: Unrebuildable | None = None
        for way in ways:
            saved = (list(self.draft.statements), dict(self._made), self.approximations)
            try:
                return way(number, name)
            except Unrebuildable as error:
                self.draft.statements[:], self._made, self.approximations = saved
                complaint = complaint or error
        assert complaint is not None
        raise complaint

    def _keep(self, number: int, name: str, made: ast.expr) -> ast.expr:
        kept = self.draft.keep(name, made)
        self._made[number, name] = kept
        return kept

    def _bound(self, name: str, made: ast.expr) -> ast.expr:
        if isinstance(made, ast.Name | ast.Constant):
            return made
        local = self.draft.local(name)
        self.draft.statements.append(ast.Assign([ast.Name(local)], made))
        return ast.Name(local)

    def _shape(self, number: int, name: str) -> shapes.Shape | None:
        level = self.levels[number]
        if level.function is not None and self._is_parameter(number, name):
            shape = shapes.of_parameter(level.function, name)
        else:
            shape = shapes.of_local(level.function.node if level.function else level.module.tree, name)
        if (shape is None or not shape.kind) and number and self._is_parameter(number, name):
            call = call_between(self.levels[number - 1], level)
            passed = call.arguments.get(name) if call else None
            if isinstance(passed, ast.Name) and self.levels[number - 1].variables.get(passed.id) is not None:
                return self._shape(number - 1, passed.id) or shape
            return shapes.of_expression(passed) or shape
        return shape

    def _is_parameter(self, number: int, name: str) -> bool:
        function = self.levels[number].function
        if function is None:
            return False
        own = function.node.args
        every = [*own.posonlyargs, *own.args, *own.kwonlyargs, *(each for each in (own.vararg, own.kwarg) if each)]
        return any(each.arg == name for each in every)

    def _is_rebound(self, number: int, name: str) -> bool:
        function = self.levels[number].function
        return function is not None and rebinds(function.node, name)

    def _named(self, number: int) -> str:
        function = self.levels[number].function
        return function.node.name if function else self.levels[number].module.path


class _Replaced(ast.NodeTransformer):
    def __init__(self, recovery: Recovery, number: int, bound: frozenset[str]) -> None:
        self._recovery, self._number, self._bound = recovery, number, bound

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in self._bound:
            return node
        return self._recovery.name(self._number, node.id)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if ast.unparse(node) in _OUTSIDE:
            raise Unrebuildable(f"{ast.unparse(node)} of that time is not told")
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Attribute) and node.func.attr == "parse_args" and not node.args:
            raise Unrebuildable("the command line of that time is not told")
        return self.generic_visit(node)

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        return self._within(node, {each.arg for each in ast.walk(node.args) if isinstance(each, ast.arg)})

    def visit_ListComp(self, node: ast.ListComp) -> ast.AST:
        return self._within(node, {name for each in node.generators for name in slices.names_in(each.target)})

    def visit_SetComp(self, node: ast.SetComp) -> ast.AST:
        return self._within(node, {name for each in node.generators for name in slices.names_in(each.target)})

    def visit_DictComp(self, node: ast.DictComp) -> ast.AST:
        return self._within(node, {name for each in node.generators for name in slices.names_in(each.target)})

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.AST:
        return self._within(node, {name for each in node.generators for name in slices.names_in(each.target)})

    def _within(self, node: ast.AST, names: set[str]) -> ast.AST:
        return _Replaced(self._recovery, self._number, self._bound | names).generic_visit(node)
