"""What tokens cost, by a table that a person keeps."""

from __future__ import annotations

from pathlib import Path

import pytest

from resources.errors import BadInput
from resources.language_model.prices import load_prices, prices_of

TABLE = """currency = "EUR"
[models]
"*" = { input = 9.0, output = 9.0 }
"Fable/*" = { input = 2.0, cached = 0.5, output = 4.0 }
"Fable/long" = { input = 1.0, output = 3.0 }
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "prices.toml"
    path.write_text(TABLE)
    return path


@pytest.mark.parametrize(
    ("model", "cost"),
    [
        ("Fable/short@r1", 0.75 * 2.0 + 0.25 * 0.5 + 0.5 * 4.0),
        ("Fable/long", 1.0 * 1.0 + 0.5 * 3.0),
        ("other@r2", 1.0 * 9.0 + 0.5 * 9.0),
    ],
)
def test_the_nearest_name_has_the_price_and_cached_tokens_their_own(table: Path, model: str, cost: float) -> None:
    prices = prices_of(load_prices(table), model)
    assert prices.currency == "EUR"
    assert prices.cost(1_000_000, 250_000, 500_000) == pytest.approx(cost)


def test_what_no_table_names_has_no_price(tmp_path: Path) -> None:
    assert prices_of(load_prices(tmp_path / "none.toml"), "Fable/short").cost(10, 0, 10) is None


@pytest.mark.parametrize("text", ["[models", '[models]\n"a" = { input = -1.0, output = 1.0 }', "models = 3"])
def test_a_broken_table_is_a_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(text)
    with pytest.raises(BadInput, match=r"price table .*prices\.toml"):
        load_prices(path)
