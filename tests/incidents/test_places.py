"""Frames are found in the tree by the end of their path, and believed only where the line that Sentry shows is there."""

from __future__ import annotations

from orchestration_assets.incidents.examining import Loaded
from orchestration_assets.incidents.frames import levels, places
from orchestration_assets.incidents.sources import Sources
from resources.sentry_issues.facts import Frame
from tests.incidents.crashing import files, frame

TREE = files(
    shop__prices="""
    def price(line):
        return line["price"] * 2


    def total(lines):
        return sum(price(line) for line in lines)
    """,
    other__prices="""
    def price(line):
        return line["cost"]
    """,
    src__pack__core="""
    class Core:
        def run(self):
            return 1 / 0
    """,
)


def found(*frames: Frame) -> list[tuple[str, int, str]]:
    """Path, line and module of those that are in the tree."""
    return [(each.module.path, each.line, each.module.name) for each in places(list(frames), Sources(Loaded(TREE)))]


def test_a_path_of_a_container_ends_as_one_of_the_tree() -> None:
    line = '    return line["price"] * 2'
    assert found(frame("/app/src/shop/prices.py", "price", line, 2, "shop.prices")) == [
        ("shop/prices.py", 2, "shop.prices")
    ]
    assert found(frame("C:\\work\\shop\\prices.py", "price", line, 2, "shop.prices")) == [
        ("shop/prices.py", 2, "shop.prices")
    ]


def test_the_line_decides_between_files_of_one_name() -> None:
    assert found(frame("/srv/prices.py", "price", '    return line["cost"]', 2)) == [("other/prices.py", 2, "prices")]


def test_the_module_tells_where_imports_begin() -> None:
    shown = frame("/app/src/pack/core.py", "run", "        return 1 / 0", 3, "pack.core")
    assert found(shown) == [("src/pack/core.py", 3, "pack.core")]


def test_code_that_moved_is_found_near_by_and_code_that_is_gone_is_not() -> None:
    assert found(frame("/app/shop/prices.py", "price", '    return line["price"] * 2', 40, "shop.prices")) == [
        ("shop/prices.py", 2, "shop.prices")
    ]
    assert found(frame("/app/shop/prices.py", "price", '    return line["price"] * 2', 900, "shop.prices")) == []
    assert found(frame("/app/shop/prices.py", "price", "    return nothing", 2, "shop.prices")) == []
    assert found(frame("/app/shop/prices.py", "gone", '    return line["price"] * 2', 2, "shop.prices")) == []


def test_libraries_and_generated_code_are_not_the_programs() -> None:
    line = '    return line["price"] * 2'
    own = frame("/venv/lib/python3.12/site-packages/shop/prices.py", "price", line, 2, "shop.prices")
    assert found(own) == [("shop/prices.py", 2, "shop.prices")]
    assert found(own.model_copy(update={"module": "vendored.prices"})) == []
    assert found(frame("<string>", "price", "", 2), frame("/app/<frozen runpy>", "price", "", 2)) == []
    assert found(frame("/usr/lib/python3.12/json/decoder.py", "decode", "x = 1", 2)) == []


def test_comprehensions_belong_to_the_call_that_they_run_in() -> None:
    shown = [
        frame(
            "/app/shop/prices.py",
            "total",
            "    return sum(price(line) for line in lines)",
            6,
            "shop.prices",
            lines="[]",
        ),
        frame(
            "/app/shop/prices.py",
            "<genexpr>",
            "    return sum(price(line) for line in lines)",
            6,
            "shop.prices",
            line="{}",
        ),
        frame("/usr/lib/python3/functools.py", "wrapper", "x", 3, "functools").model_copy(update={"in_app": False}),
        frame("/app/shop/prices.py", "price", '    return line["price"] * 2', 2, "shop.prices", line="{}"),
    ]
    sources = Sources(Loaded(TREE))
    calls = levels(shown, places(shown, sources))
    assert [len(each.places) for each in calls] == [2, 1]
    assert calls[0].variables == {"lines": "[]", "line": "{}"}
    assert [each.function for each in calls[0].below] == ["wrapper"]
