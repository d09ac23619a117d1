"""Reading a repository runs nothing that the repository planted."""

from __future__ import annotations

from pathlib import Path

import pytest
from git_repositories import GitRepository

from resources.git import (
    open_repository,
    patch_equivalents,
    read_commits,
    read_diff_lines,
    read_file,
    read_graph,
    refs_fingerprint,
    self_email,
)

PLANTED = {
    "core.fsmonitor": "{trap}",
    "core.pager": "{trap}",
    "pager.log": "{trap}",
    "core.sshCommand": "{trap}",
    "core.editor": "{trap}",
    "core.askPass": "{trap}",
    "core.gitProxy": "{trap}",
    "credential.helper": "!{trap}",
    "diff.external": "{trap}",
    "diff.evil.command": "{trap}",
    "diff.evil.textconv": "{trap}",
    "filter.evil.clean": "{trap}",
    "filter.evil.smudge": "{trap}",
    "filter.evil.process": "{trap}",
    "gpg.program": "{trap}",
    "gpg.ssh.program": "{trap}",
    "log.showSignature": "true",
    "alias.log": "!{trap}",
    "alias.rev-parse": "!{trap}",
    "alias.for-each-ref": "!{trap}",
    "interactive.diffFilter": "{trap}",
    "uploadpack.packObjectsHook": "{trap}",
    "remote.origin.url": "ext::{trap}",
    "remote.origin.promisor": "true",
    "remote.origin.uploadpack": "{trap}",
    "remote.origin.vcs": "evil",
    "extensions.partialClone": "origin",
    "protocol.allow": "always",
    "i18n.logOutputEncoding": "utf-16",
    "diff.noprefix": "true",
    "diff.renames": "false",
    "format.pretty": "oneline",
    "log.date": "relative",
    "color.ui": "always",
}


@pytest.fixture
def trap(tmp_path: Path) -> tuple[GitRepository, Path, Path]:
    made = GitRepository(tmp_path / "engine")
    made.commit(
        "Start", {"a.txt": "one\n", "b.txt": "x\n" * 9, ".gitattributes": "*.txt diff=evil filter=evil -text\n"}
    )
    made.rename("b.txt", "c.txt")
    made.commit("Change", {"a.txt": "two\n"})
    made.branch("work")
    signed = made.git("cat-file", "commit", "HEAD").replace(
        "\n\n", "\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n bad\n -----END PGP SIGNATURE-----\n\n", 1
    )
    name = made.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=signed.encode())
    made.git("update-ref", "refs/heads/signed", name)
    sprung, program = tmp_path / "sprung", tmp_path / "trap"
    program.write_text(f'#!/bin/sh\necho "$0 $@" >> "{sprung}"\ncat\n')
    program.chmod(0o755)
    (tmp_path / "git-remote-evil").symlink_to(program)
    for hook in ("post-checkout", "reference-transaction", "post-index-change", "fsmonitor-watchman"):
        (made.path / ".git/hooks" / hook).unlink(missing_ok=True)
        (made.path / ".git/hooks").mkdir(exist_ok=True)
        (made.path / ".git/hooks" / hook).symlink_to(program)
    (made.path / ".git/info").mkdir(exist_ok=True)
    (made.path / ".git/info/attributes").write_text("* diff=evil filter=evil\n")
    return made, program, sprung


def read_everything(path: Path) -> tuple[object, ...]:
    repository = open_repository(path)
    graph = read_graph(repository)
    return (
        [(commit.message, commit.files) for commit in read_commits(repository)],
        [(line.path, line.old_path, line.sign, line.text) for line in read_diff_lines(repository, graph.hashes)],
        read_file(repository, "HEAD", "a.txt"),
        refs_fingerprint(repository),
        patch_equivalents(repository, graph, graph.unmerged_heads()),
        graph.landings(),
    )


def test_a_hostile_configuration_runs_nothing_and_changes_nothing(
    trap: tuple[GitRepository, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, program, sprung = trap
    before = read_everything(made.path)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/local/bin:/usr/bin:/bin")
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", str(program))
    monkeypatch.setenv("GIT_PAGER", str(program))
    for name, value in PLANTED.items():
        made.git("config", name, value.format(trap=program))
    assert read_everything(made.path) == before
    self_email(open_repository(made.path))
    assert not sprung.exists()


def test_a_hostile_promisor_is_not_asked_for_missing_blobs(trap: tuple[GitRepository, Path, Path]) -> None:
    made, program, sprung = trap
    name = made.git("rev-parse", "HEAD:a.txt")
    for setting, value in PLANTED.items():
        made.git("config", setting, value.format(trap=program))
    (made.path / ".git/objects" / name[:2] / name[2:]).unlink()
    repository = open_repository(made.path)
    assert {commit.files_complete for commit in read_commits(repository)} == {True, False}
    assert read_file(repository, "HEAD", "a.txt") is None
    list(read_diff_lines(repository, read_graph(repository).hashes))
    assert not sprung.exists()


def test_the_trap_would_spring(trap: tuple[GitRepository, Path, Path]) -> None:
    made, program, sprung = trap
    made.git("config", "diff.evil.textconv", str(program))
    made.git("log", "-p")
    assert sprung.exists()
