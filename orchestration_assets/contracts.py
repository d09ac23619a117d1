"""What `--json` prints, as pydantic models. Programs rely on these shapes; their JSON Schemas lie in `docs/schemas` and are kept equal
to the models by a test. Fields are only ever added."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, RootModel


class Contract(BaseModel):
    """Base of everything that `--json` prints."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ShownEvidence(Contract):
    """`source` is the full commit hash, or "note"."""

    entry_id: str
    source: str
    quote: str


class ShownClaim(Contract):
    text: str
    evidence: list[ShownEvidence]


class ShownSection(Contract):
    title: str
    claims: list[ShownClaim]


class ShownPeriod(Contract):
    """`start` and `end` are local days, both included, in `timezone`."""

    kind: Literal["day", "week", "month"]
    start: date
    end: date
    timezone: str


class ShownReport(Contract):
    """`soloist show standup|status|summary --json`."""

    period: ShownPeriod
    sections: list[ShownSection]


class ShownSkill(Contract):
    skill: str
    category: str
    level: Literal["used", "regular", "sustained"]
    confidence: float
    first_used: date
    last_used: date
    count: int
    evidence: list[ShownEvidence]


class ShownSkills(RootModel[list[ShownSkill]]):
    """`soloist show skills --json`, the most worth showing first."""


class ShownComponent(Contract):
    component: str
    state: Literal["ok", "fallback", "off", "broken"]
    detail: str


class ShownComponents(RootModel[list[ShownComponent]]):
    """`soloist doctor --json`."""


class AssetCounts(Contract):
    """Rows, or documents for assets that make documents."""

    read: int
    made: int
    unchanged: int
    failed: int


class RunResult(Contract):
    """`soloist run --json`. `problems` are sentences about what was left out."""

    assets: dict[str, AssetCounts]
    problems: list[str] = []


class ShownNote(Contract):
    note_id: str
    date: date
    text: str
    tags: list[str]
    minutes: int | None


class ShownNotes(RootModel[list[ShownNote]]):
    """`soloist notes --json`, the latest first."""


class ShownEvent(Contract):
    """`reason`: why it failed, was ignored, or is dead."""

    id: int
    source: str
    kind: str
    subject: str
    state: Literal["waiting", "leased", "done", "superseded", "duplicate", "ignored", "dead"]
    happened_at: datetime
    received_at: datetime
    attempts: int
    reason: str | None


class ShownInbox(Contract):
    """`soloist inbox list --json`: how many events there are of each state, and the latest, the last to come first."""

    counts: dict[str, int]
    events: list[ShownEvent]


class ShownEventDetail(ShownEvent):
    """`soloist inbox show --json`. `payload` is what was taken from the event."""

    delivery_id: str
    next_at: datetime
    payload: dict[str, Any]


class ShownEffect(Contract):
    """`result` is the address of what it came to; `reason`: why it failed, waits or is dead, or what there was to tell when it was sent."""

    id: int
    key: str
    verb: str
    target: str
    state: Literal["waiting", "leased", "sent", "dead", "expired"]
    attempts: int
    put_at: datetime
    next_at: datetime
    reason: str | None
    result: str | None


class ShownOutbox(Contract):
    """`soloist outbox list --json`: how many effects there are of each state, and the latest, the last to be put first."""

    counts: dict[str, int]
    effects: list[ShownEffect]


class ShownEffectDetail(ShownEffect):
    """`soloist outbox show --json`. `payload` is what would be sent, with secrets hidden."""

    created_at: datetime
    settled_at: datetime | None
    payload: dict[str, Any]


class ShownPlannedEffect(Contract):
    """`refused` says why it would not be sent; `effect` is what would be sent, None where it is refused."""

    id: int
    key: str
    verb: str
    target: str
    refused: str | None
    effect: dict[str, Any] | None


class ShownPublication(Contract):
    """`soloist publish --json`. `planned` is what would be sent first, where nothing was sent because the mode is dry-run."""

    mode: Literal["off", "dry-run", "on"]
    sent: int
    dead: int
    failed: int
    waiting: int
    sentences: list[str]
    planned: list[ShownPlannedEffect]


CONTRACTS: dict[str, type[BaseModel]] = {
    "report": ShownReport,
    "skills": ShownSkills,
    "doctor": ShownComponents,
    "run": RunResult,
    "notes": ShownNotes,
    "inbox": ShownInbox,
    "event": ShownEventDetail,
    "outbox": ShownOutbox,
    "effect": ShownEffectDetail,
    "publication": ShownPublication,
}


def write_schemas(folder: Path) -> None:
    """Writes the JSON Schema of every contract into `folder`."""
    import orjson

    folder.mkdir(parents=True, exist_ok=True)
    for name, model in CONTRACTS.items():
        schema = orjson.dumps(model.model_json_schema(), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
        (folder / f"{name}.schema.json").write_bytes(schema + b"\n")
