"""Links, firewalls, addresses that come and go, and the agent's own files."""

import json
import os
import signal
from collections.abc import Iterator

from tests.campaign.deeds import FOREIGN, agent_pid, configured, on, start_agent, wire
from tests.campaign.fault import fault
from tests.lab.agent import Agent
from tests.lab.lab import Lab
from tests.patience import eventually

STATE = "/var/lib/calico-agent"


@fault("host2", "RT-LINK-DOWN", touches="host2 wire")
def link_down(lab: Lab) -> Iterator[None]:
    """eth0 of host2 is switched off."""
    on(lab, "host2", "ip link set eth0 down")
    yield
    on(lab, "host2", "ip link set eth0 up")
    on(lab, "host2", f"ip route add default via {FOREIGN}")


@fault("host3", "RT-LINK-DOWN", touches="host3 wire")
def cable_pulled(lab: Lab) -> Iterator[None]:
    """The other end of host3's link is switched off: eth0 has no carrier."""
    wire(lab).ip("link set host3 down")
    yield
    wire(lab).ip("link set host3 up")


@fault("host1", "RT-NEXTHOP-DEAD", touches="host2 wire")
def host_cut_off(lab: Lab) -> Iterator[None]:
    """The switch forwards nothing from or to host2 any more; its link stays up."""
    wire(lab).ip("link set host2 nomaster")
    yield
    wire(lab).ip("link set host2 master br0")


@fault("host2", touches="host2 wire")
def link_flapped(lab: Lab) -> Iterator[None]:
    """eth0 of host2 is switched off and on at once."""
    lab.host("host2").ip("link set eth0 down", "link set eth0 up", f"route add default via {FOREIGN}")
    yield


@fault("host1", "IP-CHANGED", "IP-NOT-LOCAL", "IP-NONE", touches="host1 wire", patience=60.0)
def address_removed(lab: Lab) -> Iterator[None]:
    """The address of host1 is taken from eth0, and none comes instead."""
    on(lab, "host1", "ip address del 10.77.0.11/24 dev eth0")
    yield
    on(lab, "host1", "ip address add 10.77.0.11/24 dev eth0")
    on(lab, "host1", f"ip route replace default via {FOREIGN}")


@fault("host1", touches="addresses-of-host1")
def second_address_comes(lab: Lab) -> Iterator[None]:
    """eth0 of host1 gets a second address, as that of a cluster's service would."""
    on(lab, "host1", "ip address add 10.77.0.50/32 dev eth0")
    yield
    on(lab, "host1", "ip address del 10.77.0.50/32 dev eth0")


@fault("host1", touches="links-of-host1")
def docker_network_comes(lab: Lab) -> Iterator[None]:
    """Docker of host1 gets another network."""
    lab.engine("host1").docker("network", "create", "campaign")
    yield
    lab.engine("host1").docker("network", "rm", "campaign")


@fault("host1", "RT-OVERLAP", "HOST-POOL", touches="links-of-host1")
def network_inside_the_pool(lab: Lab) -> Iterator[None]:
    """A link of host1 has a network that the pool has, too."""
    lab.host("host1").ip(
        "link add lan0 type veth peer name lan1",
        "address add 192.168.250.1/24 dev lan0",
        "link set lan0 up",
        "link set lan1 up",
    )
    yield
    on(lab, "host1", "ip link del lan0")


@fault("host3", "HOST-MTU", touches="mtu-of-host3", patience=150.0)
def link_carries_less(lab: Lab) -> Iterator[None]:
    """eth0 of host3 has an MTU of 1280, and the pods' links have 1500."""
    on(lab, "host3", "ip link set eth0 mtu 1280")
    yield
    on(lab, "host3", "ip link set eth0 mtu 1500")


@fault("host2", "HOST-FIREWALL", touches="firewall-of-host2", patience=150.0)
def firewall_drops_bgp(lab: Lab) -> Iterator[None]:
    """host2 drops what comes to its BGP port."""
    on(lab, "host2", "iptables -I INPUT -p tcp --dport 179 -j DROP")
    yield
    on(lab, "host2", "iptables -D INPUT -p tcp --dport 179 -j DROP")


@fault("host3", "HOST-FIREWALL-PODS", touches="firewall-of-host3", patience=150.0)
def firewall_drops_what_is_forwarded(lab: Lab) -> Iterator[None]:
    """host3 drops what it forwards from and to pods."""
    for end in ("-s", "-d"):
        on(lab, "host3", f"iptables -I FORWARD {end} 192.168.0.0/16 -j DROP")
    yield
    for end in ("-s", "-d"):
        on(lab, "host3", f"iptables -D FORWARD {end} 192.168.0.0/16 -j DROP")


@fault("host1", "SV-STATE", "DS-SNAPSHOT", "HOST-DISK", touches="state-of-host1 records", patience=150.0)
def state_directory_full(lab: Lab) -> Iterator[None]:
    """The agent's directory on host1 has no room, and a node's record changes."""
    on(lab, "host1", f"mount -t tmpfs -o size=4k tmpfs {STATE}")
    on(lab, "host1", f"dd if=/dev/zero of={STATE}/full bs=4k count=1")
    lab.datastore.put("/calico/resources/v3/projectcalico.org/ippools/more", json.dumps(_pool("10.99.0.0/24")))
    yield
    lab.datastore.delete("/calico/resources/v3/projectcalico.org/ippools/more")
    on(lab, "host1", f"umount {STATE}")


@fault("host3", "SV-STATE", "DS-SNAPSHOT", "HOST-DISK", touches="state-of-host3 records", patience=150.0)
def state_directory_read_only(lab: Lab) -> Iterator[None]:
    """The agent's directory on host3 may not be written, and a node's record changes."""
    on(lab, "host3", f"mount --bind {STATE} {STATE}")
    on(lab, "host3", f"mount -o remount,bind,ro {STATE}")
    lab.datastore.put("/calico/resources/v3/projectcalico.org/ippools/more", json.dumps(_pool("10.99.0.0/24")))
    yield
    lab.datastore.delete("/calico/resources/v3/projectcalico.org/ippools/more")
    on(lab, "host3", f"umount {STATE}")


@fault("host1", "CFG-REFUSED", touches="configuration-of-host1")
def configuration_broken(lab: Lab) -> Iterator[None]:
    """The agent of host1 is told to read a configuration with a key that does not exist."""
    with configured(lab, "host1", "mode =", "nonsense = 1\nmode ="):
        yield


@fault("host2", touches="agent-of-host2")
def agent_killed(lab: Lab) -> Iterator[None]:
    """The agent of host2 is killed, and started again as its unit would."""
    os.kill(agent_pid(lab, "host2"), signal.SIGKILL)
    eventually(lambda: Agent(lab.host("host2")).process(), lambda now: now is None)
    start_agent(lab, "host2")
    yield


@fault("host3", touches="agent-of-host3")
def agent_frozen(lab: Lab) -> Iterator[None]:
    """The agent of host3 is stopped by SIGSTOP for as long as the others are looked at."""
    pid = agent_pid(lab, "host3")
    os.kill(pid, signal.SIGSTOP)
    yield
    os.kill(pid, signal.SIGCONT)


def _pool(cidr: str) -> dict[str, object]:
    spec = {"cidr": cidr, "ipipMode": "Never", "vxlanMode": "Never", "natOutgoing": True, "nodeSelector": "all()"}
    return {
        "kind": "IPPool",
        "apiVersion": "projectcalico.org/v3",
        "metadata": {"name": "more"},
        "spec": {**spec, "blockSize": 26, "disabled": True},
    }
