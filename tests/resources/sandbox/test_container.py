"""The container backend: the command line that keeps code in, and what becomes of what the engine says.

There is no engine and no image here: a script in its place writes down how it was called, and runs the program that
comes after the image in the folder that would be mounted, as an engine would.
"""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from resources.sandbox import Configuration, Limits, Sandbox, SandboxUnavailable
from resources.sandbox.container import Container
from resources.sandbox.interface import Job

ENGINE = """#!{python} -IS
import json, os, sys
with open({calls!r}, "a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
if sys.argv[1] == "run":
    {failure}
    folder = next(a.split(":")[0] for a in sys.argv if a.endswith(":/job:rw"))
    os.chdir(folder)
    after = sys.argv[sys.argv.index("an/image:1") + 1:]
    os.execvp("timeout", ["timeout", *after])
"""
LIMITS = Limits(seconds=7.2, cpu_seconds=5, memory=100 << 20, disk=10 << 20, processes=20, open_files=50)


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    return engine(tmp_path, "pass")


def engine(folder: Path, failure: str) -> Configuration:
    program = folder / "podman"
    program.write_text(ENGINE.format(python=sys.executable, calls=str(folder / "calls"), failure=failure))
    program.chmod(0o755)
    return Configuration(
        backend="container", engine=(str(program),), engine_options=("--runtime=runsc",), image="an/image:1"
    )


def calls(folder: Path) -> list[list[str]]:
    return [json.loads(line) for line in (folder / "calls").read_text().splitlines()]


def pairs(command: list[str]) -> set[tuple[str, str]]:
    return set(pairwise(command))


def test_the_command_line_takes_everything_away(configuration: Configuration, tmp_path: Path) -> None:
    (tmp_path / "readable").mkdir()
    job = Job(["python3", "-c", "1"], {}, LIMITS, [tmp_path / "readable"], [], {"A": "b"})
    Container(configuration).run(job)
    command = calls(tmp_path)[0]
    image = command.index("an/image:1")
    assert command[0] == "run"
    assert {"--rm", "--read-only", "--init", "--runtime=runsc"} <= set(command[:image])
    assert pairs(command[:image]) >= {
        ("--network", "none"),
        ("--cap-drop", "ALL"),
        ("--security-opt", "no-new-privileges"),
        ("--pids-limit", "23"),
        ("--memory", str(100 << 20)),
        ("--memory-swap", str(100 << 20)),
        ("--ipc", "private"),
        ("--pull", "never"),
        ("--ulimit", f"fsize={10 << 20}:{10 << 20}"),
        ("--ulimit", "core=0:0"),
        ("--ulimit", "nofile=50:50"),
        ("--ulimit", "cpu=5:6"),
        ("--volume", f"{tmp_path}/readable:{tmp_path}/readable:ro"),
        ("--env", "A=b"),
        ("--entrypoint", "timeout"),
    }
    volumes = [value for name, value in pairs(command[:image]) if name == "--volume"]
    assert sorted(volume.rsplit(":", 1)[1] for volume in volumes) == ["ro", "rw"]
    assert not {"--privileged", "--cap-add", "--device", "host"} & set(command[:image])
    user = next(value for name, value in pairs(command) if name == "--user")
    assert user.split(":")[0] != "0"
    assert command[image + 1 :] == ["-s", "KILL", "13", "sh", "-c", 'exec "$@"', "sh", "python3", "-c", "1"]


def test_files_go_in_and_come_out_and_the_container_is_removed(configuration: Configuration, tmp_path: Path) -> None:
    job = Job(["sh", "-c", "cat a; cp a b; ln -s /etc/passwd c; exit 3"], {"a": b"x"}, LIMITS, collect=["*"])
    done = Container(configuration).run(job)
    assert (done.exit_code, done.stdout, done.files) == (3, b"x", {"a": b"x", "b": b"x"})
    assert done.notes == ["'c' was not read back: it is a link."]
    first, second = calls(tmp_path)
    name = next(value for flag, value in pairs(first) if flag == "--name")
    assert second == ["rm", "--force", name]


def test_what_fills_the_disk_is_stopped(configuration: Configuration) -> None:
    code = "while [ ${#n} -lt 200 ]; do head -c 1000000 /dev/zero > $n.x; n=x$n; sleep 0.01; done"
    done = Container(configuration).run(Job(["sh", "-c", code], {}, LIMITS))
    assert done.exit_code == 137
    assert "was stopped" in done.notes[-1]


def test_an_engine_that_cannot_start_it_is_told_of(tmp_path: Path) -> None:
    made = engine(tmp_path, "sys.stderr.write('no such image'); sys.exit(125)")
    with pytest.raises(SandboxUnavailable, match="no such image"):
        Container(made).run(Job(["true"], {}, LIMITS))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ('{"tried": 7, "escapes": ["reached the network of the host"]}', "reached the network of the host"),
        ('{"tried": 6, "escapes": []}', "tried too little"),
        ('{"tried": 7}', "the program that tests it"),
        ("[]", "the program that tests it"),
        ("", "the program that tests it"),
    ],
)
def test_a_container_whose_self_test_does_not_hold_is_refused(tmp_path: Path, answer: str, reason: str) -> None:
    made = engine(tmp_path, f"print({answer!r}); sys.exit(0)")
    with pytest.raises(SandboxUnavailable, match=reason):
        Sandbox(made).run(["touch", str(tmp_path / "ran")], {})
    assert not (tmp_path / "ran").exists()


def test_no_engine_or_no_image(tmp_path: Path) -> None:
    with pytest.raises(SandboxUnavailable, match="apt-get install podman"):
        Sandbox(Configuration(backend="container", engine=(str(tmp_path / "none"),), image="x")).examine()
    with pytest.raises(SandboxUnavailable, match="no image"):
        Sandbox(Configuration(backend="container", engine=("true",))).examine()
