"""What the kernel can do, read from a tree of files as distributions have it, and from this machine."""

import gzip
import os
from pathlib import Path

import pytest

from calico_agent.model.host.kernel_modules import FEATURES
from calico_agent.sources.kernel.kernel_modules import module_directory, read_modules

RELEASE = "6.1.0-10-amd64"


def tree(root: Path, **files: str) -> Path:
    """Files below `root`; in their names `__` stands for a slash and RELEASE for the release."""
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("RELEASE", RELEASE).replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


DISTRIBUTION = {
    "lib__modules__RELEASE__modules_dot_dep": "kernel/net/ipv4/ipip.ko.xz: kernel/net/ipv4/ip_tunnel.ko.xz\n",
    "lib__modules__RELEASE__modules_dot_builtin": "kernel/net/netfilter/ipset/ip_set.ko\n",
    "proc__modules": "vxlan 1 0 - Live 0x0\n",
}


def test_a_distribution_tells_what_is_there_and_what_is_missing(tmp_path: Path) -> None:
    found = read_modules(tree(tmp_path, **DISTRIBUTION), RELEASE)
    assert dict(found.present) == {"ip_set": "built in", "vxlan": "loaded", "ipip": "loadable"}
    assert (found.complete, found.gone) == (True, False)


def test_a_kernel_that_loads_no_modules_is_known_by_its_configuration(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    text = "# CONFIG_MODULES is not set\nCONFIG_IP_SET=y\n# CONFIG_NET_IPIP is not set\n"
    (tmp_path / "proc/config.gz").write_bytes(gzip.compress(text.encode()))
    found = read_modules(tmp_path, RELEASE)
    assert dict(found.present) == {"ip_set": "built in"}
    assert found.complete


def test_a_configuration_that_promises_modules_is_not_enough(tmp_path: Path) -> None:
    found = read_modules(
        tree(tmp_path, boot__config_dash="", **{f"boot__config-{RELEASE}": "CONFIG_MODULES=y\nCONFIG_VXLAN=m\n"}),
        RELEASE,
    )
    assert (dict(found.present), found.complete, found.gone) == ({}, False, False)
    assert RELEASE in found.why_incomplete


def test_the_modules_of_a_kernel_that_was_replaced_are_gone(tmp_path: Path) -> None:
    files = {
        "lib__modules__7_dot_0__modules_dot_dep": "x",
        "proc__modules": "",
        f"boot__config-{RELEASE}": "CONFIG_MODULES=y\nCONFIG_VXLAN=m\nCONFIG_IP_SET=y\n",
    }
    found = read_modules(tree(tmp_path, **files), RELEASE)
    assert (dict(found.present), found.complete, found.gone) == ({"ip_set": "built in"}, True, True)


def test_where_a_sandbox_hides_them_nothing_is_called_missing(tmp_path: Path) -> None:
    root = tree(tmp_path, proc__modules="", **{f"boot__config-{RELEASE}": "CONFIG_MODULES=y\n"})
    (root / "lib/modules").mkdir(parents=True, mode=0o000)
    (root / "lib/modules").chmod(0o000)
    found = read_modules(root, RELEASE)
    assert not found.complete
    assert "/lib/modules is hidden" in found.why_incomplete or "cannot be read" in found.why_incomplete


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    root = tree(tmp_path, **DISTRIBUTION)
    dep = root / "lib/modules" / RELEASE / "modules.dep"
    dep.unlink()
    os.mkfifo(dep)
    found = read_modules(root, RELEASE)
    assert not found.complete
    assert "modules.dep cannot be read" in found.why_incomplete


def test_garbage_names_nothing(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/config.gz").write_bytes(b"\x1f\x8b garbage")
    (tmp_path / "proc/modules").write_bytes(bytes(range(256)))
    assert not read_modules(tmp_path, RELEASE).present


@pytest.mark.real
def test_this_machine_has_what_the_tests_on_it_use() -> None:
    found = read_modules()
    assert {"veth", "vxlan", "nf_conntrack"} <= set(found.present)
    assert set(found.present) <= set(FEATURES)


def test_where_a_sandbox_hides_them_they_are_read_as_process_1_sees_them(tmp_path: Path) -> None:
    (tmp_path / "lib/modules").mkdir(parents=True, mode=0o000)
    seen = tmp_path / "proc/1/root/lib/modules"
    (seen / RELEASE).mkdir(parents=True)
    (seen / RELEASE / "modules.dep").write_text("kernel/net/ipv4/ipip.ko: kernel/net/ipv4/tunnel4.ko\n")
    assert module_directory(tmp_path) == seen
    assert read_modules(tmp_path, RELEASE).present["ipip"] == "loadable"
