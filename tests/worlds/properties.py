"""What holds of worlds, as functions that give the reasons why it does not."""

from collections.abc import Callable, Iterator

from calico_agent.model.finding import Finding, Severity, Status
from tests.worlds.looking import Look, look_at
from tests.worlds.model.settle import Settled, settle
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
    """Whether a remark is right of a world that works: a prefix length that makes CrossSubnet tunnel everything."""
    node = world.node(finding.node or finding.subject)
    registered = [one for one in (node.ipv4, node.ipv6) if one is not None] if node is not None else []
    crossing = any(CROSS_SUBNET in {pool.ipip, pool.vxlan} for pool in world.pools)
    alone = any(one.network.prefixlen == one.max_prefixlen for one in registered)
    return finding.code == "IP-PREFIX" and finding.severity is Severity.WARNING and crossing and alone


def false_alarms(world: World) -> list[str]:
    """What is said of a healthy world."""
    settled = settle(world)
    return [*unreached(settled), *(said for look in look_at(settled) for said in complaints(look, world))]


PROPERTIES: tuple[Callable[[World], list[str]], ...] = (false_alarms,)
