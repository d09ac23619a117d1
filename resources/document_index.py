"""The page that lists every document, grouped by kind. Titles and addresses are data, and may be hostile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from urllib.parse import urlsplit

_STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.6 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1.25rem; }
h1 { font-size: 1.6rem; margin: 0 0 2rem; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
ul { list-style: none; margin: 0; padding: 0; }
li { display: flex; gap: 1rem; justify-content: space-between; padding: .35rem 0; border-top: 1px solid #8884; }
li span { opacity: .7; white-space: nowrap; }
"""


@dataclass(frozen=True)
class DocumentLink:
    """One line of the index: `kind` groups, `key` says which (a period, a variant), `href` leads to the document."""

    kind: str
    key: str
    href: str
    title: str


def index_page(links: Sequence[DocumentLink]) -> str:
    """The page as HTML. Kinds come in the order in which they first appear, their documents as listed."""
    order = {kind: place for place, kind in enumerate(dict.fromkeys(link.kind for link in links))}
    sections = [
        f"<section><h2>{escape(_title(kind))}</h2><ul>{''.join(map(_line, group))}</ul></section>"
        for kind, group in groupby(sorted(links, key=lambda link: order[link.kind]), key=lambda link: link.kind)
    ]
    body = "\n".join(sections) or "<p>No document has been made yet; <code>soloist run</code> makes them.</p>"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Documents</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>\n'
        f"<body><h1>Documents</h1>\n{body}\n</body></html>\n"
    )


def _line(link: DocumentLink) -> str:
    title, key = escape(link.title or link.key), escape(link.key)
    linked = f'<a href="{escape(link.href)}">{title}</a>' if _is_safe(link.href) else title
    return f"<li>{linked}<span>{key}</span></li>"


def _is_safe(href: str) -> bool:
    """True for a path of this server and for web addresses; the rest, such as `javascript:`, becomes plain text."""
    try:
        return urlsplit(href).scheme in {"", "http", "https"} and href.isprintable()
    except ValueError:
        return False


def _title(kind: str) -> str:
    return kind.replace("_", " ").capitalize()
