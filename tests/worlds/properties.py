"""What holds of worlds, as functions that give the reasons why it does not."""

import re
from collections.abc import Iterator

from calico_agent.model.container.action import ReplaceContainer
from calico_agent.model.finding import Finding, Severity
from tests.worlds.agents import Agents, acts_in_pause
from tests.worlds.cures import uncured
from tests.worlds.faults import NO_CONTAINERS, Fault
from tests.worlds.health import complaints, deserved, false_alarms
from tests.worlds.looking import Look, look_at
from tests.worlds.model import history
from tests.worlds.model.settle import settle
from tests.worlds.model.startup import node_name
from tests.worlds.model.values import ETCD, World
from tests.worlds.strategies import Case


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


def replaced(case: Case) -> Iterator[str]:
    """What agents that supervise say or would do in the course of a healthy history, and what too much at its end."""
    agents = Agents()
    for step, world in enumerate(map(supervised, case.walk)):
        for look, plan in agents.follow(settle(world)):
            if plan.action is not None or plan.doing != _idle(world):  # else it is about to do something
                said = [one.what for one in look.roots]
                yield f"plans: after {step} steps: on {look.hostname}: {plan.doing}; {said}"
            yield from (f"supervised: after {step} steps: {said}" for said in complaints(look, world))
    yield from _overdone(agents, supervised(case.world), case.fault, case.hostname)


def _idle(world: World) -> str:
    """What an agent that supervises says of a container with which all is well."""
    if world.store == ETCD:
        return "calico-node is running"
    return "not starting calico/node: calico/node is given a kubeconfig, and [datastore] names none"


def _overdone(agents: Agents, world: World, fault: Fault, hostname: str) -> Iterator[str]:
    """Containers that would be replaced in the end with a fault on hosts that it is not on, or that it is none of."""
    broken = fault.do(world, hostname)
    if broken is None or not _all_registered(broken):
        return
    for look, plan in agents.follow(settle(broken)):
        name = node_name(broken, broken.host(look.hostname))
        untouched = broken.node(name) is not None and broken.node(name) == world.node(name)
        other = look.hostname != hostname or fault in NO_CONTAINERS
        if untouched and other and isinstance(plan.action, ReplaceContainer):
            yield f"overdone: {fault.name}: on {look.hostname} of {hostname}: {plan.doing}; {_said([look])}"


def _all_registered(world: World) -> bool:
    """Whether each calico/node can be one that an agent made for its node."""
    nodes = [world.node(node_name(world, host)) for host in world.hosts]
    return all(one is not None and (one.ipv4 or one.ipv6) is not None for one in nodes)


def misjudged(world: World, fault: Fault, hostname: str) -> list[str]:
    """What is wrong with what is said of a world with one fault: no right root, or blame for a host that is well."""
    name = node_name(world, world.host(hostname))
    broken = fault.do(world, hostname)
    if broken is None:
        return []
    settled = settle(broken)
    looks = look_at(settled)
    knowing = [one for one in looks if (one.hostname == hostname) is fault.here]
    found = list(_silent(broken, knowing, fault, hostname))
    found += uncured(world, broken, looks, knowing, fault)
    if hostname in settled.machines:
        found += acts_in_pause(settled, hostname)
    healthy = {node_name(broken, one) for one in broken.hosts} - {name, node_name(broken, broken.host(hostname))}
    for look in looks if not fault.everywhere else ():
        for root in look.roots if look.hostname != hostname else ():
            if _blames(root, look.hostname, healthy) and not deserved(root, broken):
                found.append(f"blame: {fault.name}: of {hostname}, on {look.hostname} for {root.node}: {_said([look])}")
    return found


def _silent(broken: World, knowing: list[Look], fault: Fault, hostname: str) -> Iterator[str]:
    """Whether the right root is not the first one, or something is not said that must be."""
    told = (
        [root.code for root in look.roots if root.code in fault.roots or not deserved(root, broken)] for look in knowing
    )
    first = {each[0] for each in told if each}
    if knowing and not first & fault.roots:
        yield f"silent: {fault.name}: on {hostname}: {_said(knowing)}"
    elif knowing and (lost := fault.follows - {one.code for look in knowing for one in look.findings}):
        yield f"silent: {fault.name}: no {sorted(lost)} on {hostname}: {_said(knowing)}"


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
    return found or [*replaced(case), *misjudged(case.world, case.fault, case.hostname)]
