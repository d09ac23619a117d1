"""What of the host can be seen inside: an allowlist, and a check of what a caller adds to it.

What belongs here: the folders and files that programs need to start, the interpreter's own, and the few files of /etc
that are made up. Whatever is not named here does not exist inside.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from resources.sandbox.interface import JOB, NOBODY, SandboxRefused, SandboxUnavailable

SYSTEM = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
"""Beside /usr. Mostly links into it."""

ETC = (
    "alternatives",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "mime.types",
    "ssl/certs",
    "ssl/openssl.cnf",
)

MADE_UP = {
    "passwd": f"nobody:x:{NOBODY}:{NOBODY}:nobody:/tmp:/bin/sh\n",
    "group": f"nogroup:x:{NOBODY}:\n",
    "hosts": "127.0.0.1 localhost sandbox\n::1 localhost\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    "resolv.conf": "",
}
"""Files of /etc that programs ask for, and whose originals say something of the host."""

_TOO_WIDE = frozenset(
    "/ /boot /dev /etc /home /mnt /opt /proc /root /run /srv /sys /tmp /usr /var /var/lib /var/run /var/tmp".split()
)
_TAKEN = (JOB, "/dev", "/proc", "/sys", "/etc")


def python_prefixes(python: Path) -> Sequence[Path]:
    """The installation of an interpreter, and the virtual environment round it. Raises SandboxUnavailable."""
    python = python.absolute()
    if not python.is_file():
        raise SandboxUnavailable(
            f"The Python interpreter for the sandbox, {python}, does not exist; name another one in its configuration."
        )
    folders = [python.resolve().parent]
    configuration = python.parent.parent / "pyvenv.cfg"
    if configuration.is_file():
        settings = (line.partition("=") for line in configuration.read_text(encoding="utf-8").splitlines())
        folders += [Path(value.strip()) for name, _, value in settings if name.strip() == "home"]
        folders.append(python.parent)
    prefixes = list(dict.fromkeys(folder.parent for folder in folders if not is_system(folder)))
    for prefix in prefixes:
        if _is_too_wide(prefix):
            raise SandboxUnavailable(
                f"The Python interpreter for the sandbox, {python}, lives in {prefix}, which holds more than Python; "
                "name another one in its configuration."
            )
    return prefixes


def is_system(path: Path) -> bool:
    return path.is_relative_to("/usr") or any(path.is_relative_to(folder) for folder in SYSTEM)


def system_folders() -> Iterator[tuple[str, str | None]]:
    """Folders of the system, each with what it is a link to (None: a folder)."""
    yield "/usr", None
    for folder in SYSTEM:
        path = Path(folder)
        if path.is_symlink():
            yield folder, str(path.readlink())
        elif path.is_dir():
            yield folder, None


def check_read_only(paths: Sequence[Path]) -> Sequence[Path]:
    """The folders and files that a caller wants to be readable inside, at their own place. Raises SandboxRefused."""
    checked = []
    for path in paths:
        place = Path(os.path.normpath(path.absolute()))
        if not place.exists():
            raise SandboxRefused(f"There is no {path} to be read in the sandbox; name a folder or a file that exists.")
        if _is_too_wide(place) or _is_too_wide(place.resolve()):
            raise SandboxRefused(
                f"{path} is too wide to be read in the sandbox; name the folder within it that is needed."
            )
        if any(place.is_relative_to(taken) or place.resolve().is_relative_to(taken) for taken in _TAKEN):
            raise SandboxRefused(f"{path} cannot be read in the sandbox, which has its own; name another folder.")
        checked.append(place)
    # What lies in another one comes after it, or would be hidden by it.
    return sorted(dict.fromkeys(checked))


def _is_too_wide(path: Path) -> bool:
    """Also what holds the home folder: keys and settings lie there."""
    try:
        homes = [Path.home(), Path.home().resolve()]
    except RuntimeError:
        homes = []
    return str(path) in _TOO_WIDE or any(home.is_relative_to(path) for home in homes)
