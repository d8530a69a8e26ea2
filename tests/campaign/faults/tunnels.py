"""VXLAN: the device, and the way behind it."""

from collections.abc import Iterator

from tests.campaign.deeds import again_and_again, on
from tests.campaign.fault import fault
from tests.lab.lab import Lab
from tests.lab.options import Pool

DEVICE = "vxlan.calico"


@fault("host1", "RT-TUNNEL-DEVICE", touches="host1", pool=Pool.VXLAN)
def tunnel_down(lab: Lab) -> Iterator[None]:
    """vxlan.calico of host1 is switched off."""
    on(lab, "host1", f"ip link set {DEVICE} down")
    yield
    on(lab, "host1", f"ip link set {DEVICE} up")


@fault("host2", "RT-TUNNEL-DEVICE", touches="host2", pool=Pool.VXLAN)
def tunnel_gone(lab: Lab) -> Iterator[None]:
    """vxlan.calico of host2 is deleted ten times a second."""
    with again_and_again(lab, "host2", f"ip link del {DEVICE}"):
        yield


@fault("host1", "RT-TUNNEL", touches="host1", pool=Pool.VXLAN)
def tunnel_to_another_host(lab: Lab) -> Iterator[None]:
    """The entry for host2's hardware address on vxlan.calico of host1 leads to the router; ten times a second."""
    rows = [line.split() for line in on(lab, "host1", f"bridge fdb show dev {DEVICE}").splitlines()]
    mac = next(row[0] for row in rows if "10.77.0.12" in row)
    on(lab, "host1", f"bridge fdb del {mac} dev {DEVICE} dst 10.77.0.12")
    wrong = f"bridge fdb replace {mac} dev {DEVICE} dst 10.77.0.1 self permanent"
    with again_and_again(lab, "host1", wrong):
        yield


@fault("host3", "RT-TUNNEL", touches="host3", pool=Pool.VXLAN)
def tunnel_neighbour_missing(lab: Lab) -> Iterator[None]:
    """The neighbour entry for host1's tunnel address on host3 is deleted ten times a second."""
    rows = [line.split() for line in on(lab, "host3", f"bridge fdb show dev {DEVICE}").splitlines()]
    mac = next(row[0] for row in rows if "10.77.0.11" in row)
    near = [line.split() for line in on(lab, "host3", f"ip neighbour show dev {DEVICE}").splitlines()]
    tunnel = next(row[0] for row in near if mac in row)
    with again_and_again(lab, "host3", f"ip neighbour del {tunnel} dev {DEVICE}"):
        yield
