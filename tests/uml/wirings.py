"""Ways to wire a host that need a kernel with all kinds of links: what `ip` is told in an empty network namespace.

`RECORDED` are those of tests/data/links-linux-6.1, by the same names and with the same addresses.
"""

from collections.abc import Mapping


def wires(*names: str) -> tuple[str, ...]:
    """One end of a veth pair stands for a network card, the other for its cable."""
    return tuple(
        line
        for name in names
        for line in (f"link add {name} type veth peer name w-{name}", f"link set {name} up", f"link set w-{name} up")
    )


def bond(name: str, port: str) -> tuple[str, ...]:
    return (
        *wires(port),
        f"link add {name} type bond mode active-backup miimon 100",
        f"link set {port} down",
        f"link set {port} master {name}",
        f"link set {name} up",
    )


def vrf(name: str, table: int, member: str) -> tuple[str, ...]:
    return f"link add {name} type vrf table {table}", f"link set {name} up", f"link set {member} master {name}"


def tap_bridge(name: str, address: str) -> tuple[str, ...]:
    """The bridge of virtual machines."""
    return (
        f"link add {name} type bridge",
        f"tuntap add dev tap-{name} mode tap",
        f"link set tap-{name} master {name}",
        f"link set {name} up",
        f"addr add {address} dev {name}",
    )


def fabric(address: str, device: str, near: str) -> tuple[str, ...]:
    """A host with two uplinks that announces its address, and sends from it."""
    return (
        *wires("eth0", "eth1"),
        f"addr add {near}.0.0/31 dev eth0",
        f"addr add {near}.1.0/31 dev eth1",
        f"addr add {address}/32 dev {device}",
        f"route add default src {address} nexthop via {near}.0.1 nexthop via {near}.1.1",
    )


DUMMY0 = ("link add dummy0 type dummy", "link set dummy0 up")

RECORDED: Mapping[str, tuple[str, ...]] = {
    "bridge": (
        *wires("eth0"),
        "link add br0 type bridge",
        "link set eth0 master br0",
        "link set br0 up",
        "addr add 10.24.0.5/24 dev br0",
        "route add default via 10.24.0.254",
        *tap_bridge("virbr0", "192.168.122.1/24"),
    ),
    "brvlan": (
        *wires("eth0"),
        "link add link eth0 name eth0.5 type vlan id 5",
        "link set eth0.5 up",
        "link add br0 type bridge",
        "link set eth0.5 master br0",
        "link set br0 up",
        "addr add 10.25.0.5/24 dev br0",
        "route add default via 10.25.0.254",
        *tap_bridge("br1", "10.26.0.1/24"),
    ),
    "dummy32": (*DUMMY0, *fabric("10.200.0.5", "dummy0", "10.17")),
    "gre": (
        *wires("eth0"),
        "addr add 10.22.0.5/24 dev eth0",
        "route add default via 10.22.0.254",
        "link add gre1 type gre local 10.22.0.5 remote 10.22.0.254 ttl 64",
        "addr add 10.22.9.1/30 dev gre1",
        "link set gre1 up",
        "link add gt1 type gretap local 10.22.0.5 remote 10.22.0.253",
        "addr add 10.22.10.1/24 dev gt1",
        "link set gt1 up",
    ),
    "gredef": (
        *wires("eth0"),
        "addr add 10.23.0.5/24 dev eth0",
        "link add gre1 type gre local 10.23.0.5 remote 10.23.0.254 ttl 64",
        "addr add 10.23.9.1/30 dev gre1",
        "link set gre1 up",
        "route add default dev gre1",
    ),
    "ipip": (
        *wires("eth0"),
        "addr add 10.21.0.5/24 dev eth0",
        "route add default via 10.21.0.254",
        "link add ipip1 type ipip local 10.21.0.5 remote 10.21.0.254",
        "addr add 10.21.9.1/30 dev ipip1",
        "link set ipip1 up",
    ),
    "ipvlan": (
        *wires("eth0"),
        "link add link eth0 name ipv0 type ipvlan mode l2",
        "link set ipv0 up",
        "addr add 10.27.0.5/24 dev ipv0",
        "route add default via 10.27.0.254",
        "tuntap add dev tun0 mode tun",
        "addr add 10.8.0.2/24 dev tun0",
        "link set tun0 up",
        "link add flannel.1 type vxlan id 1 dev ipv0 dstport 8472 nolearning",
        "addr add 10.244.0.0/32 dev flannel.1",
        "link set flannel.1 up",
    ),
    "ipvs": (
        *wires("eth0"),
        "addr add 10.19.0.5/24 dev eth0",
        "route add default via 10.19.0.254",
        "link add kube-ipvs0 type dummy",
        "addr add 10.96.0.1/32 dev kube-ipvs0",
        "link add nodelocaldns type dummy",
        "addr add 169.254.20.10/32 dev nodelocaldns",
        *DUMMY0,
        "addr add 10.20.30.40/24 dev dummy0",
    ),
    "lo32": fabric("10.200.0.6", "lo", "10.18"),
    "macvlan": (
        *wires("eth0"),
        "addr add 10.15.0.5/24 dev eth0",
        "link add link eth0 name mac0 type macvlan mode bridge",
        "link set mac0 up",
        "addr add 10.15.0.6/24 dev mac0",
        "route add default via 10.15.0.254 dev eth0",
    ),
    "macvo": (
        *wires("eth0"),
        "link add link eth0 name mac0 type macvlan mode bridge",
        "link set mac0 up",
        "addr add 10.16.0.6/24 dev mac0",
        "route add default via 10.16.0.254",
    ),
    "sit": (
        *wires("eth0"),
        "addr add 10.31.0.5/24 dev eth0",
        "route add default via 10.31.0.254",
        "link add sit1 type sit local 10.31.0.5 remote 10.31.0.254",
        "link add bond9 type bond",
        "addr add 10.32.0.5/24 dev bond9",
        "link set bond9 up",
    ),
    "vlanbond": (
        *bond("bond0", "eth0"),
        "addr add 10.9.0.5/24 dev bond0",
        "link add link bond0 name bond0.100 type vlan id 100",
        "link set bond0.100 up",
        "addr add 10.10.0.5/24 dev bond0.100",
        "route add default via 10.10.0.1",
    ),
    "vrf": (
        *wires("eth0", "eth1"),
        *vrf("mgmt", 10, "eth0"),
        "addr add 10.11.0.5/24 dev eth0",
        "addr add 10.12.0.5/24 dev eth1",
        "route add default via 10.11.0.254 table 10",
        "route add default via 10.12.0.254",
    ),
    "vrfbond": (
        *bond("bond0", "eth0"),
        *wires("eth1"),
        *vrf("mgmt", 10, "bond0"),
        "addr add 10.28.0.5/24 dev bond0",
        "addr add 10.29.0.5/24 dev eth1",
        "route add default via 10.28.0.254 table 10",
        "route add default via 10.29.0.254",
    ),
    "vrfonly": (
        *wires("eth0", "eth1"),
        *vrf("mgmt", 10, "eth0"),
        "addr add 10.13.0.5/24 dev eth0",
        "addr add 10.14.0.5/24 dev eth1",
        "route add default via 10.13.0.254 table 10",
    ),
    "vrfvlan": (
        *bond("bond0", "eth0"),
        "link add link bond0 name bond0.7 type vlan id 7",
        "link set bond0.7 up",
        *vrf("prod", 11, "bond0.7"),
        "addr add 10.30.0.5/24 dev bond0.7",
        "route add default via 10.30.0.254 table 11",
    ),
}

ETH0 = (*wires("eth0"), "addr add 10.33.0.5/24 dev eth0", "route add default via 10.33.0.254")

# What was not recorded, each with an address in 10.34.0.0/16 beside that of ETH0, or with that on another link.
OTHERS: Mapping[str, tuple[str, ...]] = {
    "a default route over GRE with a source": (
        *ETH0[:-1],
        "link add gre1 type gre local 10.33.0.5 remote 10.33.0.254",
        "link set gre1 up",
        "route add default dev gre1 src 10.33.0.5",
    ),
    "a VLAN of a GRE tunnel, with the default route": (
        *ETH0[:-1],
        "link add gt1 type gretap local 10.33.0.5 remote 10.33.0.254",
        "link set gt1 up",
        "link add link gt1 name gt1.5 type vlan id 5",
        "link set gt1.5 up",
        "addr add 10.34.0.5/24 dev gt1.5",
        "route add default via 10.34.0.254",
    ),
    "a macvlan of a dummy device": (
        *ETH0[:-1],
        *DUMMY0,
        "link add link dummy0 name mac0 type macvlan mode bridge",
        "link set mac0 up",
        "addr add 10.34.0.5/24 dev mac0",
    ),
    "a macvlan for the host's way to its containers": (
        *ETH0,
        "link add link eth0 name mac0 type macvlan mode bridge",
        "addr add 10.33.0.250/32 dev mac0",
        "link set mac0 up",
        "route add 10.33.0.192/27 dev mac0",
    ),
    "a default route into a VRF": (
        *wires("eth0", "eth1"),
        *vrf("mgmt", 10, "eth1"),
        "addr add 10.33.0.5/24 dev eth0",
        "addr add 10.34.0.5/24 dev eth1",
        "route add default via 10.34.0.254 table 10",
        "route add default dev mgmt",
    ),
    "a bridge in a VRF, and an address of the VRF itself": (
        *ETH0,
        *wires("eth1"),
        "link add br0 type bridge",
        "link set eth1 master br0",
        "link set br0 up",
        *vrf("mgmt", 10, "br0"),
        "addr add 10.34.0.5/24 dev br0",
        "addr add 10.34.1.5/32 dev mgmt",
    ),
    "a macvlan of a VLAN of a bond": (
        *bond("bond0", "eth0"),
        "link add link bond0 name bond0.100 type vlan id 100",
        "link set bond0.100 up",
        "link add link bond0.100 name mac0 type macvlan mode bridge",
        "link set mac0 up",
        "addr add 10.33.0.5/24 dev mac0",
        "route add default via 10.33.0.254",
    ),
    "a bridge over MACsec": (
        *wires("eth0"),
        "link add link eth0 name macsec0 type macsec",
        "link set macsec0 up",
        "link add br0 type bridge",
        "link set macsec0 master br0",
        "link set br0 up",
        "addr add 10.33.0.5/24 dev br0",
        "route add default via 10.33.0.254",
    ),
    "a bridge over a mesh": (
        *wires("eth0"),
        "link add bat0 type batadv",
        "link set eth0 master bat0",
        "link set bat0 up",
        "link add br0 type bridge",
        "link set bat0 master br0",
        "link set br0 up",
        "addr add 10.33.0.5/24 dev br0",
        "route add default via 10.33.0.254",
    ),
    "a team": (
        *wires("eth0"),
        "link set eth0 down",
        "link add team0 type team",
        "link set eth0 master team0",
        "link set team0 up",
        "addr add 10.33.0.5/24 dev team0",
        "route add default via 10.33.0.254",
    ),
}
