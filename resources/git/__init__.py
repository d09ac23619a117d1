"""Reading git repositories: which one it is, what was committed when, when it landed, and what the diffs say.

Plain `git` processes in and plain values out; nothing here knows what a worklog is. `process.py` tells how a repository
that is not to be trusted is read safely.
"""

from resources.git.changes import ChangedFile, Line, changed_files, merge_base
from resources.git.commits import read_commits
from resources.git.diffs import DiffLine, read_diff_lines
from resources.git.equivalents import Landed, landed_by_title, patch_equivalents
from resources.git.graph import CommitGraph, Head, read_graph
from resources.git.identities import Identity, read_identities
from resources.git.parsing import Commit, FileStat
from resources.git.process import GitMissing, NotARepository, UnreadableRepository
from resources.git.repository import (
    Repository,
    open_repository,
    read_file,
    refs_fingerprint,
    self_email,
)
from resources.git.trees import CommitTree, Tree

__all__ = [
    "ChangedFile",
    "Commit",
    "CommitGraph",
    "CommitTree",
    "DiffLine",
    "FileStat",
    "GitMissing",
    "Head",
    "Identity",
    "Landed",
    "Line",
    "NotARepository",
    "Repository",
    "Tree",
    "UnreadableRepository",
    "changed_files",
    "landed_by_title",
    "merge_base",
    "open_repository",
    "patch_equivalents",
    "read_commits",
    "read_diff_lines",
    "read_file",
    "read_graph",
    "read_identities",
    "refs_fingerprint",
    "self_email",
]
