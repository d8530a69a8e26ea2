"""systemd-networkd in a namespace of its own, and NetworkManager's files, with what the preflight says of them."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from calico_agent.checks.preflight.machine.network_managers import check_network_managers
from calico_agent.model.host.network_managers import Device, NetworkManager, NetworkManagers
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.observation import Observation
from calico_agent.model.preflight import Check, Verdict
from calico_agent.sources.host.network_managers import read_network_managers
from calico_agent.sources.kernel.reader import read_kernel
from tests.checks.cluster import HEALTHY
from tests.checks.preflight.case import prepared, view
from tests.firewall_managers import message_bus
from tests.netns import NetworkNamespace, network_namespace
from tests.patience import until

pytestmark = pytest.mark.real

NETWORKD = "/lib/systemd/systemd-networkd"
TUNL0 = Device("tunl0", "ipip")
ETH0 = "[Match]\nName=eth0\n[Network]\nLinkLocalAddressing=no\n"


@pytest.fixture
def host() -> Iterator[NetworkNamespace]:
    with network_namespace() as namespace:
        namespace.ip(
            "link add eth0 type veth peer name wire0",
            "link add cali0a1b2c3d4e5 type veth peer name pod0",
            *(f"link set {name} up" for name in ("eth0", "wire0", "cali0a1b2c3d4e5", "pod0")),
            "addr add 10.77.0.11/24 dev eth0",
        )
        yield namespace


@contextmanager
def networkd(host: NetworkNamespace, root: Path) -> Iterator[Callable[[], None]]:
    """It runs in the namespace, with the files below `root`, and configures eth0 anew when it is called.

    A read-only /sys tells it that there is no udev to wait for.
    """
    state = root / "run/systemd/netif"
    shutil.rmtree(state, ignore_errors=True)
    state.mkdir(parents=True)
    shutil.chown(state, "systemd-network")
    link = state / "links" / host.output("ip", "-o", "link", "show", "eth0").partition(":")[0]
    script = (
        f"mount -t sysfs -o ro sysfs /sys && mkdir -p /run/systemd/netif && mount --bind {state} /run/systemd/netif && "
        f"mount --bind {root / 'etc/systemd'} /etc/systemd && exec {NETWORKD}"
    )
    command = host.command("unshare", "--mount", "--propagation", "private", "sh", "-c", script)
    with message_bus() as address, (root / "log").open("w") as log:
        environment = {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": address}
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)

        def settled() -> None:
            wanted = "ADMIN_STATE=configured\n"
            until("eth0 is configured", lambda: link.exists() and wanted in link.read_text(), (root / "log").read_text)

        def reconfigure() -> None:
            inside = ["nsenter", "--net", "-t", str(process.pid), "--", "networkctl", "reconfigure", "eth0"]
            subprocess.run(inside, check=True, env=environment, timeout=60)

        try:
            settled()
            yield reconfigure
        finally:
            process.terminate()
            process.wait()


def written(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def checks(host: NetworkNamespace, root: Path) -> dict[str, Check]:
    kernel = host.run(read_kernel)
    assert isinstance(kernel, Kernel)
    observation: Observation = replace(HEALTHY, kernel=kernel)
    found = check_network_managers(view(prepared(observation, network_managers=host.run(read_network_managers, root))))
    return {f"{one.code} {one.subject}".strip(): one for one in found}


def test_networkd_that_takes_the_links_of_pods_and_deletes_routes_is_told_to_leave_them(
    host: NetworkNamespace, tmp_path: Path
) -> None:
    written(tmp_path, "etc/systemd/network/10-eth0.network", ETH0)
    written(tmp_path, "etc/systemd/network/20-wide.network", "[Match]\nType=ether\n[Network]\nDHCP=ipv4\n")
    with networkd(host, tmp_path):
        found = checks(host, tmp_path)
        assert found["HOST-NETWORKD links"].verdict is Verdict.FAILURE
        assert "20-wide.network" in found["HOST-NETWORKD links"].what
        assert found["HOST-NETWORKD routes"].verdict is Verdict.WARNING
    for subject in ("links", "routes"):
        cure = found[f"HOST-NETWORKD {subject}"].cure.replace("/etc/", f"{tmp_path}/etc/")
        files, _, _restart = cure.rpartition(" && ")
        subprocess.run(["sh", "-ec", files], check=True)
    with networkd(host, tmp_path):
        healed = checks(host, tmp_path)
        assert healed["HOST-NETWORKD links"].verdict is Verdict.OK
        assert healed["HOST-NETWORKD routes"].verdict is Verdict.OK


def test_networkd_deletes_the_routes_of_others_unless_it_is_told_to_keep_them(
    host: NetworkNamespace, tmp_path: Path
) -> None:
    written(tmp_path, "etc/systemd/network/10-eth0.network", ETH0)
    written(tmp_path, "etc/systemd/networkd.conf", "")
    blackhole = "192.168.1.0/26 proto bird"
    host.ip(f"route add blackhole {blackhole}")
    with networkd(host, tmp_path) as reconfigure:
        assert checks(host, tmp_path)["HOST-NETWORKD routes"].verdict is Verdict.WARNING
        assert blackhole in host.output("ip", "route")
        reconfigure()
        until("the route is gone", lambda: blackhole not in host.output("ip", "route"))
    host.ip(f"route add blackhole {blackhole}", "addr replace 10.77.0.11/24 dev eth0")
    written(tmp_path, "etc/systemd/networkd.conf", "[Network]\nManageForeignRoutes=no\n")
    with networkd(host, tmp_path) as reconfigure:
        assert checks(host, tmp_path)["HOST-NETWORKD routes"].verdict is Verdict.OK
        reconfigure()
        until("what else is not its own is gone", lambda: "10.77.0.11" not in host.output("ip", "addr"))
        assert blackhole in host.output("ip", "route")


def test_in_another_network_namespace_it_is_anothers(host: NetworkNamespace, tmp_path: Path) -> None:
    written(tmp_path, "etc/systemd/network/10-eth0.network", ETH0)
    with networkd(host, tmp_path), network_namespace() as other:
        assert other.run(read_network_managers, tmp_path) == NetworkManagers()


@contextmanager
def network_manager(host: NetworkNamespace, folder: Path) -> Iterator[None]:
    """A process that runs a program of this name: what it does is told by its files, which are real."""
    program = folder / "NetworkManager"
    shutil.copy2("/bin/sleep", program)
    process = subprocess.Popen(host.command(str(program), "infinity"))
    try:
        until("it runs", lambda: Path(f"/proc/{process.pid}/comm").read_text() == "NetworkManager\n")
        yield
    finally:
        process.kill()
        process.wait()


def test_the_files_of_network_manager_in_its_order(host: NetworkNamespace, tmp_path: Path) -> None:
    written(tmp_path, "usr/lib/NetworkManager/conf.d/10-a.conf", "[keyfile]\nunmanaged-devices=interface-name:a\n")
    written(tmp_path, "usr/lib/NetworkManager/conf.d/20-b.conf", "[keyfile]\nunmanaged-devices=interface-name:b\n")
    written(tmp_path, "etc/NetworkManager/conf.d/20-b.conf", "")  # shadows the one of the package
    written(tmp_path, "etc/NetworkManager/NetworkManager.conf", "[keyfile]\nunmanaged-devices+=interface-name:c\n")
    with network_manager(host, tmp_path):
        found = host.run(read_network_managers, tmp_path)
        assert isinstance(found, NetworkManagers)
        assert found.network_manager == NetworkManager(("interface-name:a", "interface-name:c"))


def test_network_manager_is_told_to_leave_calicos_links(host: NetworkNamespace, tmp_path: Path) -> None:
    written(tmp_path, "etc/NetworkManager/NetworkManager.conf", "[main]\nplugins=ifupdown,keyfile\n")
    (tmp_path / "etc/NetworkManager/conf.d").mkdir()
    with network_manager(host, tmp_path):
        found = checks(host, tmp_path)["HOST-NETWORK-MANAGER"]
        assert found.verdict is Verdict.WARNING
        files = found.cure.replace("/etc/", f"{tmp_path}/etc/").partition(" && ")[0]
        subprocess.run(["sh", "-ec", files], check=True)
        assert checks(host, tmp_path)["HOST-NETWORK-MANAGER"].verdict is Verdict.OK
        read = host.run(read_network_managers, tmp_path)
        assert isinstance(read, NetworkManagers)
        assert isinstance(read.network_manager, NetworkManager)
        assert read.network_manager.manages(TUNL0) is False
