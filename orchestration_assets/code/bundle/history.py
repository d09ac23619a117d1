"""The history of a project: a git repository with one commit for each task, as a bundle file that git can clone.

What belongs here: the stream that `git fast-import` reads, and the two calls of git, in an empty git directory of our own, without hooks, templates
or anybody's settings. Authors and dates are made up from the order of the tasks, so that the same project gives the same commits.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from orchestration_assets.code.bundle.model import BundleInput, Made
from orchestration_assets.code.model import Plan, Task
from orchestration_assets.code.quality.classifying import one_line
from orchestration_assets.code.quality.files import Sources
from resources.errors import SoloistError
from resources.git.process import GitFailed, run
from resources.git.trees import file_mode

BRANCH = "refs/heads/main"
AUTHOR = "Soloist <soloist@localhost>"
FIRST_SECOND = 946_684_800
"""The beginning of the year 2000, in which no one takes a commit for one of today."""
SECONDS_APART = 60
_SAME_BYTES = ("-c", "pack.threads=1", "-c", "pack.window=0", "-c", "core.compression=6", "-c", "pack.compression=6")


def git_bundle(project: BundleInput, sources: Sources) -> bytes:
    """The bundle of the branch `main`. `sources` are the project's with its packaging. Raises GitMissing, SoloistError."""
    with tempfile.TemporaryDirectory(prefix="soloist-bundle-") as folder:
        where = [f"--git-dir={Path(folder, 'history.git')}", *_SAME_BYTES]
        try:
            run(where, ["init", "--quiet", "--bare", "--template=", "--object-format=sha1", "--initial-branch=main"])
            run(
                where,
                ["fast-import", "--quiet", "--done", "--date-format=raw"],
                stdin=b"".join(_stream(project, sources)),
            )
            return run(where, ["bundle", "create", "--quiet", "-", "HEAD", BRANCH])
        except GitFailed as error:
            raise SoloistError(
                f"git cannot make the history of {project.project} ({error}); see whether the disk of the temporary folder is full, "
                "and that git is 2.30 or later."
            ) from None


def _stream(project: BundleInput, sources: Sources) -> Iterator[bytes]:
    owned = {path: task.id for task in project.plan.tasks for path in task.paths}
    unowned = [path for path in sources if path not in owned]
    yield from _commit(0, "Package the project\n", [(path, sources[path]) for path in sorted(unowned)])
    for number, task in enumerate(in_order(project.plan), 1):
        made = [each for each in project.made if each.task == task.id][-1:]
        files = [(path, sources[path]) for path in sorted(task.paths) if path in sources]
        yield from _commit(number, _message(task, made), files)
    yield b"done\n"


def _commit(number: int, message: str, files: Sequence[tuple[str, bytes]]) -> Iterator[bytes]:
    when = f"{FIRST_SECOND + number * SECONDS_APART} +0000"
    yield f"commit {BRANCH}\nauthor {AUTHOR} {when}\ncommitter {AUTHOR} {when}\n".encode()
    yield _data(message.encode())
    for path, data in files:
        # Names were found good: none needs to be quoted.
        yield f"M {file_mode(data)} inline {path}\n".encode()
        yield _data(data)
    yield b"\n"


def _data(data: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(data), data)


def _message(task: Task, made: Sequence[Made]) -> str:
    """A title, what was asked for, and who made it. Texts of the plan are kept to a line each, so that none can look like a trailer."""
    lines = [one_line(task.title) or task.id, ""]
    if description := one_line(task.description):
        lines += [description, ""]
    trailers = [f"Task: {one_line(task.id)}"]
    if task.criteria:
        trailers.append(f"Criteria: {', '.join(map(one_line, task.criteria))}")
    trailers += [f"Made-by: {one_line(each.maker)} (prompt {one_line(each.prompt_version)})" for each in made]
    return "\n".join([*lines, *trailers]) + "\n"


def in_order(plan: Plan) -> list[Task]:
    """The tasks so that each comes after those that it depends on, else as the plan has them."""
    ordered: list[Task] = []
    waiting = list(plan.tasks)
    while waiting:
        done = {task.id for task in ordered}
        # A plan in a circle, which the rules for plans refuse, is taken as it comes.
        task = next((each for each in waiting if _ready(each, done, waiting)), waiting[0])
        waiting.remove(task)
        ordered.append(task)
    return ordered


def _ready(task: Task, done: set[str], waiting: Iterable[Task]) -> bool:
    known = {other.id for other in waiting} | done
    return all(each in done for each in task.depends_on if each in known)
