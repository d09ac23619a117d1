import operator

from formulas.nodes import Name, Negated, Node, Number, Operation


class Visitor:
    def visit(self, node: Node) -> float:
        return getattr(self, f"visit_{type(node).__name__.lower()}")(node)


class Evaluator(Visitor):
    OPERATORS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}

    def __init__(self, **names: float) -> None:
        self.names = names

    def visit_number(self, node: Number) -> float:
        return node.value

    def visit_name(self, node: Name) -> float:
        return self.names[node.name]

    def visit_negated(self, node: Negated) -> float:
        return -self.visit(node.operand)

    def visit_operation(self, node: Operation) -> float:
        return self.OPERATORS[node.sign](self.visit(node.left), self.visit(node.right))
