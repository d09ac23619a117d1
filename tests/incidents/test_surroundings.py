"""What a program read from outside (clock, environment, files, command line, standard input) is found out and put around the call."""

from __future__ import annotations

import pytest

from orchestration_assets.incidents.inverting import facts
from orchestration_assets.incidents.reproducing import Reproduced
from tests.incidents.crashing import crashed, crashed_apart, files, prepared, reproduced, written

READS = {
    "environment by the message": (
        files(
            main="""
            import os

            def port(prefix="SHOP_"):
                return int(os.environ.get(prefix + "PORT", "80"))

            if __name__ == "__main__":
                port()
            """
        ),
        {"SHOP_PORT": "8o"},
        ("environment", "SHOP_PORT", "8o"),
    ),
    "environment through a function": (
        files(
            main="""
            import os

            def written():
                return os.environ.get("FIRST") or os.environ["SECOND"]

            def main():
                name = written().partition(".")[0]
                return name.split("_")[1]

            if __name__ == "__main__":
                main()
            """
        ),
        {"SECOND": "plain"},
        ("environment", "SECOND", "plain"),
    ),
    "environment as a whole": (
        files(
            main="""
            import os

            def overlay(variables, prefix):
                return {name: int(variables[name]) for name in sorted(variables) if name.startswith(prefix)}

            def main():
                return overlay(os.environ, "SHOP_")

            if __name__ == "__main__":
                main()
            """
        ),
        {"SHOP_SIZE": "large"},
        ("environment", "SHOP_SIZE", "large"),
    ),
}


@pytest.mark.parametrize("name", READS)
def test_variables_of_the_environment(name: str) -> None:
    tree, environment, expected = READS[name]
    found = prepared(tree, crashed(tree, **environment))
    assert expected in [
        (fact.kind, fact.key, fact.value) for fact in facts(found.levels, found.sources, found.raised.value)
    ]
    assert f'monkeypatch.setenv("{expected[1]}", "{expected[2]}")' in written(tree, crashed(tree, **environment))[0]


def test_standard_input_by_what_was_made_of_it() -> None:
    tree = files(
        main="""
        import json
        import sys

        def total(told):
            return sum(each["price"] for each in told["lines"])

        told = json.load(sys.stdin)
        print(total(told))
        """
    )
    text = written(tree, crashed(tree, stdin='{"lines": [{"price": 1}, {}]}'))[0]
    assert '{\\"lines\\": [{\\"price\\": 1}, {}]}' in text or '{"lines": [{"price": 1}, {}]}' in text
    assert "run_path" in text


def test_a_file_by_what_was_decoded(tmp_path: object) -> None:
    tree = files(
        main="""
        import json
        import sys
        from pathlib import Path

        def load(name):
            return json.loads(Path(name).read_text())

        def main(name):
            Path(name).write_text("{not json")
            return load(name)

        if __name__ == "__main__":
            main(*sys.argv[1:])
        """
    )
    text = next(each for each in written(tree, crashed(tree, "main.py", "notes.json")) if "load(" in each)
    assert '(tmp_path / "notes.json").write_text("{not json", encoding="utf-8", newline="")' in text
    assert "monkeypatch.chdir(tmp_path)" in text


@pytest.mark.parametrize(
    ("imported", "asked"),
    [
        ("from datetime import datetime", "datetime.now().weekday()"),
        ("from datetime import datetime", "datetime.utcnow().weekday()"),
        ("from datetime import date", "date.today().weekday()"),
        ("import datetime as dt", "dt.datetime.now(dt.UTC).weekday()"),
        ("import datetime", "datetime.date.today().weekday()"),
        ("import time", "time.localtime().tm_wday"),
        ("import time", "int(time.time() // 86400 + 3) % 7"),
        ("from time import time", "int(time() // 86400 + 3) % 7"),
    ],
)
@pytest.mark.integration
def test_the_clock_stands_at_the_time_of_the_error(imported: str, asked: str) -> None:
    """2024-05-05 was a Sunday."""
    tree = {
        "main.py": f"{imported}\n\ndef main():\n    day = {asked}\n    return 1 / (day - 6)\n\nif __name__ == '__main__':\n    main()\n".encode()
    }
    fact = crashed_apart(tree, now="2024-05-05T10:30:00+00:00")
    kept = reproduced(tree, fact)
    assert isinstance(kept, Reproduced), kept
    assert kept.verdict.is_exact
