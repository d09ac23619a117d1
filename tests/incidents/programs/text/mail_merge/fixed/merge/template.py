"""Placeholders such as {{ name | filter:argument }}."""

import re

from merge.filters import FILTERS

PLACEHOLDER = re.compile(r"\{\{\s*(.+?)\s*\}\}")


class TemplateError(Exception):
    """A placeholder that cannot be filled."""


def render(text, **values):
    return PLACEHOLDER.sub(lambda match: fill(match[1], values), text)


def fill(placeholder, values):
    name, *filters = [part.strip() for part in placeholder.split("|")]
    value = str(values.get(name, ""))
    for each in filters:
        value = apply(each, value)
    return value


def apply(written, value):
    name, *arguments = written.split(":", maxsplit=1)
    if name not in FILTERS:
        raise TemplateError(f"there is no filter {name}")
    try:
        return FILTERS[name](value, *arguments)
    except (TypeError, ValueError) as error:
        raise TemplateError(f"filter {written!r} on {value!r}") from error
