"""Reading commits: exactly what was committed, from every kind of commit, also where git lacks something."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from git_repositories import GitRepository, generate

from resources.git import Commit, FileStat, Repository, UnreadableRepository, open_repository, read_commits, read_graph
from resources.git.parsing import FORMAT, parse_commits


@pytest.fixture
def made(tmp_path: Path) -> GitRepository:
    return GitRepository(tmp_path / "engine")


def commits(made: GitRepository) -> dict[str, Commit]:
    """By subject."""
    return {commit.message.partition("\n")[0]: commit for commit in read_commits(open_repository(made.path))}


def lose(made: GitRepository, name: str) -> None:
    """Removes an object as a partial clone, or a bad disk, does."""
    (made.path / ".git/objects" / name[:2] / name[2:]).unlink()


def test_a_commit_has_all_its_parts(made: GitRepository) -> None:
    parent = made.commit("Start", {"a.txt": "1\n2\n3\n"})
    head = made.commit(
        "Change a\n\nWith a body,\n\nof two paragraphs.\n",
        {"a.txt": "1\n2\n4\n5\n", "new.txt": "x\n"},
        author=("Ada Example", "ada@example.com"),
        authored="2024-03-05T09:30:00+05:30",
        committer=("Ben Example", "ben@example.com"),
        committed="2024-03-06T08:00:00-02:30",
    )
    assert commits(made)["Change a"] == Commit(
        hash=head,
        parents=[parent],
        author_name="Ada Example",
        author_email="ada@example.com",
        authored=1_709_611_200,
        author_offset=330,
        committer_name="Ben Example",
        committer_email="ben@example.com",
        committed=1_709_721_000,
        committer_offset=-150,
        message="Change a\n\nWith a body,\n\nof two paragraphs.",
        files=[FileStat("a.txt", None, 2, 1), FileStat("new.txt", None, 1, 0)],
        files_complete=True,
    )


def test_mailmap_is_honoured(made: GitRepository) -> None:
    made.commit(
        "Start", {".mailmap": "Ada Lovelace <ada@example.com> <a@old.example>\n"}, author=("ada", "A@Old.example")
    )
    commit = commits(made)["Start"]
    assert (commit.author_name, commit.author_email) == ("Ada Lovelace", "ada@example.com")
    assert (commit.committer_name, commit.committer_email) == ("Ada Lovelace", "ada@example.com")


def test_a_mailmap_that_is_a_link_is_not_followed(made: GitRepository, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("Somebody Else <x@example.com> <ada@example.com>\n")
    (made.path / ".mailmap").symlink_to(tmp_path / "elsewhere")
    made.commit("Start")
    assert commits(made)["Start"].author_name == "Ada Example"


def test_renames_and_binary_files(made: GitRepository) -> None:
    made.commit("Start", {"old/name.py": "".join(f"line {number}\n" for number in range(50)), "figure.png": b"\0\1\2"})
    made.rename("old/name.py", "new/name.py")
    made.commit("Move", {"figure.png": b"\0\1\3", "new/name.py": "".join(f"line {number}\n" for number in range(51))})
    assert commits(made)["Move"].files == [
        FileStat("figure.png", None, None, None),
        FileStat("new/name.py", "old/name.py", 1, 0),
    ]


def test_merges_have_parents_and_no_files(made: GitRepository) -> None:
    first = made.commit("Start", {"a": "a"})
    made.branch("feature")
    second = made.commit("Feature", {"b": "b"})
    made.checkout("main")
    made.merge("feature", message="Merge the feature")
    merge = commits(made)["Merge the feature"]
    assert merge.parents == [first, second]
    assert merge.files == []
    assert merge.files_complete


def test_commits_of_one_second_stay_two(made: GitRepository) -> None:
    made.commit("Same")
    made.commit("Same")
    assert len(list(read_commits(open_repository(made.path)))) == 2


def test_messages_in_other_encodings_are_decoded(made: GitRepository) -> None:
    made.git("config", "i18n.commitEncoding", "ISO-8859-1")
    made.commit("Größe geändert\n".encode("latin-1"), {"a": "a"})
    made.git("config", "i18n.commitEncoding", "cp1251")
    made.commit("Привет".encode("cp1251"), {"a": "b"})
    assert set(commits(made)) == {"Größe geändert", "Привет"}


def test_an_encoding_under_a_name_that_git_does_not_know_is_decoded(made: GitRepository) -> None:
    head = f"tree {made.git('mktree')}\nauthor A <a@x> 1 +0000\ncommitter A <a@x> 1 +0000\nencoding koi8_u\n\n"
    raw = head.encode() + "Привіт".encode("koi8-u")
    made.git("update-ref", "refs/heads/main", made.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=raw))
    assert set(commits(made)) == {"Привіт"}


@pytest.mark.parametrize("encoding", ["", "encoding no-such-encoding\n", "encoding idna\n", "encoding utf-8\n"])
def test_bytes_that_are_no_text_never_fail(made: GitRepository, encoding: str) -> None:
    tree = made.git("mktree")
    raw = (
        f"tree {tree}\nauthor Zo\xeb <z@x> 1 +0000\ncommitter Zo\xeb <z@x> 1 +0000\n{encoding}\ncaf\xe9 \u00ff".encode(
            "latin-1"
        )
    )
    made.git("update-ref", "refs/heads/main", made.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=raw))
    commit = commits(made)["café ÿ"]
    assert (commit.author_name, commit.committer_name) == ("Zoë", "Zoë")


@pytest.mark.parametrize(
    ("author", "seconds", "offset"),
    [
        ("A <a@x> 99999999999999999 +0000", 253_402_300_799, 0),
        ("A <a@x> 1700000000 +051800", 1_700_000_000, 0),
        ("A <a@x> 1700000000 -0330", 1_700_000_000, -210),
        ("A <a@x>", 5, 0),
        ("", 5, 0),
    ],
)
def test_impossible_dates_are_made_possible(made: GitRepository, author: str, seconds: int, offset: int) -> None:
    raw = f"tree {made.git('mktree')}\nauthor {author}\ncommitter B <b@x> 5 +0100\n\nOdd\n".encode()
    command = ("hash-object", "-t", "commit", "-w", "--literally", "--stdin")
    made.git("update-ref", "refs/heads/main", made.git(*command, stdin=raw))
    commit = commits(made)["Odd"]
    assert (commit.authored, commit.author_offset) == (seconds, offset)
    assert (commit.committed, commit.committer_offset) == (5, 60)
    assert len(read_graph(open_repository(made.path)).hashes) == 1


def test_line_ends_become_newlines_and_nothing_else_changes(made: GitRepository) -> None:
    made.commit("One\r\n\r\n two\rthree\t\x01\x02 \n\n\n", {"a": "a"})
    assert commits(made)["One"].message == "One\n\n two\nthree\t\x01\x02 "


def test_a_message_that_imitates_git_output_is_only_a_message(made: GitRepository) -> None:
    text = "Trick\n\n\x01" + "0" * 40 + "\n1\t1\tevil.py\n:100644 100644 a b M\ncommit 1234"
    made.commit(text, {"\x01real": "a\n", "1\t1\tevil": "b\n"})
    assert commits(made)["Trick"].message == text
    assert {stat.path for stat in commits(made)["Trick"].files} == {"\x01real", "1\t1\tevil"}


def test_paths_of_every_kind(made: GitRepository) -> None:
    names = [
        "a\nb",
        "tab\there",
        'quo"te',
        "grün/日本.txt",
        " blank ",
        "-dash",
        "back\\slash",
        "a => b",
        "{x => y}/z",
        ":1",
    ]
    made.commit("Start", {name: f"{name}\n" * 9 for name in names})
    for name in names:
        made.git("mv", f"./{name}", f"./{name}2")
    made.commit("Move")
    assert {stat.path for stat in commits(made)["Start"].files} == set(names)
    assert {(stat.path, stat.old_path) for stat in commits(made)["Move"].files} == {
        (f"{name}2", name) for name in names
    }


def test_a_path_that_is_no_utf8_becomes_valid_text(made: GitRepository) -> None:
    made.commit("Start", {"caf\udce9.txt": "a\n", "cafe.txt": "b\n"})
    paths = [stat.path for stat in commits(made)["Start"].files]
    assert sorted(paths) == ["caf\\xe9.txt", "cafe.txt"]
    assert all(path.encode() for path in paths)


def test_submodules_are_no_files(made: GitRepository, tmp_path: Path) -> None:
    inner = GitRepository(tmp_path / "inner")
    inner.commit("Inner", {"x": "x"})
    made.git("submodule", "--quiet", "add", inner.path, "inner")
    made.commit("Add inner")
    assert [stat.path for stat in commits(made)["Add inner"].files] == [".gitmodules"]


def test_proposals_of_others_are_skipped(made: GitRepository) -> None:
    made.commit("Start", {"a": "a"})
    made.branch("proposal")
    made.commit("Proposed", {"b": "b"})
    made.git("update-ref", "refs/pull/7/head", "proposal")
    made.git("update-ref", "refs/remotes/origin/pr/7", "proposal")
    made.checkout("main")
    assert set(commits(made)) == {"Start", "Proposed"}
    made.git("branch", "-D", "proposal")
    assert set(commits(made)) == {"Start"}


def test_only_the_wanted_commits_are_read(made: GitRepository) -> None:
    hashes = [made.commit(f"Number {number}", {"a": str(number)}) for number in range(5)]
    said: list[str] = []
    repository = open_repository(made.path)
    read = [commit.hash for commit in read_commits(repository, [hashes[3], hashes[1], hashes[3]], said.append)]
    assert read == [hashes[3], hashes[1]]
    assert said == []
    assert list(read_commits(repository, [])) == []
    assert [
        each.hash for each in read_commits(repository, ["f" * 40, "--all", hashes[0], "HEAD"], said.append)
    ] == hashes[:1]
    assert said == ["engine: read 3 commits not at all, because git lacks them; a full clone has them."]


@pytest.fixture
def lacking(made: GitRepository) -> tuple[GitRepository, list[str], list[str]]:
    """A history of 30 commits, three of which need a blob that is gone."""
    hashes = [made.commit(f"Number {number}", {f"{number % 3}.txt": f"{number}\n" * 20}) for number in range(30)]
    for number in (7, 15):
        lose(made, made.git("rev-parse", f"{hashes[number]}:{number % 3}.txt"))
    return made, hashes, [hashes[7], hashes[10], hashes[15], hashes[18]]


@pytest.mark.parametrize("some", [False, True])
def test_a_missing_blob_costs_the_line_counts_of_its_commits_alone(
    lacking: tuple[GitRepository, list[str], list[str]], some: bool
) -> None:
    made, hashes, poor = lacking
    said: list[str] = []
    read = list(read_commits(open_repository(made.path), hashes if some else None, said.append))
    assert sorted(commit.hash for commit in read) == sorted(hashes)
    by_hash = {commit.hash: commit for commit in read}
    assert {commit.hash for commit in read if not commit.files_complete} == set(poor)
    assert by_hash[hashes[7]].files == [FileStat("1.txt", None, None, None)]
    assert by_hash[hashes[8]].files == [FileStat("2.txt", None, 20, 20)]
    assert said == [
        "engine: read 4 commits without line counts, because git lacks file contents; a full clone has them."
    ]


def test_many_missing_blobs_cost_only_their_own_commits(made: GitRepository, tmp_path: Path) -> None:
    stream = b""
    for number in range(1, 301):
        name, size = ("big", 5000) if number % 2 else ("small", 10)
        stream += b"commit refs/heads/main\nmark :%d\ncommitter A <a@x> %d +0000\ndata 1\nx\n" % (number, number)
        stream += b"from :%d\n" % (number - 1) if number > 1 else b""
        content = f"{number}\n".ljust(size, "x").encode()
        stream += b"M 100644 inline %s\ndata %d\n%s\n\n" % (name.encode(), len(content), content)
    made.git("fast-import", "--quiet", stdin=stream)
    repository, noted = partial_clone(made, tmp_path / "partial", "blob:limit=1k")
    read = list(read_commits(repository))
    assert len({commit.hash for commit in read}) == len(read) == 300
    assert {(commit.files[0].path, commit.files_complete) for commit in read} == {("big", False), ("small", True)}
    assert not noted.exists()


def test_a_damaged_blob_is_closed_in_on(lacking: tuple[GitRepository, list[str], list[str]]) -> None:
    made, hashes, poor = lacking
    name = made.git("rev-parse", f"{hashes[20]}:2.txt")
    path = made.path / ".git/objects" / name[:2] / name[2:]
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-8])
    read = {commit.hash: commit for commit in read_commits(open_repository(made.path))}
    assert set(read) == set(hashes)
    assert {name for name, commit in read.items() if not commit.files_complete} == {*poor, hashes[20], hashes[23]}


def test_missing_trees_leave_the_messages(made: GitRepository) -> None:
    hashes = [made.commit(f"Number {number}", {"folder/a": str(number)}) for number in range(8)]
    lose(made, made.git("rev-parse", f"{hashes[4]}:folder"))
    said: list[str] = []
    read = {commit.hash: commit for commit in read_commits(open_repository(made.path), None, said.append)}
    assert set(read) == set(hashes)
    assert {name for name, commit in read.items() if not commit.files_complete} == {hashes[4], hashes[5]}
    assert len(said) == 1


def test_a_missing_commit_is_an_error_and_no_short_history(made: GitRepository) -> None:
    hashes = [made.commit(f"Number {number}") for number in range(5)]
    lose(made, hashes[2])
    with pytest.raises(UnreadableRepository, match="Git cannot read the repository"):
        list(read_commits(open_repository(made.path)))
    with pytest.raises(UnreadableRepository, match="repair it or clone it again"):
        read_graph(open_repository(made.path))


def partial_clone(made: GitRepository, path: Path, lacking: str = "blob:none") -> tuple[Repository, Path]:
    """A clone without these blobs whose origin would answer, and notes it in the second path if it is asked."""
    made.git("config", "uploadpack.allowFilter", "true")
    clone = GitRepository(path)
    clone.git("fetch", "--quiet", f"--filter={lacking}", made.path.as_uri(), "main:refs/remotes/origin/main")
    noted = path.parent / "asked"
    program = path.parent / "upload-pack"
    program.write_text(f'#!/bin/sh\ntouch "{noted}"\nexec git-upload-pack "$@"\n')
    program.chmod(0o755)
    for name, value in {"url": made.path.as_uri(), "promisor": "true", "uploadpack": str(program)}.items():
        clone.git("config", f"remote.origin.{name}", value)
    clone.git("config", "extensions.partialClone", "origin")
    return open_repository(path), noted


def test_a_partial_clone_fetches_nothing(made: GitRepository, tmp_path: Path) -> None:
    hashes = [made.commit(f"Number {number}", {"a": str(number)}) for number in range(6)]
    repository, noted = partial_clone(made, tmp_path / "partial")
    read = list(read_commits(repository))
    assert sorted(commit.hash for commit in read) == sorted(hashes)
    assert not any(commit.files_complete for commit in read)
    assert {stat for commit in read for stat in commit.files} == {FileStat("a", None, None, None)}
    assert not noted.exists()


def test_a_shallow_clone_ends_without_a_diff_and_is_whole_when_deepened(made: GitRepository, tmp_path: Path) -> None:
    hashes = [made.commit(f"Number {number}", {"a": str(number), f"b{number}": "x"}) for number in range(6)]
    made.git("clone", "--quiet", "--depth=2", made.path.as_uri(), tmp_path / "shallow")
    repository = open_repository(tmp_path / "shallow")
    assert repository.is_shallow
    assert repository.id == open_repository(made.path).id
    for asked in (None, hashes[4:]):
        listed = list(read_commits(repository, asked))
        assert sorted(commit.hash for commit in listed) == sorted(hashes[4:])
        read = {commit.hash: commit for commit in listed}
        assert read[hashes[5]].files_complete
        assert len(read[hashes[5]].files) == 2
        assert (read[hashes[4]].files, read[hashes[4]].files_complete) == ([], False)
        assert read[hashes[4]].parents == [hashes[3]]
    assert len(read_graph(repository).landings()) == 2
    GitRepository(tmp_path / "shallow").git("fetch", "--quiet", "--unshallow")
    deepened = open_repository(tmp_path / "shallow")
    read = {commit.hash: commit for commit in read_commits(deepened)}
    assert set(read) == set(hashes)
    assert all(commit.files_complete for commit in read.values())
    assert (deepened.is_shallow, deepened.id) == (False, repository.id)


def test_a_reader_may_stop_at_any_commit(made: GitRepository) -> None:
    generate(made.path, 300, files=20)
    reading = read_commits(open_repository(made.path))
    assert next(reading).hash == made.head()
    reading.close()  # type: ignore[attr-defined]


def test_a_generated_history_reads_as_git_tells_it(made: GitRepository) -> None:
    generate(made.path, 600, files=250)
    read = {commit.hash: commit for commit in read_commits(open_repository(made.path))}
    assert len(read) == 600
    files = [stat for commit in read.values() for stat in commit.files]
    assert sum(len(commit.parents) == 2 for commit in read.values()) == 30
    assert sum(stat.old_path is not None for stat in files) >= 20
    assert any(stat.added is None for stat in files)
    assert max(len(commit.files) for commit in read.values()) >= 200
    told = made.git("log", "--numstat", "--format=", "--no-renames")
    added = [line.split("\t")[0] for line in told.splitlines() if line]
    assert 0 < sum(stat.added or 0 for stat in files) <= sum(int(each) for each in added if each != "-")


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_where_blocks_end_makes_no_difference(made: GitRepository, size: int) -> None:
    made.commit("Größe\n\nBody", {"grün": "a\n" * 5, "b": b"\0"})
    made.rename("grün", "blau")
    made.commit("Move", {"caf\udce9": "x\n"})
    raw = made.git("log", "-z", FORMAT, "--date=raw", "--numstat", "-M").encode("utf-8", "surrogateescape")

    class Dripping(io.BytesIO):
        def read1(self, limit: int | None = -1) -> bytes:
            return super().read1(size)

    assert list(parse_commits(Dripping(raw))) == list(read_commits(open_repository(made.path)))
