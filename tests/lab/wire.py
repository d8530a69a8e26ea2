"""The network between the hosts: one bridge, and a veth pair to each host's eth0."""

import subprocess
from ipaddress import IPv4Interface

from tests.lab.errors import LabError
from tests.lab.namespaces import Sandbox
from tests.lab.options import WIRE_ADDRESS, WIRE_ADDRESS6, Options, address6


def build_wire(wire: Sandbox, hosts: tuple[Sandbox, ...], options: Options) -> None:
    """Join the hosts, give them their addresses and a default route to the wire.

    Raises:
        LabError: the kernel cannot do what the pool needs.
    """
    wire.ip(
        "link add br0 type bridge mcast_snooping 0",
        f"address add {WIRE_ADDRESS} dev br0",
        *((f"address add {WIRE_ADDRESS6} dev br0 nodad",) if options.ipv6 else ()),
        "link set br0 up",
    )
    if options.pool.is_ipip and not can_tunnel(wire):
        raise LabError(f"--pool {options.pool}: this kernel has no ipip links; add --kernel uml, or use another pool")
    for host in hosts:
        _connect(host, wire)
        address = options.address(host.name)
        wire.ip(f"link set {host.name} up", *_port(host.name, address))
        host.ip(
            f"address add {address} dev eth0",
            *((f"address add {address6(host.name)} dev eth0 nodad",) if options.ipv6 else ()),
            "link set eth0 up",
            f"route add default via {address.network[1]}",
        )


def _port(host: str, address: IPv4Interface) -> tuple[str, ...]:
    """A host of another network has the wire as its router, at the other end of its link."""
    if address.network == WIRE_ADDRESS.network:
        return (f"link set {host} master br0",)
    return (f"address add {address.network[1]}/{address.network.prefixlen} dev {host}",)


def can_tunnel(wire: Sandbox) -> bool:
    """Whether the kernel has IPIP. A tunnel from any to any is there already, as tunl0, where it has."""
    ends = ("local", "192.0.2.1", "remote", "192.0.2.2")
    if wire.run("ip", "link", "add", "try", "type", "ipip", *ends, check=False).returncode:
        return False
    wire.ip("link del try")
    return True


def _connect(host: Sandbox, wire: Sandbox) -> None:
    """A veth pair: eth0 in the host, a port named after it on the wire. It is never in the machine's namespace."""
    near = ("ip", "link", "add", "name", "eth0", "netns", str(host.init), "type", "veth")
    far = ("peer", "name", host.name, "netns", str(wire.init))
    subprocess.run((*near, *far), check=True)
