import ast

from formulas.nodes import Name, Negated, Node, Number, Operation

SIGNS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}


def read(text: str) -> Node:
    return convert(ast.parse(text, mode="eval").body)


def convert(tree: ast.expr) -> Node:
    match tree:
        case ast.Constant(value=int() | float() as value):
            return Number(float(value))
        case ast.Name(id=name):
            return Name(name)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return Negated(convert(operand))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in SIGNS:
            return Operation(SIGNS[type(op)], convert(left), convert(right))
    raise SyntaxError(f"{ast.unparse(tree)} is no formula")
