"""Errors of this program, reported to Sentry without secrets, prompts or what people wrote.

What belongs here: setting the SDK up and deciding what may leave. `sentry_sdk` is imported only where a DSN is
configured.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from resources.errors import BadInput
from resources.scrubbing import HIDDEN, is_secret_name, scrub

if TYPE_CHECKING:
    from sentry_sdk._types import Event, Hint
    from sentry_sdk.transport import Transport

DROPPED_KEYS = frozenset(
    {
        "prompt", "prompts", "messages", "text", "texts", "reply", "replies", "content", "contents",
        "completion", "completions", "diff", "patch", "body", "vars", "data", "params", "formatted",
    }
)  # fmt: skip
"""Keys under which prompts, replies or other people's words lie: they are dropped wherever they occur, in any case.

`vars` are the local variables of frames, `data` request bodies and what breadcrumbs carry, `params` and `formatted` the
arguments of a log call; its template stays.
"""
LONGEST_MESSAGE = 500
"""Characters of an exception's message that are sent: whoever puts a document into one does not get it through."""


def initialise(
    dsn: str | None,
    environment: str,
    release: str | None = None,
    transport: type[Transport] | None = None,
    traces: float = 0.0,
) -> None:
    """Reports uncaught exceptions and `logging.error` from now on, and a share of `traces` (0 to 1) of what is `traced`; does nothing where
    `dsn` is empty.

    Raises BadInput for a DSN that is none. `transport` replaces the way out.
    """
    if not dsn:
        return
    import sentry_sdk
    from sentry_sdk.integrations.argv import ArgvIntegration
    from sentry_sdk.integrations.logging import LoggingIntegration
    from sentry_sdk.integrations.stdlib import StdlibIntegration
    from sentry_sdk.scrubber import DEFAULT_DENYLIST, DEFAULT_PII_DENYLIST, EventScrubber
    from sentry_sdk.utils import BadDsn, Dsn

    try:
        Dsn(dsn)
    except (BadDsn, ValueError):
        raise BadInput("The Sentry DSN cannot be used; copy it from the project's client keys.") from None

    sentry_sdk.init(
        dsn=dsn,
        environment=environment,
        release=release,
        transport=transport,
        # Personal data stays out by default. Naming the SDK's options for it would take the scrubber away.
        event_scrubber=EventScrubber(
            denylist=[*DEFAULT_DENYLIST, *DROPPED_KEYS], pii_denylist=[*DEFAULT_PII_DENYLIST], recursive=True
        ),
        before_send=_clean,
        before_send_transaction=_clean,
        before_breadcrumb=lambda crumb, _hint: cast("dict[str, object]", cleaned(crumb)),
        custom_repr=lambda value: f"<{type(value).__name__}>",
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=20,
        traces_sample_rate=traces or None,
        enable_logs=False,
        enable_metrics=False,
        auto_session_tracking=False,
        # No integration that looks into a library's calls: those of OpenAI and its kin would bring prompts.
        auto_enabling_integrations=False,
        # The command line may name anything; the calls of the standard library would be shown as they are.
        disabled_integrations=[ArgvIntegration(), StdlibIntegration()],
        # A log line is no breadcrumb, for its arguments may be anybody's words; `logging.error` is an event of its own.
        integrations=[LoggingIntegration(level=None, sentry_logs_level=None)],
        ignore_errors=[KeyboardInterrupt],
    )


@contextmanager
def traced(operation: str, name: str) -> Iterator[dict[str, str | int]]:
    """A piece of work whose duration goes to Sentry, where that is configured, with the figures that are put into the dictionary. They go
    as tags, which are the one place for them that `_clean` leaves open."""
    figures: dict[str, str | int] = {}
    sdk = sys.modules.get("sentry_sdk")
    if sdk is None or not sdk.is_initialized():
        yield figures
        return
    with sdk.start_transaction(op=operation, name=name) as transaction:
        yield figures
        for figure, value in figures.items():
            transaction.set_tag(figure, str(value))


def flush(timeout_s: float = 5.0) -> None:
    """Waits until what was reported is sent, at most `timeout_s`. To be called where a process is about to end."""
    if (sdk := sys.modules.get("sentry_sdk")) is not None:
        sdk.flush(timeout=timeout_s)


def cleaned(value: object) -> object:
    """A copy with all strings scrubbed, secret-like keys masked, and `DROPPED_KEYS` left out."""
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, Mapping):
        return {
            scrub(str(name)): HIDDEN if _is_secret(str(name), each) else cleaned(each)
            for name, each in value.items()
            if str(name).lower() not in DROPPED_KEYS
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [cleaned(each) for each in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return f"<{type(value).__name__}>"


def _is_secret(name: str, value: object) -> bool:
    """Whether the value is to be hidden whole: one under a secret's name, but not a count such as `token: 12`."""
    return is_secret_name(name) and not isinstance(value, bool | int | float | None)


def _clean(event: Event, _hint: Hint) -> Event:
    """What may leave of an event. Should this fail, the SDK sends nothing."""
    for exception in _exceptions(event):
        message = exception.get("value")
        if isinstance(message, str):
            exception["value"] = _message(str(exception.get("type")), message)
    logged = event.get("logentry")
    if isinstance(logged, dict) and isinstance(logged.get("message"), str):
        logged["message"] = _message("", logged["message"])
    return cast("Event", cleaned(event))


def _exceptions(event: Event) -> list[dict[str, object]]:
    values = (event.get("exception") or {}).get("values") or []
    return [value for value in values if isinstance(value, dict)]


def _message(kind: str, message: str) -> str:
    """An exception's message. pydantic's repeats the values it complains of, so only its first line, the count, is
    kept.
    """
    if kind == "ValidationError":
        message = message.partition("\n")[0]
    return message if len(message) <= LONGEST_MESSAGE else message[: LONGEST_MESSAGE - 1] + "…"
