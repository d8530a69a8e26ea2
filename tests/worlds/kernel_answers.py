"""The kernel's answers through the real decoders. What is answered with the same bytes as before is decoded once."""

from collections.abc import Iterator
from functools import lru_cache
from ipaddress import ip_address
from typing import NamedTuple

from calico_agent.model.network.address import Family, IPAddress
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.network.policy_rule import tables_before_main
from calico_agent.model.network.route import TABLE_MAIN
from calico_agent.sources.kernel.decode.fib import decode_routes
from calico_agent.sources.kernel.decode.neighbors import decode_forwarding, decode_neighbours
from calico_agent.sources.kernel.decode.netconf import decode_forwards
from calico_agent.sources.kernel.decode.policy_rules import decode_rules
from calico_agent.sources.kernel.decode.route import decode_source
from calico_agent.sources.kernel.links import links_in
from tests.worlds.model import netlink
from tests.worlds.model.reach import Machine

_FAR = {Family.IPV4: ip_address("8.8.8.8"), Family.IPV6: ip_address("2001:4860:4860::8888")}
_KEPT = 64  # kernels: some more than one case has hosts

LookUps = tuple[tuple[IPAddress, bytes], ...]


class Answers(NamedTuple):
    """What a kernel answers: dumps, of each family where there are two, and look-ups."""

    links: bytes
    addresses: bytes
    rules: tuple[bytes, bytes]
    routes: tuple[bytes, bytes]
    forwards: tuple[bytes, bytes]
    neighbours: bytes
    forwarding: bytes
    sources: LookUps
    default_sources: LookUps


def kernel_of(machine: Machine, destinations: Iterator[IPAddress]) -> Kernel:
    """What is read of it, with look-ups towards these destinations and to the rest of the world."""
    devices, tables, on = machine.devices, machine.tables, machine.host.trouble.forwarding
    default = (one for one in _FAR.items() if tables.in_table(one[1], TABLE_MAIN) is not None)
    return _decoded(
        Answers(
            links=netlink.links(devices),
            addresses=netlink.addresses(devices),
            rules=(netlink.rules(tables.rules, 4), netlink.rules(tables.rules, 6)),
            routes=(netlink.routes(tables, devices, 4), netlink.routes(tables, devices, 6)),
            forwards=(netlink.forwards(devices, 4, forwarding=on), netlink.forwards(devices, 6, forwarding=on)),
            neighbours=netlink.neighbours(_neighbours(machine), devices),
            forwarding=netlink.forwarding(machine.forwarding, devices),
            sources=tuple((one, netlink.look_up(machine, one)) for one in destinations),
            default_sources=tuple((one, netlink.look_up(machine, one)) for _, one in default),
        )
    )


@lru_cache(_KEPT)
def _decoded(said: Answers) -> Kernel:
    links = links_in([said.links], [said.addresses])
    names = {one.index: one.name for one in links}
    rules = {one: decode_rules([dump], one) for one, dump in zip(Family, said.rules, strict=True)}
    others = sorted(tables_before_main(rules.values()))
    routes = {one: [dump] for one, dump in zip(Family, said.routes, strict=True)}
    fib, *rest = (decode_routes(routes, names, table=table) for table in (TABLE_MAIN, *others))
    tunnels = frozenset(one.index for one in links if one.kind == "vxlan")
    return Kernel(
        links=links,
        fib=fib,
        lookups=tuple(decode_source(answer, one, names) for one, answer in said.sources),
        default_lookups=tuple(decode_source(answer, one, names) for one, answer in said.default_sources),
        neighbours=decode_neighbours([said.neighbours], names, tunnels),
        fdb=decode_forwarding([said.forwarding], names),
        rules=rules,
        tables=dict(zip(others, rest, strict=True)),
        ip_forward={one: decode_forwards([dump], one, names) for one, dump in zip(Family, said.forwards, strict=True)},
    )


def _neighbours(machine: Machine) -> list[tuple[str, IPAddress, str, int]]:
    devices = {one.name for one in machine.devices}
    calico = [(one.device, one.address, one.mac, 0x80) for one in machine.neighbours if one.device in devices]
    return [*calico, *machine.host.trouble.neighbours]
