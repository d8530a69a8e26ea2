"""The full name by /etc/hosts."""

import pytest

from calico_agent.sources.host.decode.hosts_file import full_name

FILES = {
    "Debian's own line": ("127.0.0.1 localhost\n127.0.1.1 host3.example.com host3\n", "host3.example.com"),
    "the address of the host": ("10.0.0.13\thost3.example.com host3 # ours\n", "host3.example.com"),
    "only the short name": ("127.0.1.1 host3\n", ""),
    "the full name after the short one, which is then the canonical one": ("127.0.1.1 host3 host3.example\n", ""),
    "in a comment": ("# 127.0.1.1 host3.example host3\n", ""),
    "another host": ("10.0.0.14 host4.example host4\n", ""),
    "an empty file": ("", ""),
    "a line with an address only": ("10.0.0.13\n\n", ""),
}


@pytest.mark.parametrize(("hosts", "expected"), FILES.values(), ids=FILES.keys())
def test_a_file(hosts: str, expected: str) -> None:
    assert full_name(hosts, "host3") == expected
