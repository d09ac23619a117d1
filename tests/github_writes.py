"""What the loopback GitHub does when it is written to: comments, labels, issues, git objects, branches and pull requests.

What belongs here: its rules, as far as a careless client would break them. Handlers return None for what they do not know.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import github_objects as objects
from github_objects import Json, Repository, stamp

if TYPE_CHECKING:
    from github_server import GitHubServer, Received

Answer = tuple[int, dict[str, str], bytes]
LONGEST_TITLE = 256
LONGEST_BODY = 65_536


@dataclass
class Written:
    """What a repository holds besides what `Repository` does. Comments are by issue or pull request."""

    comments: defaultdict[int, list[Json]] = field(default_factory=lambda: defaultdict(list))
    commits: dict[str, Json] = field(default_factory=dict)
    trees: dict[str, Json] = field(default_factory=dict)
    has_drafts: bool = True
    locked: bool = False

    def every_comment(self) -> list[Json]:
        return [each for some in self.comments.values() for each in some]


def commit_on(server: GitHubServer, where: Repository, branch: str = "main") -> str:
    """A first commit with a file, which the branch stands at."""
    written = server.written[where.name]
    tree = _kept(written.trees, {"files": {"README.md": "Hello.\n"}})
    person = {"name": "Ada", "email": "ada@example.org", "date": stamp(server.clock)}
    commit = _kept(
        written.commits,
        {"tree": {"sha": tree}, "parents": [], "message": "First", "author": person, "committer": person},
    )
    where.push(branch, commit)
    return commit


def files_of(server: GitHubServer, where: Repository, branch: str) -> Json:
    """The files that a branch holds, whole."""
    written = server.written[where.name]
    return dict(written.trees[written.commits[where.branches[branch]]["tree"]["sha"]]["files"])


def read(server: GitHubServer, request: Received, where: Repository, rest: str) -> Answer | None:
    """GET of what only a writer asks for."""
    written = server.written[where.name]
    if match := re.fullmatch(r"issues/(\d+)", rest):
        found = _issue(where, int(match[1]))
        return _json(200, found) if found else _missing()
    if match := re.fullmatch(r"issues/(\d+)/comments", rest):
        number = int(match[1])
        return server.page(request, where, written.comments[number]) if _issue(where, number) else _missing()
    if match := re.fullmatch(r"git/commits/([0-9a-f]{40})", rest):
        return _json(200, written.commits[match[1]]) if match[1] in written.commits else _missing()
    if match := re.fullmatch(r"git/ref/heads/(.+)", rest):
        commit = where.branches.get(match[1])
        return _json(200, _ref(match[1], commit)) if commit else _missing()
    if match := re.fullmatch(r"compare/([0-9a-f]{40})\.\.\.([0-9a-f]{40})", rest):
        return _json(200, {"status": "ahead" if match[1] in _ancestors(written, match[2]) else "diverged"})
    return None


def write(server: GitHubServer, request: Received, where: Repository, rest: str) -> Answer:
    """POST and PATCH."""
    written, told = server.written[where.name], json.loads(request.body)
    if written.locked:
        return _said(403, "Repository was archived so is read-only.")
    if too_long := _too_long(told):
        return too_long
    for method, pattern, handle in _WRITES:
        if method == request.method and (match := re.fullmatch(pattern, rest)):
            return handle(server, where, told, *match.groups())
    return _missing()


def _open_issue(server: GitHubServer, where: Repository, told: Json) -> Answer:
    made = where.put("issue", title=told["title"], body=told.get("body"), labels=_labels(told["labels"]))
    return _json(201, _store(where.issues, made | server.authorship()))


def _edit_issue(_server: GitHubServer, where: Repository, told: Json, number: str) -> Answer:
    if int(number) not in where.issues:
        return _missing()
    return _json(200, where.put("issue", int(number), **told))


def _comment(server: GitHubServer, where: Repository, told: Json, number: str) -> Answer:
    if _issue(where, int(number)) is None:
        return _missing()
    made = {
        "id": server.next_number(),
        "html_url": f"https://github.example/{where.name}/issues/{number}#issuecomment-{server.last_number}",
        "body": told["body"],
        "created_at": stamp(server.tick()),
        "updated_at": stamp(server.clock),
    } | server.authorship()
    server.written[where.name].comments[int(number)].append(made)
    return _json(201, made)


def _edit_comment(server: GitHubServer, where: Repository, told: Json, number: str) -> Answer:
    for each in server.written[where.name].every_comment():
        if each["id"] == int(number):
            each |= {"body": told["body"], "updated_at": stamp(server.tick())}
            return _json(200, each)
    return _missing()


def _add_labels(_server: GitHubServer, where: Repository, told: Json, number: str) -> Answer:
    found = _issue(where, int(number))
    if found is None:
        return _missing()
    known = {each["name"] for each in found["labels"]}
    labels = found["labels"] + [each for each in _labels(told["labels"]) if each["name"] not in known]
    where.put("pull" if int(number) in where.pulls else "issue", int(number), labels=labels)
    return _json(200, labels)


def _make_tree(server: GitHubServer, where: Repository, told: Json) -> Answer:
    trees = server.written[where.name].trees
    if told["base_tree"] not in trees:
        return _missing()
    files = trees[told["base_tree"]]["files"] | {each["path"]: each["content"] for each in told["tree"]}
    return _json(201, {"sha": _kept(trees, {"files": files})})


def _make_commit(server: GitHubServer, where: Repository, told: Json) -> Answer:
    written = server.written[where.name]
    if told["tree"] not in written.trees or any(each not in written.commits for each in told["parents"]):
        return _said(422, "Tree SHA does not exist")
    commit = told | {"tree": {"sha": told["tree"]}, "parents": [{"sha": each} for each in told["parents"]]}
    return _json(201, {"sha": _kept(written.commits, commit)})


def _make_ref(server: GitHubServer, where: Repository, told: Json) -> Answer:
    name = told["ref"].removeprefix("refs/heads/")
    if name in where.branches:
        return _said(422, "Reference already exists")
    if told["sha"] not in server.written[where.name].commits:
        return _said(422, "Object does not exist")
    where.push(name, told["sha"])
    return _json(201, _ref(name, told["sha"]))


def _open_pull(server: GitHubServer, where: Repository, told: Json) -> Answer:
    branch, written = told["head"], server.written[where.name]
    if branch not in where.branches or told["base"] not in where.branches:
        return _invalid("PullRequest", "invalid", "head or base")
    if where.branches[branch] == where.branches[told["base"]]:
        return _invalid("PullRequest", "custom", f"No commits between {told['base']} and {branch}")
    if any(_is_open_for(each, where, branch) for each in where.pulls.values()):
        owner = where.name.partition("/")[0]
        return _invalid("PullRequest", "custom", f"A pull request already exists for {owner}:{branch}.")
    if told.get("draft") and not written.has_drafts:
        return _said(422, "Draft pull requests are not supported in this repository.")
    head = {"ref": branch, "sha": where.branches[branch], "repo": {"full_name": where.name}}
    base = {"ref": told["base"], "sha": where.branches[told["base"]], "repo": {"full_name": where.name}}
    made = where.put(
        "pull", title=told["title"], body=told["body"], draft=told["draft"], head=head, base=base, labels=[]
    )
    author = server.authorship()
    author.pop("performed_via_github_app")  # GitHub does not tell it of pull requests
    return _json(201, _store(where.pulls, made | author))


def _edit_pull(_server: GitHubServer, where: Repository, told: Json, number: str) -> Answer:
    return _json(200, where.put("pull", int(number), **told)) if int(number) in where.pulls else _missing()


_WRITES: list[tuple[str, str, Any]] = [
    ("POST", r"issues", _open_issue),
    ("PATCH", r"issues/(\d+)", _edit_issue),
    ("POST", r"issues/(\d+)/comments", _comment),
    ("PATCH", r"issues/comments/(\d+)", _edit_comment),
    ("POST", r"issues/(\d+)/labels", _add_labels),
    ("POST", r"git/trees", _make_tree),
    ("POST", r"git/commits", _make_commit),
    ("POST", r"git/refs", _make_ref),
    ("POST", r"pulls", _open_pull),
    ("PATCH", r"pulls/(\d+)", _edit_pull),
]


def _is_open_for(pull: Json, where: Repository, branch: str) -> bool:
    source = pull["head"]["repo"] or {"full_name": where.name}
    return pull["head"]["ref"] == branch and pull["state"] == "open" and source["full_name"] == where.name


def _issue(where: Repository, number: int) -> Json | None:
    """A pull request is an issue as well."""
    return where.issues.get(number) or where.pulls.get(number)


def _labels(names: list[str]) -> list[Json]:
    return [{"id": sum(name.encode()), "name": name} for name in names]


def _store(kept: dict[int, Json], made: Json) -> Json:
    kept[made["number"]] = made
    return made


def _ref(name: str, commit: str) -> Json:
    return {"ref": f"refs/heads/{name}", "object": {"type": "commit", "sha": commit}}


def _ancestors(written: Written, commit: str) -> set[str]:
    found, waiting = set(), [commit]
    while waiting:
        each = waiting.pop()
        found.add(each)
        waiting += [parent["sha"] for parent in written.commits[each]["parents"]]
    return found


def _kept(objects_by_hash: dict[str, Json], made: Json) -> str:
    """Under its hash, as git does: equal objects are one."""
    name = hashlib.sha1(json.dumps(made, sort_keys=True).encode(), usedforsecurity=False).hexdigest()
    objects_by_hash[name] = made | {"sha": name}
    return name


def _too_long(told: Json) -> Answer | None:
    title, body = told.get("title"), told.get("body")
    if title is not None and (not title.strip() or len(title) > LONGEST_TITLE):
        return _invalid("Issue", "custom", f"title is too long (maximum is {LONGEST_TITLE} characters)")
    if body is not None and len(body) > LONGEST_BODY:
        return _invalid("Issue", "custom", f"body is too long (maximum is {LONGEST_BODY} characters)")
    return None


def _invalid(resource: str, code: str, message: str) -> Answer:
    errors = [{"resource": resource, "code": code, "message": message}]
    return 422, {}, json.dumps({"message": "Validation Failed", "errors": errors}).encode()


def _said(status: int, message: str) -> Answer:
    return status, {}, json.dumps({"message": message}).encode()


def _missing() -> Answer:
    return _said(404, "Not Found")


def _json(status: int, found: object) -> Answer:
    return status, {}, json.dumps(found).encode()


def bot(slug: str) -> Json:
    return objects.user(f"{slug}[bot]") | {"type": "Bot"}
