"""The network and the files of the host stay out of reach of a program in the sandbox.

Each attempt is Python that raises OSError where it is held; `conftest.py` has what it may use. `given` holds what the
host planted for it: ports, paths and process ids.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

pytestmark = pytest.mark.integration

NETWORK = {
    "tcp_to_a_listener_of_the_host": 'reached(socket.AF_INET, ("127.0.0.1", given["tcp"]))',
    "tcp_by_the_name_localhost": 'socket.create_connection(("localhost", given["tcp"]), 1)',
    "tcp_to_any_address_0": 'reached(socket.AF_INET, ("0.0.0.0", given["tcp"]))',
    "tcp_over_ipv6": 'reached(socket.AF_INET6, ("::1", given["tcp6"]))',
    "tcp_to_an_ipv4_address_in_ipv6": 'reached(socket.AF_INET6, ("::ffff:127.0.0.1", given["tcp"]))',
    "udp_to_a_listener_of_the_host": """
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(0.3)
s.connect(("127.0.0.1", given["udp"]))
s.send(b"ping")
s.recv(4)
""",
    "a_name_of_the_dns": 'socket.getaddrinfo("example.com", 443)',
    "a_dns_server_by_its_address": 'reached(socket.AF_INET, ("8.8.8.8", 53), socket.SOCK_DGRAM)',
    "the_metadata_of_a_cloud": 'reached(socket.AF_INET, ("169.254.169.254", 80))',
    "a_public_address": 'reached(socket.AF_INET, ("1.1.1.1", 443))',
    "a_public_address_of_ipv6": 'reached(socket.AF_INET6, ("2606:4700:4700::1111", 443))',
    "a_raw_socket": "socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)",
    "a_raw_socket_of_ipv6": "socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)",
    "a_packet_socket": "socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)",
    "a_netlink_socket": "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)",
    "a_socket_to_the_hypervisor": "socket.socket(40, socket.SOCK_STREAM)",
    "a_socket_of_the_kernels_cryptography": "socket.socket(38, socket.SOCK_SEQPACKET)",
    "a_key_socket": "socket.socket(15, socket.SOCK_RAW, 2)",
    "an_abstract_unix_socket_of_the_host": 'reached(socket.AF_UNIX, "\\0" + given["abstract"])',
    "a_unix_socket_of_the_host": 'reached(socket.AF_UNIX, given["unix"])',
    "the_docker_socket": """
for path in ("/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock", "/run/podman/podman.sock"):
    if os.path.exists(path):
        break
else:
    must(False)
""",
    "an_interface_other_than_loopback": """
with open("/proc/net/dev") as file:
    must({line.split(":")[0].strip() for line in file if ":" in line} - {"lo"})
""",
    "the_listeners_of_the_host": """
with open("/proc/net/tcp") as file:
    must("%04X" % given["tcp"] in file.read())
""",
}

FILES = {
    "a_secret_in_tmp": 'read(given["secret"])',
    "a_secret_in_the_home_folder": 'read(given["home"] + "/.netrc")',
    "an_ssh_key": 'read(given["home"] + "/.ssh/id_ed25519")',
    "the_git_configuration": 'read(given["home"] + "/.gitconfig")',
    "a_secret_by_the_root_of_process_1": 'read("/proc/1/root" + given["secret"])',
    "a_secret_by_its_own_root": 'read("/proc/self/root" + given["secret"])',
    "a_secret_by_its_folder_upwards": 'read("/proc/self/cwd/../../../../" + given["secret"])',
    "a_secret_by_the_threads_root": 'read("/proc/thread-self/root/../.." + given["secret"])',
    "a_link_to_a_secret": """
os.symlink(given["secret"], "link")
read("link")
""",
    "a_hard_link_to_a_file_of_the_system": 'os.link("/etc/ld.so.cache", "cache")',
    "the_environment_of_the_host": 'must(any(given["token"] in value for value in os.environ.values()))',
    "the_environment_of_process_1": """
with open("/proc/1/environ") as file:
    must(given["token"] in file.read())
""",
    "the_environment_of_a_process_of_the_host": 'read("/proc/%d/environ" % given["pid"])',
    "the_root_of_a_process_of_the_host": 'os.listdir("/proc/%d/root" % given["pid"])',
    "the_memory_of_a_process_of_the_host": 'os.close(os.open("/proc/%d/mem" % given["pid"], os.O_RDONLY))',
    "the_processes_of_the_host": 'must(sum(name.isdigit() for name in os.listdir("/proc")) > 6)',
    "a_descriptor_left_open": """
must([n for n in os.listdir("/proc/self/fd") if int(n) > 2 and os.path.exists("/proc/self/fd/" + n)
      and not os.readlink("/proc/self/fd/" + n).startswith("/proc/")])
""",
    "the_password_hashes": 'read("/etc/shadow")',
    "the_users_of_the_host": """
with open("/etc/passwd") as file:
    must(len(file.readlines()) > 1)
""",
    "the_addresses_of_the_host": 'must(os.path.getsize("/etc/resolv.conf") > 0)',
    "the_folder_sys": 'must(os.listdir("/sys"))',
    "the_folder_run": 'must(os.listdir("/run"))',
    "the_folder_var": 'must(os.listdir("/var"))',
    "the_memory_of_the_machine": 'read("/dev/mem")',
    "the_log_of_the_kernel": 'read("/dev/kmsg")',
    "the_log_of_the_kernel_by_its_call": "call(103, 116, 10, 0, 0)",
    "the_memory_of_the_kernel": 'read("/proc/kcore")',
    "addresses_of_the_kernel": """
with open("/proc/kallsyms") as file:
    must(int(file.readline().split()[0], 16))
""",
    "a_disk_of_the_host": 'must([n for n in os.listdir("/dev") if n.startswith(("vd", "sd", "nvme", "loop", "dm-"))])',
    "a_disk_made_by_itself": 'os.mknod("disk", 0o60600, os.makedev(254, 0))',
    "a_file_by_its_handle": """
handle = struct.pack("IiQ", 8, 1, 2)
call(304, 265, -100, ctypes.c_char_p(handle), 0)
""",
    "a_setting_of_the_kernel": 'open("/proc/sys/kernel/core_pattern", "w").close()',
    "a_setting_of_the_namespace": 'open("/proc/sys/user/max_user_namespaces", "w").close()',
    "the_magic_keys": 'open("/proc/sysrq-trigger", "w").close()',
    "its_place_when_memory_runs_out": """
with open("/proc/self/oom_score_adj", "w") as file:
    file.write("-1000")
""",
    "a_file_in_usr": 'open("/usr/planted", "w").close()',
    "a_file_in_etc": 'open("/etc/planted", "w").close()',
    "a_file_in_the_root": 'open("/planted", "w").close()',
    "a_file_in_dev": 'open("/dev/planted", "w").close()',
    "a_file_beside_python": 'open(sys.base_prefix + "/planted", "w").close()',
    "a_file_in_a_folder_to_read": 'open(given["readable"] + "/planted", "w").close()',
    "a_change_of_a_file_to_read": 'open(given["readable"] + "/data.txt", "a").close()',
    "the_rights_of_a_file_to_read": 'os.chmod(given["readable"] + "/data.txt", 0o777)',
    "the_name_of_a_folder_to_read": 'os.rename(given["readable"], given["readable"] + "2")',
    "the_rights_of_the_shell": 'os.chmod("/bin/sh", 0o777)',
}

ATTEMPTS = NETWORK | FILES

HARMLESS_OUTSIDE = [
    "tcp_to_a_listener_of_the_host",
    "tcp_by_the_name_localhost",
    "tcp_over_ipv6",
    "udp_to_a_listener_of_the_host",
    "a_netlink_socket",
    "an_abstract_unix_socket_of_the_host",
    "a_unix_socket_of_the_host",
    "the_listeners_of_the_host",
    "a_secret_in_tmp",
    "an_ssh_key",
    "a_secret_by_its_own_root",
    "a_link_to_a_secret",
    "the_environment_of_the_host",
    "the_environment_of_a_process_of_the_host",
    "the_processes_of_the_host",
    "the_users_of_the_host",
    "the_folder_var",
    "a_file_in_a_folder_to_read",
    "the_rights_of_a_file_to_read",
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
