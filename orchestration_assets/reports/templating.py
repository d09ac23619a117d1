"""Templates of documents: one that names what is not there is an error, and never an empty place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment


def environment(
    folder: Path, autoescape: bool | Callable[[str | None], bool], finalize: Callable[[Any], Any] | None = None
) -> Environment:
    """Jinja over the templates in `folder`. `finalize` is called with every value that is printed."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=autoescape,  # noqa: S701 - Markdown is escaped by its filters
        finalize=finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def is_html(name: str | None) -> bool:
    """Whether a template's values are escaped as HTML."""
    return bool(name) and str(name).endswith("html.j2")
