"""Every kind of address that is not the node's, and every exotic one that is."""

from dataclasses import replace
from ipaddress import ip_network

import pytest

from calico_agent.identity.candidates import Rejection
from calico_agent.model.calico.node import Block, Datastore
from calico_agent.model.container.container import Docker
from calico_agent.model.network.address import LinkAddress
from calico_agent.model.observation import Unreadable
from tests.identity.machine import (
    DOCKER0,
    ETH0,
    LO,
    Machine,
    docker_network,
    held,
    link,
    node,
    pool,
    source,
)

HOST = Machine()
NO_DOCKER = Unreadable("Docker", "the socket refuses connections", "refused")
BR0 = link("br0", "10.0.0.13/24", kind="bridge", index=7)


def with_link(*added: object) -> Machine:
    return HOST.having(links=(LO, ETH0, *added))


REJECTED = {
    "a loopback address, on whatever link": (
        with_link(link("eth1", "127.0.1.1/8")),
        "127.0.1.1",
        Rejection.LOOPBACK,
        "is a loopback address",
    ),
    "an address of scope host": (
        with_link(link("eth1", held("10.9.0.1/32", scope="host"))),
        "10.9.0.1",
        Rejection.LOOPBACK,
        "is valid inside this host only (scope host)",
    ),
    "an IPv4 link-local address": (
        with_link(link("eth1", "169.254.7.7/16")),
        "169.254.7.7",
        Rejection.LINK_LOCAL,
        "is link-local: valid on one link only",
    ),
    "an IPv6 link-local address": (
        with_link(link("eth1", held("fe80::1/64", scope="link"))),
        "fe80::1",
        Rejection.LINK_LOCAL,
        "is link-local: valid on one link only",
    ),
    "Docker's own bridge": (
        HOST,
        "172.17.0.1",
        Rejection.DOCKER_NETWORK,
        "belongs to Docker's network 'bridge' (docker network ls)",
    ),
    "the bridge of a user-defined network with a name like an uplink": (
        with_link(link("ens5", "192.168.100.1/24", kind="bridge")).having(
            docker=Docker(networks=(docker_network("backend", "ens5", "192.168.100.0/24"),))
        ),
        "192.168.100.1",
        Rejection.DOCKER_NETWORK,
        "belongs to Docker's network 'backend' (docker network ls)",
    ),
    "a network whose bridge Docker does not name, by its gateway": (
        with_link(link("lan", "192.168.100.1/24", kind="bridge")).having(
            docker=Docker(networks=(docker_network("backend", "", "192.168.100.0/24", "192.168.100.1"),))
        ),
        "192.168.100.1",
        Rejection.DOCKER_NETWORK,
        "belongs to Docker's network 'backend' (docker network ls)",
    ),
    "a bridge inside the subnet of a Docker network": (
        with_link(link("lan", "192.168.100.9/24", kind="bridge")).having(
            docker=Docker(networks=(docker_network("backend", "", "192.168.100.0/24"),))
        ),
        "192.168.100.9",
        Rejection.DOCKER_NETWORK,
        "belongs to Docker's network 'backend' (docker network ls)",
    ),
    "docker0 while Docker is down, by its name": (
        HOST.having(docker=NO_DOCKER, links=(LO, ETH0, link("docker0", "172.17.0.1/16", kind="bridge"))),
        "172.17.0.1",
        Rejection.DOCKER_NETWORK,
        "is Docker's by its name or MAC address (Docker itself cannot be asked: the socket refuses connections)",
    ),
    "a renamed Docker bridge while Docker is down, by its MAC address": (
        HOST.having(
            docker=NO_DOCKER, links=(LO, ETH0, link("backend", "172.20.0.1/16", kind="bridge", mac="02:42:0A:01:02:03"))
        ),
        "172.20.0.1",
        Rejection.DOCKER_NETWORK,
        "is Docker's by its name or MAC address (Docker itself cannot be asked: the socket refuses connections)",
    ),
    "a bridge that Docker left behind, when Docker is back and no longer lists it": (
        with_link(link("br-0123456789ab", "172.20.0.1/16", kind="bridge")),
        "172.20.0.1",
        Rejection.BRIDGE_WITHOUT_PORT,
        "is on a bridge without any port: it leads nowhere",
    ),
    "a bridge with containers and virtual machines only": (
        with_link(
            link("virbr0", "192.168.122.1/24", kind="bridge", index=7),
            link("vnet0", kind="tun", master=7),
            link("veth1", kind="veth", master=7),
        ),
        "192.168.122.1",
        Rejection.BRIDGE_WITHOUT_PORT,
        "is on a bridge without a physical port (its ports: vnet0, veth1)",
    ),
    "a bridge that only a VXLAN tunnel is a port of": (
        with_link(link("br-tun", "10.5.0.1/24", kind="bridge", index=7), link("vx", kind="vxlan", master=7)),
        "10.5.0.1",
        Rejection.BRIDGE_WITHOUT_PORT,
        "is on a bridge without a physical port (its ports: vx)",
    ),
    "a VLAN of a tunnel": (
        with_link(link("gt1", kind="gretap", index=7), link("gt1.5", "10.5.0.1/24", kind="vlan", parent=7)),
        "10.5.0.1",
        Rejection.VIRTUAL_LINK,
        "is on a vlan of gt1, which is a GRE tunnel",
    ),
    "a macvlan of a VLAN of a dummy device": (
        with_link(
            link("dummy0", kind="dummy", index=7),
            link("dummy0.5", kind="vlan", index=8, parent=7),
            link("mac0", "10.5.0.1/24", kind="macvlan", parent=8),
        ),
        "10.5.0.1",
        Rejection.VIRTUAL_LINK,
        "is on a macvlan of dummy0, which is a dummy device, which leads nowhere",
    ),
    "a macvlan of a bridge of virtual machines": (
        with_link(
            link("virbr0", kind="bridge", index=7),
            link("vnet0", kind="tun", master=7),
            link("mac0", "192.168.122.9/24", kind="macvlan", parent=7),
        ),
        "192.168.122.9",
        Rejection.BRIDGE_WITHOUT_PORT,
        "is on a macvlan of virbr0, which is a bridge without a physical port (its ports: vnet0)",
    ),
    "a bridge over a VLAN of a tunnel": (
        with_link(
            link("br-tun", "10.5.0.1/24", kind="bridge", index=7),
            link("vx", kind="vxlan", index=8),
            link("vx.5", kind="vlan", master=7, parent=8),
        ),
        "10.5.0.1",
        Rejection.BRIDGE_WITHOUT_PORT,
        "is on a bridge without a physical port (its ports: vx.5)",
    ),
    "an address on one end of a veth pair that is a port": (
        with_link(DOCKER0, link("veth9", "172.17.0.9/16", kind="veth", master=DOCKER0.index)),
        "172.17.0.9",
        Rejection.CONTAINER_VETH,
        "is on one end of a veth pair that is a port of docker0",
    ),
    "a container's veth without a bridge, by its name as second evidence": (
        with_link(link("veth12ab", "10.1.1.1/24", kind="veth")),
        "10.1.1.1",
        Rejection.LINK_NAME,
        "is on a veth pair without a default route, and named like a container's",
    ),
    "Calico's own tunnel, by its pool": (
        with_link(link("vxlan.calico", "192.168.55.65/32", kind="vxlan")).having(
            datastore=Datastore(pools=(pool("192.168.0.0/16"),))
        ),
        "192.168.55.65",
        Rejection.CALICO_POOL,
        "lies in the IP pool default-ipv4-ippool (192.168.0.0/16): it is a pod's or a tunnel's",
    ),
    "a leftover of a pool that was deleted, by its block": (
        with_link(link("old0", "10.65.0.4/32", kind="vxlan")).having(
            datastore=Datastore(blocks=(Block(ip_network("10.65.0.4/30")),))
        ),
        "10.65.0.4",
        Rejection.CALICO_POOL,
        "lies in the IPAM block 10.65.0.4/30: it is a pod's or a tunnel's",
    ),
    "an uplink whose network overlaps with a pool": (
        with_link(link("eth1", "192.168.1.5/24")).having(datastore=Datastore(pools=(pool("192.168.0.0/16"),))),
        "192.168.1.5",
        Rejection.POOL_OVERLAP,
        (
            "lies in the IP pool default-ipv4-ippool (192.168.0.0/16), from which pods get addresses: "
            "pool and host network must not overlap"
        ),
    ),
    "an address that every Vagrant machine has": (
        with_link(link("eth1", "10.0.2.15/24")).having(
            datastore=Datastore(nodes=(node("host1", "10.0.0.11/24", "10.0.2.15", "10.0.0.11"),))
        ),
        "10.0.2.15",
        Rejection.ON_OTHER_HOSTS,
        "is an address that other hosts carry too (host1): it cannot tell this one from them",
    ),
    "an address whose duplicate address detection has not succeeded": (
        with_link(link("eth1", held("2001:db8::1/64", tentative=True))),
        "2001:db8::1",
        Rejection.TENTATIVE,
        "is not usable yet, or a duplicate on its link (duplicate address detection)",
    ),
    "a deprecated address": (
        with_link(link("eth1", held("2001:db8::1/64", deprecated=True))),
        "2001:db8::1",
        Rejection.DEPRECATED,
        "is deprecated: the kernel no longer uses it for new connections",
    ),
    "a privacy address": (
        with_link(link("eth1", held("2001:db8::1/64", temporary=True))),
        "2001:db8::1",
        Rejection.TEMPORARY,
        "is a temporary (privacy) address: it changes",
    ),
    "a VRRP address beside the subnet it lies in": (
        HOST.having(links=(LO, link("eth0", "10.0.0.13/24", "10.0.0.100/32"))),
        "10.0.0.100",
        Rejection.FLOATING,
        "is a single address beside 10.0.0.13/24 (eth0): a floating address (VRRP)",
    ),
    "an IPv6 VRRP address beside the subnet it lies in": (
        HOST.having(links=(LO, link("eth0", "2001:db8::5/64", "2001:db8::100/128"))),
        "2001:db8::100",
        Rejection.FLOATING,
        "is a single address beside 2001:db8::5/64 (eth0): a floating address (VRRP)",
    ),
    "a VRRP address on another link than its subnet": (
        with_link(link("eth1", "10.0.0.100/32")),
        "10.0.0.100",
        Rejection.FLOATING,
        "is a single address beside 10.0.0.13/24 (eth0): a floating address (VRRP)",
    ),
    "an address on a member of a VRF": (
        with_link(link("bond0", "10.9.0.5/24", kind="bond", master=9), link("mgmt", kind="vrf", index=9)),
        "10.9.0.5",
        Rejection.VRF,
        "is in the VRF mgmt: its routes are not in the main table, where Calico's are",
    ),
    "a veth that is a member of a VRF, which is no bridge": (
        with_link(link("veth0", "10.9.0.5/24", kind="veth", master=9), link("mgmt", kind="vrf", index=9)),
        "10.9.0.5",
        Rejection.VRF,
        "is in the VRF mgmt: its routes are not in the main table, where Calico's are",
    ),
    "an address on a VRF itself": (
        with_link(link("mgmt", "10.9.0.5/32", kind="vrf")),
        "10.9.0.5",
        Rejection.VRF,
        "is in the VRF mgmt: its routes are not in the main table, where Calico's are",
    ),
    "a wire inside a block of a pool that is disabled": (
        HOST.having(
            datastore=Datastore(
                pools=(replace(pool("10.0.0.0/8"), disabled=True),), blocks=(Block(ip_network("10.0.0.0/26"), "host1"),)
            )
        ),
        "10.0.0.13",
        Rejection.POOL_OVERLAP,
        "lies in the IPAM block 10.0.0.0/26, from which pods get addresses: pool and host network must not overlap",
    ),
    "keepalived's label": (
        HOST.having(links=(LO, link("eth0", "10.0.0.13/24", held("10.9.0.100/24", label="eth0:vip")))),
        "10.9.0.100",
        Rejection.FLOATING,
        "is an alias or a floating address, by its label eth0:vip",
    ),
    "a link that is switched off": (
        with_link(link("eth1", "10.9.0.1/24", up=False, running=False)),
        "10.9.0.1",
        Rejection.LINK_DOWN,
        "is on a link that is switched off (ip link set up)",
    ),
    "a link without carrier": (
        with_link(link("eth1", "10.9.0.1/24", running=False)),
        "10.9.0.1",
        Rejection.NO_CARRIER,
        "is on a link without carrier",
    ),
    "a global address on the loopback device": (
        HOST.having(links=(link("lo", "127.0.0.1/8", "198.51.100.7/32", loopback=True), ETH0)),
        "198.51.100.7",
        Rejection.VIRTUAL_LINK,
        "is on the loopback device: others reach it only if a routing protocol announces it",
    ),
}


@pytest.mark.parametrize(("machine", "address", "reason", "evidence"), REJECTED.values(), ids=REJECTED.keys())
def test_rejects(machine: Machine, address: str, reason: Rejection, evidence: str) -> None:
    """Each with its reason for machines and its evidence for people."""
    verdict = machine.verdict(address)
    assert (verdict.reason, verdict.evidence) == (reason, evidence)


VIRTUAL_KINDS = {
    "tun": "a tun/tap device: a VPN or a virtual machine",
    "ipip": "an IPIP tunnel",
    "gre": "a GRE tunnel",
    "sit": "a SIT (IPv6 in IPv4) tunnel",
    "vxlan": "a VXLAN tunnel",
    "geneve": "a Geneve tunnel",
    "wireguard": "a WireGuard tunnel",
    "dummy": "a dummy device, which leads nowhere",
    "ifb": "an ifb device, which only shapes traffic",
}


@pytest.mark.parametrize(("kind", "words"), VIRTUAL_KINDS.items(), ids=VIRTUAL_KINDS.keys())
def test_rejects_virtual_links_of_kind(kind: str, words: str) -> None:
    """By the kernel's kind, whatever the name, and even when the default route leaves there (a full-tunnel VPN)."""
    machine = with_link(link("eth9", "10.8.0.2/24", kind=kind)).having(default_route="eth9")
    verdict = machine.verdict("10.8.0.2")
    assert (verdict.reason, verdict.evidence) == (Rejection.VIRTUAL_LINK, f"is on {words}")


ACCEPTED = {
    "a physical link": HOST,
    "a physical link whose name Calico skips": HOST.having(links=(LO, link("docker-lan", "10.0.0.13/24"))),
    "a bridge over a physical port": HOST.having(links=(LO, BR0, link("eth0", master=7))),
    "a bridge over a bond, with containers beside it": HOST.having(
        links=(LO, BR0, link("bond0", kind="bond", master=7), link("veth1", kind="veth", master=7))
    ),
    "a bridge over a VLAN": HOST.having(links=(LO, BR0, link("eth0.5", kind="vlan", master=7))),
    "a bridge over a veth that holds the default route, in a container host": HOST.having(
        links=(LO, BR0, link("eth0", kind="veth", master=7)), default_route="br0"
    ),
    "a bridge over a physical port that Docker was told to use": HOST.having(
        links=(LO, BR0, link("eth0", master=7)),
        docker=Docker(networks=(docker_network("bridge", "br0", "10.0.0.0/24", "10.0.0.13"),)),
    ),
    "a bridge over a physical port that is called like Docker's, Docker being down": HOST.having(
        links=(LO, link("br-0123456789ab", "10.0.0.13/24", kind="bridge", index=7), link("eth0", master=7)),
        docker=NO_DOCKER,
    ),
    "a bond": HOST.having(links=(LO, link("bond0", "10.0.0.13/24", kind="bond"))),
    "a team": HOST.having(links=(LO, link("team0", "10.0.0.13/24", kind="team"))),
    "a VLAN": HOST.having(links=(LO, link("eth0.5", "10.0.0.13/24", kind="vlan", parent=7), link("eth0", index=7))),
    "a macvlan of another namespace's link, in a container host": HOST.having(
        links=(LO, link("eth0", "10.0.0.13/24", kind="macvlan"))
    ),
    "a macvlan of a bridge over a physical port": HOST.having(
        links=(LO, link("mac0", "10.0.0.13/24", kind="macvlan", parent=7), BR0, link("eth0", master=7))
    ),
    "a bridge over links of kinds that are not known here": HOST.having(
        links=(LO, BR0, link("bat0", kind="batadv", master=7))
    ),
    "two VLANs, each of the other, while links come and go": HOST.having(
        links=(
            LO,
            link("eth0.5", "10.0.0.13/24", kind="vlan", index=7, parent=8),
            link("eth0.6", kind="vlan", index=8, parent=7),
        )
    ),
    "a veth named eth0 with the default route, in a container host": HOST.having(
        links=(LO, link("eth0", "10.0.0.13/24", kind="veth"))
    ),
    "a veth named eth0 without a default route, in an isolated lab": HOST.having(
        links=(LO, link("eth0", "10.0.0.13/24", kind="veth")), default_route=""
    ),
    "a veth whose name is a container's, when the kernel's look-up says the default route leaves there": HOST.having(
        links=(LO, link("veth0", "10.0.0.13/24", kind="veth")),
        default_route="",
        default_sources=(source("198.51.100.1", "10.0.0.13", "veth0"),),
    ),
    "the only address of a link as /32, as clouds give it": HOST.having(links=(LO, link("eth0", "10.0.0.13/32"))),
    "a /32 that only a tunnel's network covers": HOST.having(
        links=(LO, link("eth0", "10.0.0.13/32"), link("wg0", "10.0.0.200/16", kind="wireguard"))
    ),
    "a /31 of a point-to-point link": HOST.having(links=(LO, link("eth0", "10.0.0.13/31"))),
    "the only address of a link, although it has an alias label": HOST.having(
        links=(LO, link("eth0", held("10.0.0.13/24", label="eth0:0")))
    ),
    "a link inside the subnet of a Docker macvlan network": HOST.having(
        docker=Docker(networks=(docker_network("lan", "", "10.0.0.0/24", "10.0.0.1", driver="macvlan"),))
    ),
    "a corporate network that contains Docker's subnet": HOST.having(
        docker=Docker(networks=(docker_network("bridge", "docker0", "10.0.0.0/8", "10.255.0.1"),))
    ),
    "a link without carrier, by whose address the cluster knows this host": HOST.having(
        links=(LO, link("eth0", "10.0.0.13/24", running=False)),
        datastore=Datastore(nodes=(node("host3", "10.0.0.13/24"),)),
    ),
    "an address in a pool that was made later, by which the cluster knows this host": HOST.having(
        datastore=Datastore(nodes=(node("host3", "10.0.0.13/24"),), pools=(pool("10.0.0.0/16"),)),
    ),
    "a secondary address, which only was configured second": HOST.having(
        links=(LO, link("eth0", "10.0.0.100/24", held("10.0.0.13/24", secondary=True)))
    ),
    "an address in a disabled pool, which only exempts destinations from NAT": HOST.having(
        datastore=Datastore(pools=(replace(pool("10.0.0.0/8"), disabled=True),))
    ),
    "an address in a pool for services only": HOST.having(
        datastore=Datastore(pools=(replace(pool("10.0.0.0/8"), for_pods=False),))
    ),
    "an address in a block of services, which no host's pods use": HOST.having(
        datastore=Datastore(blocks=(Block(ip_network("10.0.0.0/26"), "load-balancer", virtual=True),))
    ),
    "an address that only an old record of this machine lists": HOST.having(
        datastore=Datastore(nodes=(node("host3.example", "10.0.0.13/24", "10.0.0.13"),))
    ),
    "an address that this host's own record lists, beside one it no longer has": HOST.having(
        datastore=Datastore(nodes=(node("host3", "10.9.9.9/24", "10.0.0.13"),))
    ),
}


@pytest.mark.parametrize("machine", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_accepts(machine: Machine) -> None:
    """What looks odd and is right."""
    verdict = machine.verdict("10.0.0.13")
    assert verdict.accepted, verdict.evidence


def test_every_address_of_every_link_has_a_verdict() -> None:
    """Nothing is left out of the table, whatever the family."""
    identity = HOST.identify()
    listed = [
        (candidate.interface, candidate.link) for candidate in identity.ipv4.candidates + identity.ipv6.candidates
    ]
    carried: list[tuple[LinkAddress, str]] = [(address, each.name) for each in HOST.links for address in each.addresses]
    assert sorted(map(str, listed)) == sorted(str((address.interface, name)) for address, name in carried)


def test_the_table_of_cases_shows_every_reason() -> None:
    """A reason that no case proves would be a reason nobody has seen."""
    assert {reason for _, _, reason, _ in REJECTED.values()} == set(Rejection)
