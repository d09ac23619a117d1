"""`soloist outbox` and `soloist publish`: looking at what is to be said on GitHub and Sentry, and saying it."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any, get_args

import orjson

from orchestration_assets.choosing import chosen, state_named
from orchestration_assets.connections import open_outbox
from orchestration_assets.contracts import (
    ShownEffect,
    ShownEffectDetail,
    ShownOutbox,
    ShownPlannedEffect,
    ShownPublication,
)
from orchestration_assets.foreign_text import print_detail, readable
from orchestration_assets.publishing import planned, publish_waiting
from orchestration_assets.reports.phrasing import counted
from orchestration_assets.showing import print_json
from resources.outbox import Kept, State
from resources.scrubbing import scrub

if TYPE_CHECKING:
    from orchestration_assets.session import Connections
    from resources.outbox.publisher import Planned


def list_effects(connections: Connections, state: str | None, limit: int, as_json: bool) -> None:
    wanted = state_named(state, "effect", get_args(State))
    with closing(open_outbox(connections.settings)) as outbox:
        counts = outbox.counts()
        effects = [ShownEffect(**_shown(effect, ShownEffect)) for effect in outbox.latest(wanted, limit)]
    if as_json:
        print_json(ShownOutbox(counts=counts, effects=effects))
        return
    told = ", ".join(f"{counts[name]:,} {name}" for name in get_args(State) if name in counts)
    sys.stderr.write(f"{told or 'The outbox is empty'}.\n")
    for effect in effects:
        line = f"{effect.id:>6}  {effect.state:8}  {effect.put_at:%Y-%m-%d %H:%M}  {effect.verb:18} {effect.target}"
        more = [text for text in (effect.result, effect.reason) if text]
        sys.stdout.write("  ".join([line, *more]) + "\n")


def show_effect(connections: Connections, effect_id: int, as_json: bool) -> None:
    with closing(open_outbox(connections.settings)) as outbox:
        effect = outbox.get(effect_id)
    shown = ShownEffectDetail(**_shown(effect, ShownEffectDetail, "payload"), payload=_payload(effect))
    if as_json:
        print_json(shown)
        return
    print_detail(shown)


def replay(connections: Connections, effect_ids: list[int], dead: bool) -> None:
    with closing(open_outbox(connections.settings)) as outbox:
        count = outbox.replay(chosen(outbox, "effect", "outbox", effect_ids, dead))
    waiting, them = counted(count, "effect waits", "effects wait"), "it" if count == 1 else "them"
    sys.stderr.write(f"{waiting} again; the daemon or `soloist publish` sends {them}.\n")


def drop(connections: Connections, effect_ids: list[int], dead: bool) -> None:
    with closing(open_outbox(connections.settings)) as outbox:
        count = outbox.drop(chosen(outbox, "effect", "outbox", effect_ids, dead))
    sys.stderr.write(f"Took {counted(count, 'effect', 'effects')} out; what was sent before stays where it is.\n")


def publish(connections: Connections, dry_run: bool, as_json: bool) -> int:
    """The exit status: 1 where anything was refused or failed."""
    settings = connections.settings
    mode = "dry-run" if dry_run else settings.publish
    if mode == "on":
        published = publish_waiting(settings)
        shown = ShownPublication(
            mode="on",
            sent=published.sent,
            dead=published.dead,
            failed=published.failed,
            waiting=published.waiting,
            sentences=published.sentences,
            planned=[],
        )
    else:
        would_be = [_planned(each) for each in planned(settings)] if mode == "dry-run" else []
        shown = ShownPublication(
            mode=mode,
            sent=0,
            dead=0,
            failed=0,
            waiting=_waiting(connections),
            sentences=[f"{each.target}: {each.refused}" for each in would_be if each.refused],
            planned=would_be,
        )
    if as_json:
        print_json(shown)
    else:
        _tell(shown)
    return 1 if shown.dead or shown.failed or any(each.refused for each in shown.planned) else 0


def _tell(shown: ShownPublication) -> None:
    if shown.mode == "off":
        sys.stderr.write(
            f"Publishing is off, and {counted(shown.waiting, 'effect waits', 'effects wait')}; set SOLOIST_PUBLISH to on, or look with --dry-run.\n"
        )
        return
    for each in shown.planned:
        sys.stdout.write(
            f"{each.id:>6}  {each.verb:18} {each.target}  {'refused' if each.refused else 'would be sent'}\n"
        )
        if each.effect is not None:
            sys.stdout.write(readable(each.effect))
    for sentence in shown.sentences:
        sys.stderr.write(f"{sentence}\n")
    if shown.mode == "dry-run":
        due = counted(shown.waiting, "effect that waits", "effects that wait")
        sys.stderr.write(f"Nothing was sent; due: {len(shown.planned):,} of {due}.\n")
    else:
        sys.stderr.write(f"Sent {shown.sent:,}; {shown.dead:,} died, {counted(shown.waiting, 'waits', 'wait')}.\n")


def _waiting(connections: Connections) -> int:
    if not connections.settings.has_inbox:
        return 0
    with closing(open_outbox(connections.settings)) as outbox:
        return outbox.counts().get("waiting", 0)


def _planned(each: Planned) -> ShownPlannedEffect:
    return ShownPlannedEffect(
        id=each.kept.id,
        key=each.kept.key,
        verb=each.kept.verb,
        target=each.kept.target,
        refused=each.refused,
        effect=each.effect.model_dump(mode="json") if each.effect else None,
    )


def _payload(effect: Kept) -> dict[str, Any]:
    """As it lies there, but for secrets; a payload may also be one that nobody can read."""
    try:
        found = _scrubbed(orjson.loads(effect.payload))
    except orjson.JSONDecodeError:
        found = scrub(effect.payload)
    return found if isinstance(found, dict) else {"unreadable": found}


def _scrubbed(value: object) -> object:
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, list):
        return [_scrubbed(each) for each in value]
    if isinstance(value, dict):
        return {scrub(str(name)): _scrubbed(each) for name, each in value.items()}
    return value


def _shown(effect: Kept, model: type[ShownEffect], *without: str) -> dict[str, Any]:
    return {name: getattr(effect, name) for name in model.model_fields if name not in without}
