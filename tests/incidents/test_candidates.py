"""Which tests are written for a stack: values where Sentry kept them, the code that made them where it did not, and nothing invented."""

from __future__ import annotations

import pytest

from tests.incidents.crashing import crashed, event, files, frame, written

LEDGER = files(
    main="""
    from ledger import Account, Ledger

    def pay(names, amount):
        ledger = Ledger([Account(name) for name in names])
        ledger.note = "monthly"
        for name in names:
            ledger.open(name)
        return ledger.pay(names[0], amount, force=True)

    if __name__ == "__main__":
        pay(["ines", "joan"], 30)
    """,
    ledger="""
    class Account:
        def __init__(self, name, balance=0):
            self.name, self.balance = name, balance

    class Ledger:
        def __init__(self, accounts):
            self.accounts = {account.name: account for account in accounts}
            self.known = []

        def open(self, name):
            self.known.append(name)

        def pay(self, name, amount, *, force=False, **rest):
            return self.accounts[name].balance / (amount - 30)
    """,
)


def calls(tests: list[str]) -> list[str]:
    """The bodies of the tests."""
    return [text.partition("-> None:\n")[2].strip() for text in tests]


def test_the_outermost_call_comes_first_and_inner_ones_take_over_the_code_before_them() -> None:
    tests = calls(written(LEDGER, crashed(LEDGER)))
    assert tests[0] == 'pay(["ines", "joan"], 30)'
    inner = next(each for each in tests if "ledger.pay" in each)
    assert inner.split("\n    ") == [
        'names = ["ines", "joan"]',
        "ledger = Ledger([Account(name) for name in names])",
        'ledger.note = "monthly"',
        "for name in names:",
        "    ledger.open(name)",
        'ledger.pay("ines", 30, force=True)',
    ]


def test_defaults_that_were_not_given_are_left_out() -> None:
    tree = files(
        main="""
        from work import work

        def main():
            work(3)

        main()
        """,
        work="""
        def work(number, scale=None, *, depth=1):
            scale = scale or number - 3
            return number / scale
        """,
    )
    assert "work(3)" in calls(written(tree, crashed(tree)))
    assert not any("scale" in each for each in calls(written(tree, crashed(tree))))


def test_who_is_called_by_nobody_known_needs_all_its_values() -> None:
    tree = files(
        work="class Work:\n    def __init__(self, size):\n        self.size = size\n    def run(self, by):\n        return self.size / by\n"
    )
    shown = frame("/app/work.py", "run", "return self.size / by", 5, "work", self="<work.Work object at 0x7f>", by="0")
    assert written(tree, event(shown, kind="ZeroDivisionError")) == []


@pytest.mark.parametrize("told", ["[Filtered]", "'cut off at so many charac…", "<socket object, fd=3>"])
def test_a_value_that_is_not_told_makes_no_test(told: str) -> None:
    tree = files(work="def run(key, by):\n    return key / by\n")
    shown = frame("/app/work.py", "run", "return key / by", 2, "work", key=told, by="0")
    assert written(tree, event(shown)) == []


def test_methods_properties_constructors_and_coroutines_are_called_as_they_are() -> None:
    tree = files(
        work="""
        from contextlib import contextmanager
        from dataclasses import dataclass

        @dataclass
        class Box:
            size: int

            @property
            def share(self):
                return 1 / self.size

            @classmethod
            def made(cls, size):
                return cls(1 / size)

            @staticmethod
            def cut(size):
                return 1 / size

            def __truediv__(self, other):
                return 1 / other

            async def sent(self, by):
                return 1 / by

            def parts(self, by):
                yield 1 / by

            def __hidden(self, by):
                return 1 / by

        class Crate:
            def __init__(self, size):
                self.size = 1 / size

        @contextmanager
        def held(by):
            yield 1 / by
        """
    )
    lines = tree["work.py"].decode().splitlines()

    def only(function: str, **variables: str) -> str:
        at = next(number for number, line in enumerate(lines) if f"def {function}(" in line) + 1
        shown = frame("/app/work.py", function, lines[at], at + 1, "work", **variables)
        return calls(written(tree, event(shown, kind="ZeroDivisionError")))[0]

    box = {"self": "Box(size=0)", "by": "0"}
    assert only("share", self="Box(size=0)") == "_ = Box(size=0).share"
    assert only("made", cls="<class 'work.Box'>", size="0") == "Box.made(0)"
    assert only("cut", size="0") == "Box.cut(0)"
    assert only("__truediv__", self="Box(size=1)", other="0") == "Box(size=1).__truediv__(0)"
    assert only("sent", **box) == "asyncio.run(Box(size=0).sent(0))"
    assert only("parts", **box) == "list(Box(size=0).parts(0))"
    assert only("__hidden", **box) == "Box(size=0)._Box__hidden(0)"
    assert only("__init__", self="<work.Crate object at 0x7f>", size="0") == "Crate(0)"
    assert only("held", by="0").split("\n") == ["with held(0):", "        pass"]


def test_a_script_is_run_with_the_command_line_that_its_calls_tell() -> None:
    tree = files(
        main="""
        import sys

        def main(name, *counts):
            return [int(count) for count in counts]

        main(*sys.argv[1:])
        """
    )
    (test,) = calls(written(tree, crashed(tree, "main.py", "tea", "1", "x")))
    assert '["main.py", "tea", "1", "x"]' in test
    assert 'runpy.run_path(str(Path(__file__).parents[2] / "main.py"), run_name="__main__")' in test


def test_elements_that_sentry_cut_off_are_taken_from_where_the_loop_was() -> None:
    tree = files(
        main="""
        def spread(rows):
            for row in rows:
                check(row)

        def check(row):
            return 1 / (row - 12)

        if __name__ == "__main__":
            spread(list(range(14)))
        """
    )
    tests = calls(written(tree, crashed(tree)))
    assert tests[0] == "spread([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12])"


def test_of_what_cannot_be_made_again_the_element_in_hand_is_taken() -> None:
    tree = files(
        main="""
        import sys

        def spread(lines):
            for number, line in enumerate(lines):
                return 1 / (int(line) - 3)

        if __name__ == "__main__":
            spread(map(str.strip, sys.stdin))
        """
    )
    assert 'spread(["3"])' in [
        each.splitlines()[-1].strip() for each in calls(written(tree, crashed(tree, stdin="3\n")))
    ]


def test_a_long_recursion_is_not_tried_call_by_call() -> None:
    tree = files(
        main="""
        def down(depth):
            return down(depth + 1)

        if __name__ == "__main__":
            down(0)
        """
    )
    tests = calls(written(tree, crashed(tree)))
    assert tests[:2] == ["down(0)", "down(1)"]
    assert len(tests) <= 6
