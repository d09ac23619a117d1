"""Exchange rates; each is looked up once."""

import json
from pathlib import Path

_known = {}


class NoRate(Exception):
    pass


def look_up(currency, base):
    told = json.loads((Path(__file__).parent / "rates.json").read_text())
    if told["base"] != base:
        raise NoRate(f"there are no rates for {base}")
    return told["rates"].get(currency)


def rate(currency, base="EUR"):
    if currency == base:
        return 1.0
    if (currency, base) not in _known:
        found = look_up(currency, base)
        if found is None:
            raise NoRate(f"there is no rate for {currency}")
        _known[currency, base] = found
    return _known[currency, base]


def convert(amount, currency, base="EUR"):
    return round(amount / rate(currency, base), 2)
