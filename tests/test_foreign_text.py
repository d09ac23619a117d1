"""What is shown of a payload: every text whole and readable, and nothing that steers the terminal."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration_assets import inbox_commands
from orchestration_assets.foreign_text import readable
from orchestration_assets.session import Connections
from resources.settings import load_settings
from tests.activity.github_facts import event, issue


def test_each_text_of_several_lines_is_a_block_under_its_name() -> None:
    payload = {
        "title": "Add cards",
        "files": {"src/cards.py": "import this\r\n\r\n\tprint(1)\n", "empty.py": ""},
        "notes": ["one", "two\nthree"],
        "number": 3,
    }
    shown, *blocks = readable(payload).split("\n\nfiles.src/cards.py:\n")
    assert orjson.loads(shown) == payload | {
        "files": {"src/cards.py": "(3 lines, below)", "empty.py": ""},
        "notes": ["one", "(2 lines, below)"],
    }
    assert blocks == ["  import this\n\n  \tprint(1)\n\nnotes[1]:\n  two\n  three\n"]


def test_names_that_look_alike_hide_no_text() -> None:
    shown = readable({"a.b": "1\n2", "a": {"b": "3\n4"}})
    assert shown.endswith("\na.b:\n  1\n  2\n\na.b:\n  3\n  4\n")


_TEXT = st.text(st.characters(exclude_categories=("Cs",)))
_PAYLOADS = st.recursive(
    st.none() | st.integers(-9, 9) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
)


@given(_PAYLOADS)
def test_nothing_in_a_payload_steers_the_terminal(payload: object) -> None:
    for line in readable(payload).split("\n"):
        assert all(each.isprintable() or each.isspace() for each in line)
        assert not set(line) & set("\x1b\x9b\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\u2028\u2029\u202e")


def test_the_text_of_an_event_is_shown_as_it_was_written(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    connections = Connections(load_settings())
    connections.inbox.add([event(issue(9, "Export", body="Rows go out.\n\nAs CSV.\n"))])
    inbox_commands.show_event(connections, 1, as_json=False)
    assert capsys.readouterr().out.endswith("\n}\n\nbody:\n  Rows go out.\n\n  As CSV.\n")
    inbox_commands.show_event(connections, 1, as_json=True)
    assert orjson.loads(capsys.readouterr().out)["payload"]["body"] == "Rows go out.\n\nAs CSV.\n"


def test_one_event_is_told_of_as_one(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    connections = Connections(load_settings())
    connections.inbox.add([event(issue(number, "Export")) for number in (7, 8, 9)])
    for numbers, replayed, dropped in (
        ([1], "1 event waits again; the daemon or `soloist run` takes it up.", "Took 1 event out."),
        ([2, 3], "2 events wait again; the daemon or `soloist run` takes them up.", "Took 2 events out."),
    ):
        inbox_commands.replay(connections, numbers, dead=False)
        inbox_commands.drop(connections, numbers, dead=False)
        assert capsys.readouterr().err == f"{replayed}\n{dropped}\n"
