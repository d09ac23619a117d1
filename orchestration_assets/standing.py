"""Whether everything is as the last complete `soloist run` left it, told without looking at a row; and what then stands in the tables.

A run that finds nothing to do would still start Dagster and read every table to learn so. What a complete run rested on (the state of the
warehouse's file, the settings, the day, the versions of agents and program) is kept as one hash in a small file; where it is the same and
git has nothing new, nothing can be stale. A file that is missing, old or unreadable only means that the run looks.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration_assets.contracts import AssetCounts, RunResult
from orchestration_assets.reports.kinds import ReportKind
from orchestration_assets.worklogs.making import changed_months
from resources.language_model.agent import content_hash
from resources.sources import load_sources

if TYPE_CHECKING:
    from orchestration_assets.session import Connections
    from resources.settings import Settings

_PROGRAM = Path(__file__).resolve().parent
_ENDED = ("SUCCESS", "FAILURE", "CANCELED")
"""How a run ends, as Dagster writes it."""
_AGENT_OF = {
    "code_excerpts": "code_excerpts",
    "worklog_analyses": "worklog_analysis",
    "skill_evidence": "skill_extraction",
}


def as_left(connections: Connections, now: datetime, since: date | None, until: date | None) -> RunResult | None:
    """What stands in the tables, where everything is as the last complete run of the same days left it; else None."""
    try:
        complete = _file(connections).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return None
    if _has_unfinished_runs(connections.settings) or connections.has_events:
        return None
    months, problems = changed_months(connections.warehouse, connections.settings, now)
    if months or problems or complete != _basis(connections, now, since, until):
        return None
    return RunResult(assets=_counts(connections))


def forget(connections: Connections) -> None:
    """For as long as a run works, nothing is known to be complete."""
    _file(connections).unlink(missing_ok=True)


def remember(
    connections: Connections, result: RunResult, now: datetime, since: date | None, until: date | None
) -> None:
    """Says what a run of these days rested on, if it left nothing undone."""
    if result.problems or any(counts.failed for counts in result.assets.values()):
        return
    connections.warehouse.close()  # what is in the log now is brought into the file, which changes its state
    path = _file(connections)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(_basis(connections, now, since, until), encoding="ascii")
    temporary.replace(path)


def _basis(connections: Connections, now: datetime, since: date | None, until: date | None) -> str:
    """A hash of everything but git that a complete run rests on."""
    settings = connections.settings
    profile = settings.profile_path
    return content_hash(
        connections.warehouse.state(),
        settings.model_dump(mode="json"),
        load_sources(settings).model_dump(mode="json"),
        profile.read_bytes().hex() if profile.is_file() else None,
        connections.language_model.maker,
        now.astimezone(settings.zone).date(),
        since,
        until,
        _program(),
    )


def _counts(connections: Connections) -> dict[str, AssetCounts]:
    """The rows of each asset, as the counts of a run that made nothing."""
    with connections.warehouse.read() as session:
        derived = session.query("SELECT agent, count(*) AS n FROM derivations GROUP BY agent").to_pylist()
        documents = session.query(
            "SELECT kind, count(*) AS n FROM documents WHERE format = 'md' GROUP BY kind"
        ).to_pylist()
        entries, skills = (session.count(f"SELECT count(*) FROM {table}") for table in ("worklog_entries", "skills"))
    of_agent = {row["agent"]: int(row["n"]) for row in derived}
    of_kind = {row["kind"]: int(row["n"]) for row in documents}
    rows = {
        "worklog_entries": entries,
        **{asset: of_agent.get(agent, 0) for asset, agent in _AGENT_OF.items()},
        "skills": skills,
        **{kind: of_kind.get(kind, 0) for kind in ("resume", *ReportKind)},
    }
    return {asset: AssetCounts(read=n, made=0, unchanged=n, failed=0) for asset, n in rows.items()}


def _has_unfinished_runs(settings: Settings) -> bool:
    """Whether Dagster's own database on SQLite knows of a run that has not ended: where its process died, it is for a run of ours to fail
    it. Where the runs are kept elsewhere, a daemon does so."""
    database = settings.dagster_home.absolute() / "history" / "runs.db"
    if not database.exists():
        return False
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
            question = f"SELECT 1 FROM runs WHERE status NOT IN ({', '.join('?' * len(_ENDED))}) LIMIT 1"
            return connection.execute(question, _ENDED).fetchone() is not None
    except sqlite3.Error:
        return True


def _file(connections: Connections) -> Path:
    return connections.settings.home / "complete"


def _program() -> list[tuple[str, int, int]]:
    """Name, size and time of every file of the program."""
    packages = (_PROGRAM, _PROGRAM.parent / "resources")
    # What Python compiles beside them comes and goes.
    files = [path for each in packages for path in each.rglob("*.*") if "__pycache__" not in path.parts]
    return sorted((str(path), stat.st_size, stat.st_mtime_ns) for path in files if (stat := path.stat()))
