"""Masks secrets in text that leaves the process sideways: log lines, error reports, reasons kept in rows.

What belongs here: what a secret looks like. Every pattern is matched in one pass and consumes what it has looked at, so
that a hostile line of many megabytes costs linear time.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable

HIDDEN = "[hidden]"

_NAME = (
    r"(?:passw(?:or)?d|passphrase|passcode|(?<=[_-])pass|pwd|secret|token|credentials?|auth|authorization|signature|sig|cookies?|csrf|dsn"
    r"|api[ _-]?key|(?:access|private|secret|signing|encryption|account)[ _-]?key(?:[ _-]?id)?|session[ _-]?(?:id|key)"
    r"|connection[ _-]?string)\d*"
)
_SCHEME = r"(?:bearer|basic|digest|negotiate|token)"
_QUOTED = (
    r"[bru]?(?:"
    r"\"(?:[^\"\\]|\\[\s\S])*(?:\"|\\?$)|'(?:[^'\\]|\\[\s\S])*(?:'|\\?$)"
    # Quotes that are escaped themselves, as in JSON inside JSON, end at the next quote with as many backslashes.
    r"|(?P<escape>\\+)(?P<quote>[\"'])[\s\S]*?(?:(?<!\\)(?P=escape)(?P=quote)|$))"
)
_BARE = r"[^\s,;&\"'<>(){}\[\]\\]+"
_UNSET = r"(?:(?:none|null|nil|true|false|undefined)\b|\[hidden\]|\*{3})"

_SECRET = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,40}-----(?:(?!-----END)[\s\S])*(?:-----END [A-Z0-9 ]{0,60}-----)?"
    # A cookie holds several values, so it is hidden to the end of its line.
    r"|(?P<cookie>\b(?:set-)?cookies?[\"']?\s{0,4}[:=]\s{0,4})[^\r\n]+"
    # scheme://user:password@host and scheme://token@host; a port is no password, and the user `git` is no secret.
    r"|(?P<url>\b[a-z][a-z0-9+.-]{0,20}://)(?!git@|[\w.-]{1,253}:\d{1,5}/)(?:[^\s/\"'<>]+|[^\s/@:\"'<>]*:[^\s@\"'<>]{0,200})@"
    # name=value, name: value, "name": "value", name=Bearer value, --name value; in any case and with any prefix.
    rf"|(?P<name>{_NAME}\\*[\"'\]]{{0,2}}\s{{0,4}}(?:=>|:=|[:=])\s{{0,4}})(?P<value>{_QUOTED}|(?!{_UNSET})(?:{_SCHEME}\s{{1,4}})?{_BARE})"
    rf"|(?P<option>--[\w-]{{0,20}}?{_NAME}\s{{1,4}})(?!-){_BARE}"
    # A credential without its header's name. Plain words are let through: "basic information" is no secret.
    r"|(?P<scheme>\b(?:bearer|basic|digest|negotiate)\s{1,4})(?:(?=[a-z~+/:-]{0,400}[0-9_.=])[a-z0-9._~+/=:-]{6,}|[a-z0-9._~+/=:-]{16,})"
    # Keys that are known by their shape.
    r"|\b(?:(?:sk|pk|rk)[-_][a-z0-9_-]{16,}|gh[pousr]_[a-z0-9]{16,}|github_pat_\w{16,}|gl(?:pat|dt|rt|ptt|cbt|soat)-[\w.-]{16,}"
    r"|xox[abeoprs]-[\w-]{10,}|xapp-[\w-]{10,}|(?:AKIA|ASIA|ABIA|ACCA)[a-z0-9]{16}\b|AIza[\w-]{30,}|ya29\.[\w-]{16,}"
    r"|(?:hf|npm|gsk|r8|dop_v1|doo_v1|sntrys|sntryu|lin_api|dckr_pat|pul)[-_][a-z0-9_=+/-]{16,}|(?:nvapi|xai|pplx|pypi)-[\w-]{16,}"
    r"|SG\.[\w-]{16,}\.[\w-]{16,}|eyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)?)",
    re.IGNORECASE,
)
_ENDS_IN_NAME = re.compile(rf"{_NAME}$", re.IGNORECASE)
_STANDARD_ATTRIBUTES = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}

_known: frozenset[str] = frozenset()


def remember_secrets(values: Iterable[str]) -> None:
    """From now on `scrub` hides these very values too, whatever they look like. Values under six characters are not
    remembered.
    """
    global _known  # noqa: PLW0603 (one set for the process, replaced whole, so that threads always see a complete one)
    _known = _known | {value for value in values if len(value) >= 6}


def is_secret_name(name: str) -> bool:
    """True for the name of something secret: `api_key`, `GITHUB_TOKEN`, `X-Auth`; not for `max_tokens` or `author`."""
    return _ENDS_IN_NAME.search(name) is not None


def scrub(text: str) -> str:
    """The text with every secret replaced by `[hidden]`. What names the secret stays, so that a line can still be
    understood.
    """
    for value in sorted(_known, key=len, reverse=True):
        text = text.replace(value, HIDDEN)
    return _SECRET.sub(_mask, text)


def _mask(match: re.Match[str]) -> str:
    if match["url"]:
        return f"{match['url']}{HIDDEN}@"
    for group in ("scheme", "cookie", "option"):
        if match[group]:
            return f"{match[group]}{HIDDEN}"
    if match["name"]:
        return match["name"] + _mask_value(match["value"])
    return HIDDEN


def _mask_value(value: str) -> str:
    """Hides a value and leaves its quotes, so that JSON stays JSON."""
    opening = re.match(r"[bru]?\\*[\"']", value, re.IGNORECASE)
    if opening is None:
        return HIDDEN
    mark = opening[0].lstrip("bruBRU")
    return f"{opening[0]}{HIDDEN}{mark if value.endswith(mark, opening.end()) else ''}"


class ScrubbingFilter(logging.Filter):
    """A filter for log handlers: the record that passes holds no secrets in its message, its traceback or its extra
    attributes.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError):
            message = f"{record.msg} {record.args}"
        record.msg, record.args = scrub(message), None
        if record.exc_info and record.exc_info[0] is not None and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        record.exc_text = scrub(record.exc_text) if record.exc_text else record.exc_text
        record.stack_info = scrub(record.stack_info) if record.stack_info else record.stack_info
        for name, value in vars(record).items():
            if name not in _STANDARD_ATTRIBUTES and isinstance(value, str):
                setattr(record, name, HIDDEN if is_secret_name(name) else scrub(value))
        return True
