"""Programs that crashed are made to crash again by a test, for the reason they had and for no other."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from orchestration_assets.incidents.reproducing import NotReproduced, Reproduced
from tests.incidents.corpus import Program, error_event, programs
from tests.incidents.crashing import crashed, crashed_apart, files, passes, reproduced

FEW = {"plain_values/seating_plan"}
"""What is looked at in every run of the tests."""
BAR = 0.8


@pytest.mark.parametrize(
    "program", [each for each in programs() if each.identity in FEW], ids=lambda each: each.identity
)
def test_a_program_of_the_corpus(program: Program) -> None:
    kept = reproduced(program.sources(), error_event(program))
    assert isinstance(kept, Reproduced), kept
    assert passes(program.fixed(), kept)
    assert not passes(program.sources(), kept)


@pytest.mark.integration
def test_most_of_the_corpus_is_reproduced_and_nothing_is_kept_for_another_reason() -> None:
    def tried(program: Program) -> tuple[Program, Reproduced | NotReproduced, bool]:
        kept = reproduced(program.sources(), error_event(program))
        return program, kept, isinstance(kept, Reproduced) and passes(program.fixed(), kept)

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(tried, programs()))
    kept = [(program, mended) for program, outcome, mended in outcomes if isinstance(outcome, Reproduced)]
    rate = Counter(program.kind for program, _ in kept)
    assert len(kept) >= BAR * len(outcomes), rate
    assert [program.identity for program, mended in kept if not mended] == []


@pytest.mark.integration
def test_a_stack_of_calls_is_kept_from_the_outermost_whose_values_agree() -> None:
    """The list was changed before the error: with what is left of it, the outer call fails at another name."""
    tree = files(
        main="""
        def take(left, name, size):
            if left[0] < size:
                raise LookupError(f"no room for {name}")
            left[0] -= size

        def fill(left, names):
            for name in names:
                take(left, name, 2)

        if __name__ == "__main__":
            fill([5], ["ines", "joan", "mika"])
        """
    )
    kept = reproduced(tree, crashed(tree))
    assert isinstance(kept, Reproduced)
    assert kept.attempt.text.endswith('    left = [1]\n    take(left, "mika", 2)\n')


@pytest.mark.integration
def test_what_shows_the_error_in_another_state_is_not_kept() -> None:
    """The one line that is known makes the same message in the same line, but not after the lines that went before it."""
    tree = files(
        main="""
        import sys

        def read(path):
            found, section = {}, None
            with open(path) as file:
                for line in file:
                    line = line.strip()
                    if line.startswith("["):
                        section = found.setdefault(line, {})
                    else:
                        key, value = line.split("=")
                        section[key] = value
            return found

        def main(path):
            with open(path, "w") as file:
                file.write("[sizes]\\nhigh=3\\nwide=4\\nbroken\\n")
            return read(path)

        if __name__ == "__main__":
            main(sys.argv[1])
        """
    )
    fact = crashed(tree, "main.py", "app.ini")
    tree["main.py"] = tree["main.py"].replace(b"high=3\\nwide=4\\n", b"")
    outcome = reproduced(tree, fact)
    assert isinstance(outcome, NotReproduced)
    assert "of the values are the same" in outcome.reason


@pytest.mark.integration
def test_what_is_logged_by_code_that_goes_on_is_raised() -> None:
    tree = files(
        main="""
        import logging

        def add(number):
            return 1 / number

        def main(numbers):
            for number in numbers:
                try:
                    add(number)
                except ArithmeticError:
                    logging.getLogger("shop").exception("could not add %s", number)

        if __name__ == "__main__":
            main([1, 0])
        """
    )
    kept = reproduced(tree, crashed_apart(tree))
    assert isinstance(kept, Reproduced)
    assert "main([1, 0])" in kept.attempt.text


@pytest.mark.integration
@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("fails now and then", "    if os.environ['PYTHONHASHSEED'] == '1':\n        return\n    return 1 / by\n"),
        ("fails with something else", "    return {}[by]\n"),
        ("does not fail", "    return by\n"),
        ("kills what runs it", "    os._exit(0)\n"),
        (
            "forges a passing report",
            "    import pathlib\n    pathlib.Path('.regression/report.json').write_text('{\"outcome\": \"passed\"}')\n    os._exit(0)\n",
        ),
    ],
)
def test_what_does_not_fail_as_the_error_did_is_not_kept(name: str, body: str) -> None:
    """The tree of the release is not what crashed: the event is that of a division."""
    line = "    return 1 / by\n"
    crashing = {
        "work.py": f"import os\n\n\ndef run(by):\n{line}".encode(),
        "main.py": b"from work import run\n\nif __name__ == '__main__':\n    run(0)\n",
    }
    fact = crashed(crashing)
    tree = crashing | {
        "work.py": f"import os\n\n\ndef run(by):\n{body}    # {line.strip()}\n{'' if line in body else line}".encode()
    }
    outcome = reproduced(tree, fact)
    assert isinstance(outcome, NotReproduced), name
    assert outcome.reason
