"""What holds of worlds, as functions that give the reasons why it does not."""

import re
from collections.abc import Iterator

from calico_agent.model.finding import Finding, Severity, Status
from tests.worlds.agents import Agents
from tests.worlds.faults import Fault
from tests.worlds.heal import heal
from tests.worlds.looking import Look, look_at
from tests.worlds.model import history
from tests.worlds.model.settle import Settled, settle
from tests.worlds.model.startup import node_name
from tests.worlds.model.values import CROSS_SUBNET, World
from tests.worlds.strategies import Case


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


_REMARKS = (_short_prefix, _renamed, _leftover)


def false_alarms(world: World) -> list[str]:
    """What is said of a healthy world."""
    settled = settle(world)
    return [*unreached(settled), *(said for look in look_at(settled) for said in complaints(look, world))]


def supervised(world: World) -> World:
    """The same world, in which agents have made every calico/node: with exactly the name and addresses of its node."""
    for host in world.hosts:
        node = world.node(node_name(world, host))
        held = {one.ip: one for link in host.links for one in link.addresses}
        given = {} if node is None else {"IP": node.ipv4, "IP6": node.ipv6}
        env = {name: str(held[one.ip]) for name, one in given.items() if one is not None}
        if node is not None and env:
            world = history.restart(world, host.hostname, NODENAME=node.name, **env)
    return world


def replaced(walk: tuple[World, ...]) -> Iterator[str]:
    """What agents that supervise say or would do in the course of a healthy history."""
    agents = Agents()
    for step, world in enumerate(map(supervised, walk)):
        for look, plan in agents.follow(settle(world)):
            if plan.action is not None or plan.doing != "calico-node is running":  # else it is about to do something
                said = [one.what for one in look.roots]
                yield f"plans: after {step} steps: on {look.hostname}: {plan.doing}; {said}"
            yield from (f"supervised: after {step} steps: {said}" for said in complaints(look, world))


def misjudged(world: World, fault: Fault, hostname: str) -> list[str]:
    """What is wrong with what is said of a world with one fault: no right root, or blame for a host that is well."""
    name = node_name(world, world.host(hostname))
    broken = fault.do(world, hostname)
    if broken is None:
        return []
    looks = look_at(settle(broken))
    knowing = [one for one in looks if (one.hostname == hostname) is fault.here]
    found = [f"silent: {fault.name}: on {hostname}: {_said(knowing)}"]
    if any(root.code in fault.roots for look in knowing for root in look.roots) or not knowing:
        found = []
    found += _still_ill(world, broken, knowing, fault)
    healthy = {node_name(broken, one) for one in broken.hosts} - {name, node_name(broken, broken.host(hostname))}
    for look in looks if not fault.everywhere else ():
        for root in look.roots if look.hostname != hostname else ():
            if _blames(root, look.hostname, healthy) and not deserved(root, broken):
                found.append(f"blame: {fault.name}: of {hostname}, on {look.hostname} for {root.node}: {_said([look])}")
    return found


def _still_ill(world: World, broken: World, knowing: list[Look], fault: Fault) -> Iterator[str]:
    """What is wrong after each cure that the model can do: all hosts must be well, whatever host it was done on.

    Most cures lead back to the world of before, in which nothing was wrong, and others to the same as the one before.
    """
    seen: list[tuple[World, list[str]]] = [(world, [])]
    for look in knowing:
        for root in look.roots if fault.curable else ():
            healed = heal(broken, look.hostname, root.cure) if root.code in fault.roots else None
            if healed is None:
                continue
            left = next((found for one, found in seen if one == healed), None)
            if left is None:
                left = false_alarms(healed)
                seen.append((healed, left))
            if left:
                yield f"not healed: {fault.name}: by {root.cure!r} on {look.hostname}: {left[:3]}"


def _blames(root: Finding, here: str, healthy: set[str]) -> bool:
    """Whether it sends people to a host that is well, or says that something is wrong with that host itself."""
    sent = (re.search(rf"(?<![\w.-])on {re.escape(one)}(?![\w-])", root.cure) for one in healthy)
    own = root.node == here and root.code.startswith(("IP-", "NAME-", "NODE-", "SV-", "BIRD-"))
    return root.severity is not Severity.INFO and (own or any(sent))


def _said(looks: list[Look]) -> str:
    return "; ".join(f"{root.code} {root.subject}: {root.what}" for look in looks for root in look.roots)


def wrong(case: Case) -> list[str]:
    """All that does not hold of a world, and of the same with its fault."""
    found = false_alarms(case.world)
    return found or [*replaced(case.walk), *misjudged(case.world, case.fault, case.hostname)]
