"""Commits as the columns of `worklog_entries`. Column by column, because a history of a hundred thousand files makes as many objects
otherwise, and reading is to be about as fast as git itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, chain
from typing import TYPE_CHECKING

from orchestration_assets.worklogs.classification import is_assisted, is_bot
from orchestration_assets.worklogs.model import ENTRIES
from resources.language_model.agent import content_hash

if TYPE_CHECKING:
    import pyarrow as pa

    from orchestration_assets.worklogs.ingestion import Placement
    from resources.git.parsing import Commit


def entry_table(
    commits: Sequence[Commit], placed: Mapping[str, Placement], repository_id: str, repository: str
) -> pa.Table:
    """The rows of commits, under their placements by hash; the schema is that of `ENTRIES`."""
    import pyarrow as pa

    count = len(commits)
    places = [placed[commit.hash] for commit in commits]
    texts = [commit.message.strip("\n") for commit in commits]
    schema = ENTRIES.schema
    columns: dict[str, object] = {
        "entry_id": [place.entry_id for place in places],
        "source": ["git"] * count,
        "repository_id": [repository_id] * count,
        "repository": [repository] * count,
        "commit_hash": [commit.hash for commit in commits],
        "text": texts,
        "subject": [text.partition("\n")[0] for text in texts],
        "author_name": [commit.author_name for commit in commits],
        "author_email": [commit.author_email for commit in commits],
        "authored_at": _instants(commit.authored for commit in commits),
        "author_offset": [commit.author_offset for commit in commits],
        "committed_at": _instants(commit.committed for commit in commits),
        "committer_offset": [commit.committer_offset for commit in commits],
        "landed_at": _instants(place.landed for place in places),
        "branch": [place.branch for place in places],
        "is_merge": [len(commit.parents) > 1 for commit in commits],
        "merged_by": [place.merged_by for place in places],
        "parents": [commit.parents for commit in commits],
        "co_authors": [[{"name": name, "email": email} for name, email in co_author_trailers(text)] for text in texts],
        "files": _files(commits),
        "files_complete": [commit.files_complete for commit in commits],
        "is_bot": [is_bot(commit.author_name, commit.author_email) for commit in commits],
        "is_assisted": [is_assisted(t, c.author_name) for t, c in zip(texts, commits, strict=True)],
        "tags": [[]] * count,
        "minutes": [None] * count,
        "attachments": [[]] * count,
        "number": [None] * count,
        "url": [None] * count,
        "opened_at": [None] * count,
        "merge_commit": [None] * count,
        "vanished": [False] * count,
        "month": [place.month for place in places],
        "input_hash": [
            content_hash(t, [tuple(file) for file in c.files], len(c.parents) > 1)
            for t, c in zip(texts, commits, strict=True)
        ],
    }
    arrays = [
        column if isinstance(column, pa.Array) else pa.array(column, schema.field(name).type)
        for name, column in columns.items()
    ]
    return pa.Table.from_arrays(arrays, names=list(columns)).select(schema.names).cast(schema)


def co_author_trailers(text: str) -> list[tuple[str, str]]:
    """(name, e-mail) of the `Co-authored-by` trailers, in order, each once."""
    if "-authored-by" not in text and "-authored-by" not in text.lower():
        return []
    found: dict[tuple[str, str], None] = {}
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip().lower() == "co-authored-by" and "<" in value:
            name, _, email = value.partition("<")
            found[(name.strip(), email.partition(">")[0].strip())] = None
    return list(found)


def _instants(seconds: Iterable[int | None]) -> pa.Array:
    import pyarrow as pa

    return pa.array([None if second is None else second * 1_000_000 for second in seconds], pa.int64()).cast(
        pa.timestamp("us", "UTC")
    )


def _files(commits: Sequence[Commit]) -> pa.Array:
    """The files of all commits, as four flat columns and where each commit's begin."""
    import pyarrow as pa

    listed = list(chain.from_iterable(commit.files for commit in commits))
    paths, old_paths, added, deleted = zip(*listed, strict=True) if listed else ((), (), (), ())
    kind = ENTRIES.schema.field("files").type
    struct = pa.StructArray.from_arrays(
        [
            pa.array(paths, pa.string()),
            pa.array(old_paths, pa.string()),
            pa.array(added, pa.int64()),
            pa.array(deleted, pa.int64()),
        ],
        fields=list(kind.value_type),
    )
    offsets = list(accumulate((len(commit.files) for commit in commits), initial=0))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), struct, type=kind)
