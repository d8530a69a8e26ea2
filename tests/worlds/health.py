"""What is said of a world that is well, and what does not work there by the model's own tables: nothing."""

from collections.abc import Iterator

from calico_agent.model.finding import Finding, Severity, Status
from tests.worlds.looking import Look, look_at
from tests.worlds.model.settle import Settled, settle
from tests.worlds.model.startup import node_name
from tests.worlds.model.values import CROSS_SUBNET, World


def unreached(settled: Settled) -> Iterator[str]:
    """The pods that a host does not reach, by the model's own tables."""
    world = settled.world
    for host in world.hosts:
        for other in world.hosts:
            for pod in other.pods:
                for address in pod.addresses:
                    arrival = settled.network.send(host.hostname, address)
                    if (arrival.host, arrival.pod) != (other.hostname, pod.link):
                        yield f"not reached: {pod.name} of {other.hostname}, {address}, from {host.hostname}: {arrival}"


def complaints(look: Look, world: World) -> Iterator[str]:
    """What an agent says of a host on which all is well."""
    for one in look.findings:
        if one.severity is not Severity.INFO and not deserved(one, world):
            yield f"{one.severity.name} {one.code}: on {look.hostname} of {one.subject}: {one.what} | {one.why}"
    for condition in look.assessment.conditions:
        if condition.status is not Status.TRUE and condition.reason != "NotJudged":
            yield f"{condition.type.value} is {condition.status.value}: on {look.hostname}: {condition.message}"


def deserved(finding: Finding, world: World) -> bool:
    """Whether a remark is right of a world that works."""
    return finding.severity is Severity.WARNING and any(rule(finding, world) for rule in _REMARKS)


def _short_prefix(finding: Finding, world: World) -> bool:
    """A prefix length that makes CrossSubnet tunnel everything."""
    node = world.node(finding.node or finding.subject)
    registered = [one for one in (node.ipv4, node.ipv6) if one is not None] if node is not None else []
    crossing = any(CROSS_SUBNET in {pool.ipip, pool.vxlan} for pool in world.pools)
    alone = any(one.network.prefixlen == one.max_prefixlen for one in registered)
    return finding.code == "IP-PREFIX" and crossing and alone


def _renamed(finding: Finding, world: World) -> bool:
    """A host that is called otherwise than its node."""
    name = finding.node or finding.subject
    called = (host.hostname for host in world.hosts if node_name(world, host) == name)
    return finding.code == "NAME-MISMATCH" and any(one != name for one in called)


def _leftover(finding: Finding, world: World) -> bool:
    """What IPAM has of a node without a record, and an address that no pod has any more."""
    if finding.code == "NODE-NO-RECORD":
        return world.node(finding.subject) is None
    pods = {each for host in world.hosts for pod in host.pods for each in pod.addresses}
    prefix = finding.prefix
    if prefix is None or prefix.prefixlen != prefix.max_prefixlen:
        return False
    return finding.code.endswith("-MISSING") and prefix.network_address not in pods


def _overlap(finding: Finding, world: World) -> bool:
    """A network of this host in which a block lies: chance put it there, out of the pool around both."""
    prefix = finding.prefix
    shared = (prefix is not None and prefix.overlaps(one.cidr) for one in world.blocks)
    return finding.code == "RT-OVERLAP" and any(shared)


def _service(finding: Finding, world: World) -> bool:
    """A single service address that nodes advertise: what the hosts themselves send there is dropped."""
    return finding.code == "RT-SERVICES" and finding.prefix in world.bgp.services


_REMARKS = (_short_prefix, _renamed, _leftover, _overlap, _service)


def false_alarms(world: World) -> list[str]:
    """What is said of a healthy world."""
    settled = settle(world)
    return [*unreached(settled), *(said for look in look_at(settled) for said in complaints(look, world))]
