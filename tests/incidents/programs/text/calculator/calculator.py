"""A calculator for one line: + - * / and parentheses, by recursive descent."""

import re

TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?)|(.))")


class CalculatorError(Exception):
    """What the person typed makes no sense."""


def tokenize(line):
    return [number or sign for number, sign in TOKEN.findall(line.rstrip())]


class Parser:
    def __init__(self, tokens):
        self.tokens = tokens
        self.position = 0

    def peek(self):
        return self.tokens[self.position]

    def take(self, expected=None):
        token = self.peek()
        if expected is not None and token != expected:
            raise CalculatorError(f"expected {expected} but found {token or 'the end'}")
        self.position += 1
        return token

    def at_end(self):
        return self.position >= len(self.tokens)

    def expression(self):
        value = self.term()
        while not self.at_end() and self.peek() in "+-":
            token = self.take()
            value = value + self.term() if token == "+" else value - self.term()
        return value

    def term(self):
        value = self.factor()
        while not self.at_end() and self.peek() in "*/":
            token = self.take()
            value = value * self.factor() if token == "*" else value / self.factor()
        return value

    def factor(self):
        token = self.take()
        if token == "(":
            value = self.expression()
            self.take(")")
            return value
        if token == "-":
            return -self.factor()
        try:
            return float(token)
        except ValueError:
            raise CalculatorError(f"{token or 'the end'} is no number") from None


def evaluate(line):
    parser = Parser(tokenize(line))
    value = parser.expression()
    if not parser.at_end():
        raise CalculatorError(f"{parser.peek()} is too much")
    return value
