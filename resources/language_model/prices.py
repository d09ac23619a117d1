"""What tokens cost, by a table that a person keeps: prices change, and self-hosted tokens have those of a machine."""

from __future__ import annotations

import fnmatch
import tomllib
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from resources.errors import BadInput

MILLION = 1_000_000


class Price(BaseModel):
    """Of a million tokens, in the table's currency. `cached`: of those that the server had in its prefix cache; None: as the others."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: float = Field(ge=0)
    cached: float | None = Field(default=None, ge=0)
    output: float = Field(ge=0)


class PriceTable(BaseModel):
    """The file `prices.toml`: a currency, and prices by the name of the model, in which `*` stands for anything."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    currency: str = "USD"
    models: dict[str, Price] = {}


@dataclass(frozen=True)
class Prices:
    """The prices of one model; `price` is None where the table does not name it."""

    currency: str = "USD"
    price: Price | None = None

    def cost(self, tokens_in: int, tokens_cached: int, tokens_out: int) -> float | None:
        """In the table's currency. `tokens_cached` are among `tokens_in`. None where no price is known."""
        if self.price is None:
            return None
        cached = self.price.input if self.price.cached is None else self.price.cached
        fresh = max(0, tokens_in - tokens_cached)
        return (fresh * self.price.input + tokens_cached * cached + tokens_out * self.price.output) / MILLION


def load_prices(path: Path) -> PriceTable:
    """The table in a file; an empty one where there is no file. Raises BadInput."""
    try:
        return PriceTable.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return PriceTable()
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise BadInput(f"The price table {path} cannot be used: {where}: {first['msg']}.") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput(f"The price table {path} cannot be read ({error}); mend it or remove it.") from None


def prices_of(table: PriceTable, model: str) -> Prices:
    """The prices of a model (`name` or `name@revision`): those of its own name, else of the longest pattern that fits."""
    name = model.partition("@")[0]
    fitting = [pattern for pattern in table.models if fnmatch.fnmatchcase(name, pattern)]
    best = name if name in table.models else max(fitting, key=len, default=None)
    return Prices(table.currency, table.models[best] if best else None)
