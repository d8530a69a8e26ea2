"""What worlds in which IPAM has no address left have found, and has been mended: each case with its sentence."""

from dataclasses import replace
from ipaddress import ip_network

from tests.worlds.looking import Look, look_at
from tests.worlds.model import history
from tests.worlds.model.settle import settle
from tests.worlds.model.values import ALWAYS, Pool, World
from tests.worlds.plain import plain


def scarce() -> World:
    """IPAM lends nothing, and has one block with VXLAN for three nodes: host1 has it with its tunnel address."""
    one_block = Pool("scarce", ip_network("198.18.5.0/26"), vxlan=ALWAYS)
    return history.add_pod(history.add_pool(replace(plain(), strict=True), one_block), "host1", "web-1", (4,))


def on_host2(world: World) -> Look:
    return next(one for one in look_at(settle(world)) if one.hostname == "host2")


def test_a_node_for_whose_tunnel_ipam_has_no_address_is_told_so() -> None:
    """Felix makes no device there; that another device could be in its way, or a restart could help, is not so."""
    (root,) = on_host2(scarce()).roots
    assert root.code == "RT-TUNNEL-DEVICE"
    assert "does not exist: the record of node host2 has no address for it" in root.what
    assert "make one more pool with VXLAN" in root.cure


def test_and_its_calico_node_does_not_start_again() -> None:
    """Its start-up ends with that: a world in which hosts run without their tunnel's address is not well."""
    look = on_host2(history.restart(scarce(), "host2"))
    assert look.roots[0].code == "SV-EXITED"
    assert "IPAM has no IPv4 address for this node's end of the tunnels" in look.roots[0].what
