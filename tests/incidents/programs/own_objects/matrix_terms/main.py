import sys

from matrix import Matrix

OPERATORS = {"*": Matrix.__matmul__, "+": Matrix.__add__}


def compute(first, *terms):
    """Left to right: a matrix, then an operator and a matrix, as often as wanted."""
    result = Matrix.parse(first)
    for operator, text in zip(terms[::2], terms[1::2], strict=True):
        result = OPERATORS[operator](result, Matrix.parse(text))
    return result


if __name__ == "__main__":
    try:
        print(compute(*sys.argv[1:]))
    except ValueError as problem:
        print(problem)
