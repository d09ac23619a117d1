import sys

from isbn import WrongNumber, is_valid, to_13


def label(number):
    if not is_valid(number):
        return f"{number}: not an ISBN"
    return f"{number}: EAN {to_13(number)}"


def main(numbers):
    wrong = 0
    for number in numbers:
        try:
            print(label(number))
        except WrongNumber as problem:
            wrong += 1
            print(problem, file=sys.stderr)
    return wrong


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
