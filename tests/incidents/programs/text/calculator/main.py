import sys

from calculator import CalculatorError, evaluate


def repl(lines):
    for line in lines:
        if not line.strip():
            continue
        try:
            print("=", evaluate(line))
        except CalculatorError as problem:
            print("?", problem)


if __name__ == "__main__":
    repl(sys.stdin)
