"""A program of its own that prepares one run, starts bubblewrap, and takes care of its orphans.

What belongs here: what must happen between the caller and bubblewrap and cannot happen in the caller, which has threads
and rights that must not be touched: making the small disk, giving up root, setting the limits. It runs in a fresh
interpreter for each run, so it imports nothing of ours, and of Python only what is compiled: json, socket, signal and
typing take 35 ms to import, as long as all the rest of a run.

It takes its plan (see `starting.py`) from the socket whose number is its argument. It answers with the owner of what
is on the disk and the disk's descriptor, or with one line that says what failed. Both ends are the
same interpreter, so they speak its own `marshal`.
"""

from __future__ import annotations

# ruff: noqa: PTH102, PTH103, PTH112, PTH120, PTH123, S302
# No pathlib, which takes as long to import as all else; and whoever started this program is trusted.
import _socket as socket
import ctypes
import marshal
import os
import resource
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from typing import Any
else:
    import _signal as signal

NEW_MOUNTS, NEW_USER = 0x00020000, 0x10000000
NO_SETUID, NO_DEVICES, BIND, RECURSIVE, PRIVATE = 2, 4, 4096, 16384, 1 << 18
DIE_WITH_PARENT, TAKE_ORPHANS, NO_NEW_PRIVILEGES = 1, 36, 38

LIBC = ctypes.CDLL(None, use_errno=True)


def checked(result: int, doing: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{doing}: {os.strerror(number)}")


def die_with(parent: int) -> None:
    """The kernel forgets this at each change of user, so it is asked again after one."""
    checked(LIBC.prctl(DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0), "prctl")
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    done = LIBC.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), options.encode())
    checked(done, f"mount {kind or source} at {target}")


def enter_namespaces(as_root: bool) -> None:
    """Mounts of our own. Without root, also a user namespace in which making them is allowed."""
    user, group = os.getuid(), os.getgid()
    checked(LIBC.unshare(NEW_MOUNTS if as_root else NEW_MOUNTS | NEW_USER), "make a namespace")
    if not as_root:
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    mount("none", "/", "", RECURSIVE | PRIVATE)


def make_disk(plan: dict[str, Any], owner: int, group: int) -> int:
    """A small disk in memory, over `plan["stage"]`, with a fixed size. It holds the folders that may be written, and
    beside them views of what may be read: bubblewrap runs as a user who could not reach the originals."""
    stage: str = plan["stage"]
    # Before the disk hides what lies beneath it.
    sources = [(os.open(source, os.O_PATH | os.O_CLOEXEC), f"{stage}/{target}") for source, target in plan["views"]]
    options = f"size={plan['disk']},nr_inodes={plan['files']},mode=0711"
    mount("tmpfs", stage, "tmpfs", NO_SETUID | NO_DEVICES, options)
    for name in plan["folders"]:
        os.mkdir(f"{stage}/{name}", 0o700)
        os.chown(f"{stage}/{name}", owner, group)
    for name, text in plan["texts"].items():
        make_parents(f"{stage}/{name}")
        with open(f"{stage}/{name}", "w") as file:
            file.write(text)
    for source, target in sources:
        make_parents(target)
        if os.path.isdir(f"/proc/self/fd/{source}"):
            os.mkdir(target, 0o755)
        else:
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
        mount(f"/proc/self/fd/{source}", target, "", BIND | RECURSIVE)
        os.close(source)
    return os.open(stage, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def make_parents(path: str) -> None:
    os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)


def free_user() -> int:
    """A user that nobody else is: some processes are counted by user, and this one is alone with its number as long as
    it lives. From the upper half of the numbers that exist here."""
    with open("/proc/self/uid_map") as file:
        end = max(int(first) + int(count) for first, _, count in map(str.split, file))
    half = min(end, 1 << 31) // 2
    return half + os.getpid() % half


def limit(plan: dict[str, Any]) -> None:
    for name, (soft, hard) in plan["limits"].items():
        number = getattr(resource, f"RLIMIT_{name}")
        most = resource.getrlimit(number)[1]
        most = hard if most == resource.RLIM_INFINITY else min(hard, most)
        resource.setrlimit(number, (min(soft, most), most))


def main() -> None:
    channel = socket.socket(fileno=int(sys.argv[1]))
    os.set_inheritable(channel.fileno(), False)
    plan = marshal.loads(b"".join(iter(lambda: channel.recv(1 << 16), b"")))
    try:
        die_with(plan["parent"])
        os.umask(0o022)
        for name in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            # Python ignores some, whoever started this may ignore others, and what is ignored stays so in every program after it.
            signal.signal(name, signal.SIG_DFL)
        # Where memory runs out for the whole machine, this goes first.
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
        os.nice(10)
        as_root = os.getuid() == 0
        user = group = free_user() if as_root else os.getuid()
        group = group if as_root else os.getgid()
        enter_namespaces(as_root)
        disk = make_disk(plan, user, group)
        if as_root:
            os.setgroups([])
            os.setresgid(group, group, group)
            os.setresuid(user, user, user)
        checked(LIBC.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0), "prctl")
        checked(LIBC.prctl(TAKE_ORPHANS, 1, 0, 0, 0), "prctl")
        die_with(plan["parent"])
        limit(plan)
        for number in plan["inherit"]:
            os.set_inheritable(number, True)
        number = disk.to_bytes(4, sys.byteorder)
        channel.sendmsg([marshal.dumps((user, group))], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, number)])
        os.close(disk)
        launcher = os.getpid()
        # Unlike posix_spawn, this leaves no signal ignored.
        bubblewrap = os.fork()
    except Exception as error:
        channel.send(marshal.dumps(str(getattr(error, "strerror", None) or error)))
        raise SystemExit(1) from None
    if bubblewrap == 0:
        try:
            die_with(launcher)
            os.execv(plan["command"][0], plan["command"])  # noqa: S606
        except (OSError, ValueError) as error:
            os.write(2, str(error).encode())
        finally:
            os._exit(1)
    for number in (1, 2, *plan["inherit"]):
        os.close(number)
    channel.close()
    os._exit(reap(bubblewrap))


def reap(bubblewrap: int) -> int:
    """Waits for all children and returns how bubblewrap ended. It leaves the first process of its namespace behind,
    which comes to this program as the nearest that takes orphans; a container often has no other that would."""
    ended = 0
    while True:
        try:
            number, status = os.wait()
        except ChildProcessError:
            return ended if ended >= 0 else 128 - ended
        if number == bubblewrap:
            ended = os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    main()
