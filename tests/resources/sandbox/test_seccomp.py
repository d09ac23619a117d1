"""The filter of system calls, run here instruction by instruction: also for the processor that this machine has not."""

from __future__ import annotations

import errno
import struct

import pytest

from resources.sandbox import system_calls
from resources.sandbox.seccomp import ALLOW, KILL, REFUSE, UNKNOWN, Step, assemble, build_filter

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
I386, ARM = 0x40000003, 0x40000028
HARMLESS = {
    "x86_64": {"read": 0, "write": 1, "execve": 59, "openat": 257},
    "aarch64": {"read": 63, "write": 64, "execve": 221},
}


def decide(program: bytes, architecture: int, number: int, *arguments: int) -> int:
    """What the kernel would do, by the meaning of classic BPF."""
    data = struct.pack("<IIQ6Q", number, architecture, 0, *arguments, *[0] * (6 - len(arguments)))
    steps = list(struct.iter_unpack("<HBBI", program))
    place = accumulator = 0
    while True:
        code, yes, no, value = steps[place]
        place += 1
        if code == 0x20:
            accumulator = struct.unpack_from("<I", data, value)[0]
        elif code == 0x54:
            accumulator &= value
        elif code == 0x06:
            return int(value)
        else:
            truth = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: bool(accumulator & value)}[code]
            place += yes if truth else no


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_refuses_what_is_listed_and_nothing_else(machine: str) -> None:
    program, architecture = build_filter(machine, memory_is_counted=True), ARCHITECTURES[machine]
    column = list(ARCHITECTURES).index(machine)
    listed = {numbers[column] for numbers in system_calls.NUMBERS.values()} - {None}
    special = {
        numbers[column]
        for numbers in (
            system_calls.CLONE,
            system_calls.CLONE3,
            system_calls.SOCKET,
            system_calls.SOCKETPAIR,
            system_calls.PERSONALITY,
            system_calls.IOCTL,
        )
    }
    assert not listed & special
    for number in range(600):
        if number not in special:
            assert decide(program, architecture, number) == (REFUSE if number in listed else ALLOW), number
    assert not listed & set(HARMLESS[machine].values())


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_looks_at_arguments(machine: str) -> None:
    program, architecture = build_filter(machine, memory_is_counted=True), ARCHITECTURES[machine]
    column = list(ARCHITECTURES).index(machine)

    def call(numbers: tuple[int, int], *arguments: int) -> int:
        return decide(program, architecture, numbers[column], *arguments)

    assert call(system_calls.CLONE, 0x3D0F00) == ALLOW
    for flag in (0x20000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000):
        assert call(system_calls.CLONE, flag | 17) == REFUSE
    assert call(system_calls.CLONE3) == UNKNOWN
    for numbers in (system_calls.SOCKET, system_calls.SOCKETPAIR):
        for family in range(50):
            allowed = family in (1, 2, 10)
            assert call(numbers, family, 1 | 0o2000000) == (ALLOW if allowed else REFUSE)
            assert call(numbers, family, 2 | 0o4000) == (ALLOW if allowed else REFUSE)
            assert call(numbers, family, 3 | 0o4000) == REFUSE
        # The kernel looks at the lower half only, and so does the filter.
        assert call(numbers, 16 | 1 << 32, 1) == REFUSE
    assert call(system_calls.PERSONALITY, 0) == call(system_calls.PERSONALITY, 0xFFFFFFFF) == ALLOW
    assert call(system_calls.PERSONALITY, 0x0040000) == REFUSE
    assert call(system_calls.IOCTL, 0, 0x5401) == ALLOW
    assert call(system_calls.IOCTL, 0, 0x5412) == call(system_calls.IOCTL, 0, 0x5412 | 1 << 32) == REFUSE


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_another_way_into_the_kernel_is_fatal(machine: str) -> None:
    program = build_filter(machine, memory_is_counted=True)
    for architecture in {*ARCHITECTURES.values(), I386, ARM} - {ARCHITECTURES[machine]}:
        assert decide(program, architecture, 20) == KILL
    assert decide(program, ARCHITECTURES[machine], 0x40000000 | 39) == REFUSE


def test_memory_that_nothing_counts_is_refused() -> None:
    for machine, number in (("x86_64", 319), ("aarch64", 279)):
        architecture = ARCHITECTURES[machine]
        assert decide(build_filter(machine, memory_is_counted=True), architecture, number) == ALLOW
        assert decide(build_filter(machine, memory_is_counted=False), architecture, number) == REFUSE


def test_the_assembler_refuses_jumps_that_the_kernel_cannot_make() -> None:
    far: list[Step | str] = [Step(0x15, 1, yes="end"), *[Step(0x20, 0)] * 256, "end", Step(0x06, ALLOW)]
    with pytest.raises(ValueError, match="too far"):
        assemble(far)
    with pytest.raises(ValueError, match="back"):
        assemble(["start", Step(0x20, 0), Step(0x15, 1, yes="start"), Step(0x06, ALLOW)])
    assert REFUSE & 0xFFFF == errno.EPERM
