"""A pod, as the CNI plugin makes it: an address, a veth pair with the host's end `cali...`, an endpoint
record.

Runs on the host, `python -m tests.lab.image.cni NAME`, with calico/node's datastore environment; prints the
addresses. The node's name is what calico/node left in /var/lib/calico/nodename: if that is wrong, the pod is
registered wrongly, as in life.
"""

import hashlib
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

from tests.lab.image import ipam, keys
from tests.lab.image.connection import connect
from tests.lab.image.objects import endpoint_name, link_of
from tests.lab.image.startup import NODENAME_FILE
from tests.lab.image.store import SettingsError, Store, UnavailableError

NETWORK = "lab"
_GATEWAY = "169.254.1.1"
_HOST_MAC = "ee:ee:ee:ee:ee:ee"

Address = IPv4Address | IPv6Address


def add(store: Store, node: str, pod: str) -> tuple[Address, ...]:
    """Make one pod; returns its addresses, IPv4 first.

    Raises:
        ipam.ExhaustedError: no address is free.
    """
    families = sorted({6 if ":" in v["spec"]["cidr"] else 4 for v in store.list(keys.POOLS).items.values() if v})
    moment = datetime.now(UTC)
    timestamp = f"{moment:%Y-%m-%d %H:%M:%S}.{time.time_ns() % 10**9:09d} +0000 UTC"
    attributes = {"node": node, "timestamp": timestamp}
    if store.kubernetes:
        attributes |= {"namespace": "default", "pod": pod}
    addresses = tuple(
        ipam.assign(store, ipam.Claim(node, f"{NETWORK}.{pod}", attributes, version)) for version in families
    )
    link = link_of("default", pod) if store.kubernetes else _link(pod)
    mac = _make_link(link, pod, addresses)
    if not store.kubernetes:  # there each namespace is one
        store.create(keys.resource_key("profiles", NETWORK), keys.new_resource("profiles", NETWORK, _profile()))
    name = endpoint_name(node, pod)
    store.put(
        keys.resource_key("workloadendpoints", f"default/{name}"),
        keys.new_resource(
            "workloadendpoints",
            name,
            {
                "orchestrator": "cni",
                "node": node,
                "containerID": pod,
                "endpoint": "eth0",
                "ipNetworks": [f"{address}/{address.max_prefixlen}" for address in addresses],
                "profiles": [NETWORK],
                "interfaceName": link,
                "mac": mac,
            },
            namespace="default",
            labels={"projectcalico.org/namespace": "default", "projectcalico.org/orchestrator": "cni"},
        ),
    )
    return addresses


def _link(pod: str) -> str:
    return f"cali{pod}" if len(pod) <= 11 else f"cali{hashlib.sha1(pod.encode()).hexdigest()[:11]}"


def _make_link(link: str, pod: str, addresses: tuple[Address, ...]) -> str:
    """The pod's namespace and its link, with routes on both sides; returns the MAC of the pod's end."""
    inside = f"netns exec {pod} ip"
    _ip(f"netns add {pod}")
    _ip(f"link add {link} address {_HOST_MAC} type veth peer name eth0 netns {pod}")
    # The pod asks for a gateway that nobody has; the host answers for it, at once.
    Path(f"/proc/sys/net/ipv4/conf/{link}/proxy_arp").write_text("1")
    Path(f"/proc/sys/net/ipv4/neigh/{link}/proxy_delay").write_text("0")
    _ip(f"link set {link} up")
    _ip(f"{inside} link set lo up")
    _ip(f"{inside} link set eth0 up")
    for address in addresses:
        # proto boot, which is also what Felix writes, so that it finds its own route
        metric = " metric 1024" if address.version == 6 else " scope link"
        _ip(f"route add {address} dev {link}{metric}")
        if isinstance(address, IPv4Address):
            _ip(f"{inside} address add {address}/32 dev eth0")
            _ip(f"{inside} route add {_GATEWAY} dev eth0")
            _ip(f"{inside} route add default via {_GATEWAY} dev eth0")
        else:
            _ip(f"{inside} address add {address}/128 dev eth0 nodad")
            gateway = _link_local(_HOST_MAC)
            _ip(f"{inside} -6 route add default via {gateway} dev eth0")
    return _ip(f"{inside} -brief link show eth0").split()[2]


def _link_local(mac: str) -> str:
    """The IPv6 link-local address that the kernel makes of a MAC (RFC 4291, appendix A)."""
    octets = [int(part, 16) for part in mac.split(":")]
    octets[0] ^= 2
    identifier = bytes((*octets[:3], 0xFF, 0xFE, *octets[3:]))
    return str(IPv6Address(b"\xfe\x80" + bytes(6) + identifier))


def _ip(arguments: str) -> str:
    return subprocess.run(("ip", *arguments.split()), check=True, capture_output=True, text=True).stdout


def _profile() -> dict[str, Any]:
    return {
        "ingress": [{"action": "Allow", "source": {"selector": f"has({NETWORK})"}, "destination": {}}],
        "egress": [{"action": "Allow", "source": {}, "destination": {}}],
        "labelsToApply": {NETWORK: ""},
    }


def main() -> None:
    """Make the pod that the argument names."""
    try:
        node = NODENAME_FILE.read_text()
    except FileNotFoundError:
        sys.exit(
            f"stat {NODENAME_FILE}: no such file or directory: check that the calico/node container is running and has "
            f"mounted {NODENAME_FILE.parent}/"
        )
    try:
        addresses = add(connect(os.environ), node, sys.argv[1])
    except (SettingsError, UnavailableError, ipam.ExhaustedError) as failure:
        sys.exit(str(failure))
    except subprocess.CalledProcessError as failure:
        sys.exit(f"{' '.join(failure.cmd)}: {failure.stderr.strip()}")
    print(" ".join(str(address) for address in addresses))


if __name__ == "__main__":
    main()
