import sys

from formulas.evaluation import Evaluator
from formulas.reading import read


def main(formula, *settings):
    names = {}
    for setting in settings:
        name, _, value = setting.partition("=")
        names[name] = float(value)
    tree = read(formula)
    print(Evaluator(**names).visit(tree))


main(*sys.argv[1:])
