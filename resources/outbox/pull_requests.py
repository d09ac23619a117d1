"""A pull request of ours on GitHub: one commit, one branch, one pull request.

What belongs here: how the three come to be so that each is there once. The commit's author, date and parent are fixed, so that making it
again makes the same one; the branch is only ever made, never moved.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from resources.git.trees import file_mode
from resources.outbox.effects import OpenPullRequest
from resources.outbox.github_effects import Desk, address, at, is_as_wanted, label, number
from resources.outbox.marks import marked
from resources.outbox.outcome import Done, Refused
from resources.rest.errors import Broken, Invalid, Missing

_AUTHOR = {"name": "Soloist", "email": "soloist@soloist.invalid"}


def open_pull_request(desk: Desk, effect: OpenPullRequest) -> Done:
    """Raises RestError, and Refused where the branch is somebody else's."""
    what = f"pull request of {effect.repository}:{effect.branch}"
    found = _for_branch(desk, effect, what)
    if found is not None and found.get("state") != "open":
        return Done(address(found), f"The {what} was closed, so it is left as it is.")
    if found is not None and not desk.is_ours(found):
        return Done(address(found), f"The {what} is somebody else's, so it is left as it is.")
    commit = _commit(desk, effect)
    _point_branch(desk, effect, commit)
    wanted = {"title": effect.title, "body": marked(effect.body, desk.key)}
    if found is None:
        found = _open(desk, effect, wanted, what)
    elif not is_as_wanted(found, wanted):
        desk.patch(at(effect.repository, "pulls", str(number(found, "number", what))), what, wanted)
    label(desk, effect.repository, number(found, "number", what), found, effect.labels)
    return Done(address(found))


def _for_branch(desk: Desk, effect: OpenPullRequest, what: str) -> dict[str, Any] | None:
    """The open pull request of the branch, else the last one of it."""
    owner = effect.repository.partition("/")[0]
    each = desk.each(at(effect.repository, "pulls"), what, head=f"{owner}:{effect.branch}", state="all")
    of_branch = [found for found in each if _is_of(found, effect)]
    return min(
        of_branch,
        key=lambda found: (found.get("state") != "open", -number(found, "number", what)),
        default=None,
    )


def _is_of(found: Mapping[str, Any], effect: OpenPullRequest) -> bool:
    """GitHub leaves out what it cannot make sense of in a query. A branch that is gone has no repository."""
    head = found.get("head")
    if not isinstance(head, dict) or head.get("ref") != effect.branch:
        return False
    source = head.get("repo")
    return not isinstance(source, dict) or str(source.get("full_name")).lower() == effect.repository.lower()


def _open(desk: Desk, effect: OpenPullRequest, wanted: Mapping[str, str], what: str) -> dict[str, Any]:
    body = {**wanted, "head": effect.branch, "base": effect.base, "draft": effect.draft}
    path = at(effect.repository, "pulls")
    try:
        made = desk.post(path, what, body)
    except Invalid as error:
        if effect.draft and "draft pull request" in str(error).lower():  # not every plan has drafts
            made = desk.post(path, what, body | {"draft": False})
        elif (known := _for_branch(desk, effect, what)) is not None:
            made = known
        else:
            raise
    if not isinstance(made, dict):
        raise Broken(f"GitHub's answer for the {what} is none.")
    return made


def _commit(desk: Desk, effect: OpenPullRequest) -> str:
    """The hash of our commit, which is there then. It is dated like the one that it stands on."""
    what, path = f"commit {effect.base_commit[:12]} of {effect.repository}", at(effect.repository, "git", "commits")
    base = desk.get(at(effect.repository, "git", "commits", effect.base_commit), what)
    date, base_tree = _member(base, "committer", "date", what), _member(base, "tree", "sha", what)
    files = [
        {"path": name, "mode": file_mode(text.encode()), "type": "blob", "content": text}
        for name, text in sorted(effect.files.items())
    ]
    trees, ours = at(effect.repository, "git", "trees"), f"commit on {effect.repository}:{effect.branch}"
    tree = desk.post(trees, ours, {"base_tree": base_tree, "tree": files}, again=True)
    dated = _AUTHOR | {"date": date}
    made = {
        "message": effect.commit_message,
        "tree": _sha(tree, ours),
        "parents": [effect.base_commit],
        "author": dated,
        "committer": dated,
    }
    return _sha(desk.post(path, ours, made, again=True), ours)


def _point_branch(desk: Desk, effect: OpenPullRequest, commit: str) -> None:
    """Makes the branch at our commit. Raises Refused where it stands elsewhere, and not merely further on."""
    what, at_commit = f"branch {effect.repository}:{effect.branch}", _stands_at(desk, effect)
    if at_commit is None:
        made = {"ref": f"refs/heads/{effect.branch}", "sha": commit}
        try:
            desk.post(at(effect.repository, "git", "refs"), what, made)
            return
        except Invalid:
            at_commit = _stands_at(desk, effect)
            if at_commit is None:
                raise
    if at_commit == commit:
        return
    comparison = at(effect.repository, "compare", f"{commit}...{at_commit}")
    try:
        compared = desk.get(comparison, what)
    except Missing:
        compared = None
    if not isinstance(compared, dict) or compared.get("status") != "ahead":
        raise Refused(
            f"The {what} exists and holds other commits ({at_commit[:12]}), so it is left as it is; delete it, or name another branch."
        )


def _stands_at(desk: Desk, effect: OpenPullRequest) -> str | None:
    what = f"branch {effect.repository}:{effect.branch}"
    try:
        found = desk.get(at(effect.repository, "git", "ref", f"heads/{effect.branch}"), what)
    except Missing:
        return None
    return _member(found, "object", "sha", what)


def _sha(found: object, what: str) -> str:
    value = found.get("sha") if isinstance(found, dict) else None
    if not isinstance(value, str) or not value:
        raise Broken(f"GitHub's answer for the {what} has no hash.")
    return value


def _member(found: object, outer: str, inner: str, what: str) -> str:
    within = found.get(outer) if isinstance(found, dict) else None
    value = within.get(inner) if isinstance(within, dict) else None
    if not isinstance(value, str) or not value:
        raise Broken(f"GitHub's answer for the {what} has no {outer}.{inner}.")
    return value
