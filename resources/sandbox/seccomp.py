"""The filter of system calls, as the program that the kernel runs before each of them.

What belongs here: a small assembler for classic BPF, and the filter written in it. `system_calls.py` says which calls.
It refuses with EPERM, as a kernel without rights does, so that programs take it for the common case that it is.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from resources.sandbox import system_calls

MACHINES = {"x86_64": 0, "aarch64": 1}
"""The column of each processor in the table of system calls."""

_ARCHITECTURES = (0xC000003E, 0xC00000B7)
"""AUDIT_ARCH_X86_64 and AUDIT_ARCH_AARCH64. A call in the 32-bit way carries another number, and is fatal."""

X32 = 0x40000000
"""Bit of a call in the x32 way, which has numbers of its own for the same calls."""

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_NUMBER, _ARCHITECTURE = 0, 4

ALLOW = 0x7FFF0000
KILL = 0x80000000
REFUSE = 0x00050000 | errno.EPERM
UNKNOWN = 0x00050000 | errno.ENOSYS

NEW_NAMESPACES = 0x7E020000
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET."""

_FAMILIES = (1, 2, 10)
"""AF_UNIX, AF_INET and AF_INET6."""

_RAW_TYPES = (3, 10)
"""SOCK_RAW and SOCK_PACKET."""

_PERSONALITIES = (0, 0xFFFFFFFF)
"""Linux as it is, and the question which it is."""

_TERMINAL_TRICKS = (0x5412, 0x541C)
"""TIOCSTI types into a terminal, TIOCLINUX pastes into it."""


@dataclass(frozen=True)
class Step:
    """One instruction. A jump names the labels it goes to; an empty name is the next instruction."""

    code: int
    value: int
    yes: str = ""
    no: str = ""


def assemble(program: Sequence[Step | str]) -> bytes:
    """The program as the kernel takes it: 8 bytes an instruction. A plain string is a label for what follows it."""
    places: dict[str, int] = {}
    steps: list[Step] = []
    for item in program:
        if isinstance(item, str):
            places[item] = len(steps)
        else:
            steps.append(item)
    made = bytearray()
    for place, step in enumerate(steps):
        jumps = [places[label] - place - 1 if label else 0 for label in (step.yes, step.no)]
        if not all(0 <= jump <= 255 for jump in jumps):
            raise ValueError(f"a jump at instruction {place} goes back or too far")
        made += struct.pack("<HBBI", step.code, *jumps, step.value)
    return bytes(made)


def build_filter(machine: str, *, memory_is_counted: bool) -> bytes:
    """The filter for a processor named as `uname -m` does. Raises KeyError for one that is not in `MACHINES`."""
    column = MACHINES[machine]
    refused = dict(system_calls.NUMBERS)
    if not memory_is_counted:
        refused |= system_calls.UNCOUNTED_MEMORY
    program: list[Step | str] = [
        Step(_LOAD, _ARCHITECTURE),
        Step(_EQUAL, _ARCHITECTURES[column], no="kill"),
        Step(_LOAD, _NUMBER),
        Step(_AT_LEAST, X32, yes="refuse"),
        # The C library falls back to clone, whose flags can be seen; those of clone3 lie in memory.
        Step(_EQUAL, system_calls.CLONE3[column], yes="unknown"),
        Step(_EQUAL, system_calls.CLONE[column], yes="clone"),
        Step(_EQUAL, system_calls.SOCKET[column], yes="socket"),
        Step(_EQUAL, system_calls.SOCKETPAIR[column], yes="socket"),
        Step(_EQUAL, system_calls.PERSONALITY[column], yes="personality"),
        Step(_EQUAL, system_calls.IOCTL[column], yes="ioctl"),
    ]
    program += [Step(_EQUAL, calls[column] or 0, yes="refuse") for calls in refused.values() if calls[column]]
    program += [
        Step(_RETURN, ALLOW),
        "clone",
        _argument(0),
        Step(_ANY_BIT, NEW_NAMESPACES, yes="refuse", no="allow"),
        "socket",
        _argument(0),
        *(Step(_EQUAL, family, yes="family is allowed") for family in _FAMILIES),
        Step(_RETURN, REFUSE),
        "family is allowed",
        _argument(1),
        Step(_AND, 0xF),
        *(Step(_EQUAL, kind, yes="refuse") for kind in _RAW_TYPES),
        Step(_RETURN, ALLOW),
        "personality",
        _argument(0),
        *(Step(_EQUAL, persona, yes="allow") for persona in _PERSONALITIES),
        Step(_RETURN, REFUSE),
        "ioctl",
        _argument(1),
        *(Step(_EQUAL, request, yes="refuse") for request in _TERMINAL_TRICKS),
        "allow",
        Step(_RETURN, ALLOW),
        "refuse",
        Step(_RETURN, REFUSE),
        "unknown",
        Step(_RETURN, UNKNOWN),
        "kill",
        Step(_RETURN, KILL),
    ]
    return assemble(program)


def _argument(index: int) -> Step:
    """Loads the lower half of an argument, which is all that the kernel looks at for those asked for here."""
    return Step(_LOAD, 16 + 8 * index)
