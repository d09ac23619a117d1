"""A program in the sandbox gains no rights, makes no namespace, and does not reach what is risky in the kernel.

Each attempt is Python that raises OSError where it is held; `conftest.py` has what it may use. `given` holds what the
host planted for it: ports, paths and process ids.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping

import pytest

from resources.sandbox import Sandbox

pytestmark = pytest.mark.integration

_CLONE = "call(56, 220, 0x{flags:x} | signal.SIGCHLD, 0, 0, 0, 0) or os._exit(0)"

ATTEMPTS = {
    "unshare_the_user": "ok(libc.unshare(0x10000000))",
    "unshare_the_mounts": "ok(libc.unshare(0x00020000))",
    "unshare_the_network": "ok(libc.unshare(0x40000000))",
    "unshare_user_and_mounts": "ok(libc.unshare(0x10020000))",
    "clone_into_a_user_namespace": _CLONE.format(flags=0x10000000),
    "clone_into_a_process_namespace": _CLONE.format(flags=0x30000000),
    "clone3_into_a_user_namespace": """
arguments = struct.pack("11Q", 0x10000000, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, 0, 0, 0)
call(435, 435, ctypes.c_char_p(arguments), len(arguments)) or os._exit(0)
""",
    "enter_a_namespace": 'ok(libc.setns(os.open("/proc/1/ns/mnt", os.O_RDONLY), 0))',
    "enter_a_user_namespace": 'ok(libc.setns(os.open("/proc/1/ns/user", os.O_RDONLY), 0))',
    "mount_a_tmpfs": 'ok(libc.mount(b"none", b"/job", b"tmpfs", 0, None))',
    "mount_proc": 'ok(libc.mount(b"proc", b"/tmp", b"proc", 0, None))',
    "bind_a_folder": 'ok(libc.mount(b"/usr", b"/job", None, 4096, None))',
    "make_the_system_writable": 'ok(libc.mount(None, b"/usr", None, 4096 | 32, None))',
    "unmount_the_system": 'ok(libc.umount2(b"/etc", 2))',
    "open_a_new_file_system": 'call(430, 430, ctypes.c_char_p(b"tmpfs"), 0)',
    "clone_a_mount": 'call(428, 428, -100, ctypes.c_char_p(b"/usr"), 1)',
    "change_a_mount": 'call(442, 442, -100, ctypes.c_char_p(b"/usr"), 0, ctypes.c_char_p(bytes(32)), 32)',
    "change_the_root": 'call(155, 41, ctypes.c_char_p(b"/job"), ctypes.c_char_p(b"/job"))',
    "chroot": 'os.chroot("/job")',
    "become_root": "os.setuid(0)",
    "become_another_user": "os.setresuid(1000, 1000, 1000)",
    "become_the_group_of_root": "os.setgid(0)",
    "take_other_groups": "os.setgroups([0])",
    "be_root_already": "must(os.getuid() == 0 or os.geteuid() == 0)",
    "have_a_capability": """
with open("/proc/self/status") as file:
    must(any(int(line.split()[1], 16) for line in file if line.startswith("Cap")))
""",
    "raise_a_capability": """
data = struct.pack("6I", 1 << 21, 1 << 21, 0, 0, 0, 0)
ok(libc.capset(ctypes.c_char_p(struct.pack("Ii", 0x20080522, 0)), ctypes.c_char_p(data)))
""",
    "gain_rights_by_a_program": "must(libc.prctl(39, 0, 0, 0, 0) == 0)",
    "be_traced": "ok(libc.ptrace(0, 0, 0, 0))",
    "trace_process_1": "ok(libc.ptrace(0x4206, 1, 0, 0))",
    "read_the_memory_of_its_child": """
place = ctypes.create_string_buffer(8)
local, remote = struct.pack("QQ", ctypes.addressof(place), 8), struct.pack("QQ", ctypes.addressof(place), 8)
number = os.fork()
if number:
    try:
        call(310, 270, number, ctypes.c_char_p(local), 1, ctypes.c_char_p(remote), 1, 0)
    finally:
        os.kill(number, 9)
else:
    time.sleep(5)
    os._exit(0)
""",
    "take_a_descriptor_of_another_process": "call(438, 438, os.pidfd_open(os.getpid()), 0, 0)",
    "ask_for_a_keyring": "call(250, 219, 0, -3, 1)",
    "add_a_key": 'call(248, 217, ctypes.c_char_p(b"user"), ctypes.c_char_p(b"k"), ctypes.c_char_p(b"v"), 1, -3)',
    "load_a_program_into_the_kernel": "call(321, 280, 0, ctypes.c_char_p(struct.pack('4I', 1, 4, 4, 1) + bytes(64)), 72)",
    "watch_performance": """
asked = bytearray(128)
struct.pack_into("IIQ", asked, 0, 1, 128, 1)
asked[40] = 0x60
call(298, 241, ctypes.c_char_p(bytes(asked)), 0, -1, -1, 0)
""",
    "handle_faults_itself": "call(323, 282, 1)",
    "make_a_ring_of_calls": "call(425, 425, 1, ctypes.c_char_p(bytes(120)))",
    "watch_the_file_system": "call(300, 262, 0x200, 0)",
    "turn_off_address_randomisation": "ok(libc.personality(0x0040000))",
    "load_a_kernel": "call(246, 104, 0, 0, 0, 0)",
    "load_a_module": 'call(175, 105, ctypes.c_char_p(b""), 0, ctypes.c_char_p(b""))',
    "swap": 'call(167, 224, ctypes.c_char_p(b"/job/x"), 0)',
    "reboot": "call(169, 142, 0, 0, 0, 0)",
    "account_processes": 'call(163, 89, ctypes.c_char_p(b"/job/x"))',
    "ask_for_quotas": "call(179, 60, 0x80000100, 0, 0, 0)",
    "name_the_machine": 'socket.sethostname("planted")',
    "set_the_clock": "time.clock_settime(time.CLOCK_REALTIME, 0)",
    "reach_the_ports_of_the_machine": "call(172, None, 3)",
    "change_its_segments": "call(154, None, 0, ctypes.c_char_p(bytes(16)), 16)",
    "make_a_call_in_the_x32_way": """
must(not arm)
libc.syscall.restype = ctypes.c_long
must(libc.syscall(ctypes.c_long(0x40000000 | 39)) == os.getpid())
""",
    "hide_memory_from_the_kernel": "call(447, 447, 0)",
    "be_nicer_to_itself": "os.setpriority(os.PRIO_PROCESS, 0, -5)",
    "run_before_all_others": "os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))",
    "raise_a_limit": """
ok(libc.setrlimit(7, ctypes.c_char_p(struct.pack("QQ", 1 << 16, 1 << 16))))
""",
    "type_into_a_terminal": """
import fcntl
main, other = os.openpty()
fcntl.ioctl(other, 0x5412, b"x")
""",
    "have_a_terminal": 'os.close(os.open("/dev/tty", os.O_RDWR))',
    "signal_a_process_of_the_host": 'os.kill(given["pid"], 0)',
    "signal_its_group": "must(os.getpgrp() == 0 or os.getsid(0) == 0)",
}

HARMLESS_OUTSIDE = [
    "be_traced",
    "read_the_memory_of_its_child",
    "take_a_descriptor_of_another_process",
    "handle_faults_itself",
    "turn_off_address_randomisation",
    "signal_a_process_of_the_host",
]


@pytest.fixture(scope="module")
def said(inside: Callable[[Mapping[str, str]], Mapping[str, str]]) -> Mapping[str, str]:
    return inside(ATTEMPTS)


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_is_held(said: Mapping[str, str], attempt: str) -> None:
    assert said[attempt].startswith("HELD")
    assert "ESCAPED" not in said[attempt]


@pytest.mark.parametrize("attempt", HARMLESS_OUTSIDE)
def test_would_succeed_outside(outside: Callable[[str], str], attempt: str) -> None:
    """Else it would not be the sandbox that holds it."""
    assert "ESCAPED" in outside(ATTEMPTS[attempt])


def test_a_call_in_the_32_bit_way_is_fatal(sandbox: Sandbox) -> None:
    if os.uname().machine != "x86_64":
        pytest.skip("only x86_64 has a 32-bit way into the kernel")
    code = """
import ctypes, mmap
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(bytes.fromhex("b814000000cd80c3"))
print(ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))())
"""
    done = sandbox.run([sys.executable, "-I", "-S", "-c", code], {})
    assert done.signal == 31
    assert done.stdout == b""
