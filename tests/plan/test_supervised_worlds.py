"""What holds in every world: nothing is started against a guard, and what is announced is what is done.

The worlds are all combinations of what can differ between a container and what is wanted, of which a part is looked at.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from ipaddress import ip_interface
from itertools import product

from hypothesis import settings

from calico_agent.checks.assessment import assess
from calico_agent.expected.local_node import node_container
from calico_agent.model.assessment import Assessment
from calico_agent.model.calico.node import Datastore, Node
from calico_agent.model.container.action import (
    Action,
    ClearRestartPolicy,
    CreateContainer,
    Promote,
    ReplaceContainer,
    RestartContainer,
    Retire,
    StartContainer,
)
from calico_agent.model.container.container import (
    LABEL_MANAGED_BY,
    LABEL_SPEC_HASH,
    MANAGED_BY,
    Container,
    ContainerSpec,
    ContainerState,
    Docker,
)
from calico_agent.model.container.image import LocalImage
from calico_agent.model.container.supervision import Attempts, Plan, Supervising
from calico_agent.model.finding import Finding
from calico_agent.model.host.claimant import Machine
from calico_agent.model.host.conflicting_process import ConflictingProcess
from calico_agent.model.host.machine import Host
from calico_agent.model.identity import Candidate, Identity, NameChoice
from calico_agent.model.name_lease import AliveSign, NameOwner
from calico_agent.model.network.address import Link
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.model.settings import (
    DatastoreSettings,
    DriftPolicy,
    Mode,
    NodeSettings,
    OnChange,
    SuperviseSettings,
)
from calico_agent.plan.desired_container import wanted_container
from calico_agent.plan.progress import progress_of
from calico_agent.plan.remediation import plan_supervision
from calico_agent.plan.start_gates import apply_start_gates, decide_wanted
from calico_agent.plan.succession import judge_succession
from calico_agent.report.timeline import Sightings, advance
from tests.checks.cluster import AT, CONTAINER, DOCKER0, ETH0, HEALTHY, IDENTITY, node, stored

MOST = 15 * settings().max_examples
ETCD = DatastoreSettings(endpoints=("http://10.77.0.1:2379",))
NODE = NodeSettings(image=CONTAINER.image)
VIP = Candidate(ip_interface("10.77.0.100/24"), "eth0")
US = Machine("a" * 32, "boot-1", ("52:54:00:00:00:01",), "host1", "10.77.0.11")
OTHER = Machine("b" * 32, "boot-2", ("52:54:00:00:00:09",), "host9", "10.77.0.19")
LONG = timedelta(hours=1)
NO_BIRD = Unreadable("BIRD", "nobody answers", "refused")
ANNOUNCED = re.compile(r"calico-agent (makes|replaces|takes)")
ON_REQUEST = re.compile(r"docker rm -f \S+: calico-agent then makes")


@dataclass(frozen=True)
class World:
    """One combination."""

    container: Container | None
    identity: Identity
    nodes: tuple[Node, ...]
    owner: Machine | None
    rivals: tuple[ConflictingProcess, ...]
    settings: SuperviseSettings

    @property
    def observation(self) -> Observation:
        runs = self.container is not None and self.container.running
        containers = (self.container,) if self.container is not None else ()
        claims = (NameOwner("host1", self.owner, AT - LONG, "{}"), AliveSign("host1", self.owner)) if self.owner else ()
        assert isinstance(HEALTHY.kernel, Kernel)
        return replace(
            stored(nodes=self.nodes, claims=claims),
            host=Host(self.identity.name.name or "", US.machine_id, boot_id=US.boot_id),
            kernel=replace(HEALTHY.kernel, links=(Link(2, "eth0", mac=US.macs[0]),)),
            docker=Docker(containers=containers, image=LocalImage(NODE.image, "sha256:0")),
            bird=HEALTHY.bird if runs else NO_BIRD,
            rivals=self.rivals,
        )


def containers() -> Iterator[Container | None]:
    yield None
    states = (ContainerState.RUNNING, ContainerState.EXITED, ContainerState.PAUSED)
    names, addresses = ("host1", "host2", "old"), ("10.77.0.11/24", "10.77.0.77/24", "172.17.0.1/16")
    for state, name, address, managed in product(states, names, addresses, (True, False)):
        yield made(state, name, address, managed=managed)
    yield replace(made(ContainerState.RUNNING, "host1", "10.77.0.11/24", managed=True), restart_policy="always")
    yield replace(made(ContainerState.RUNNING, "host1", "10.77.0.11/24", managed=True), image="calico/node:v3.30.0")


def made(state: ContainerState, name: str, address: str, *, managed: bool) -> Container:
    spec = wanted_container(NODE, ETCD, IDENTITY)
    env = {**dict(spec.env), "NODENAME": name, "IP": address}
    return replace(
        CONTAINER,
        state=state,
        finished_at=AT - LONG if state is ContainerState.EXITED else None,
        env=tuple(sorted(env.items())),
        image_env=(),
        mounts=spec.mounts,
        labels=((LABEL_MANAGED_BY, MANAGED_BY), (LABEL_SPEC_HASH, "made-before")) if managed else (),
        network_mode="host",
        privileged=True,
    )


def identities() -> Iterator[Identity]:
    names = (NameChoice("host1", "host name"), NameChoice("edge-9", "host name"), NameChoice("edge-9", "configuration"))
    for name, chosen, rule in product(names, (ETH0, VIP), ("default route", "other nodes", "configured")):
        address = replace(IDENTITY.ipv4, chosen=chosen.interface, rule=rule, candidates=(VIP, ETH0, DOCKER0))
        yield replace(IDENTITY, name=name, ipv4=address)


def worlds() -> list[World]:
    others = (node("host2"), node("host3"))
    records = (
        (node("host1"), *others),
        others,
        (*others, node("thief", "10.77.0.11/24")),
        (node("host1"), *others, node("thief", "10.77.0.100/24")),
        (node("old", "10.77.0.11/24"), *others),
    )
    settings = [
        SuperviseSettings(on_drift=on_drift, on_identity_change=on_change, take_over=take_over)
        for on_drift, on_change, take_over in product(DriftPolicy, OnChange, (True, False))
    ]
    rivals: tuple[tuple[ConflictingProcess, ...], ...] = ((), (ConflictingProcess("BIRD", 812, "/usr/sbin/bird"),))
    every = list(product(containers(), identities(), records, (None, US, OTHER), rivals, settings))
    return [World(*parts) for parts in random.Random(11).sample(every, MOST)]


def looked_at(world: World) -> tuple[ContainerSpec, Assessment, Plan]:
    """What is wanted, found and done in the end: whatever was to be waited for has been waited for."""
    seen, spec = world.observation, wanted_container(NODE, ETCD, world.identity)
    container = node_container(seen.docker, NODE.name)
    succession = judge_succession(seen, world.identity, spec, container, world.settings)
    attempts = Attempts(drift=spec.hash, drift_since=AT - LONG)
    supervising = Supervising(spec, attempts, world.settings, succession)
    found = assess(seen, world.identity, mode=Mode.SUPERVISE, supervising=supervising)
    _, _, problems = advance(Sightings(), found, AT, timedelta(0))
    wanted = replace(
        apply_start_gates(decide_wanted(NODE, ETCD, world.identity, seen.datastore), found), succession=succession
    )
    plan = plan_supervision(
        seen.docker,
        wanted,
        attempts,
        world.settings,
        problems=problems,
        progress=progress_of(seen, found, container),
        etcd_since=AT - LONG,
        now=AT,
        hold_down=timedelta(seconds=10),
        jitter=0,
    )
    return spec, found, plan


def is_free(name: str, address: str, world: World) -> bool:
    """What the guards must come to, said in another way."""
    datastore = world.observation.datastore
    assert isinstance(datastore, Datastore)
    ip = ip_interface(address).ip
    taken = any(one.name != name and one.ipv4 is not None and one.ipv4.ip == ip for one in datastore.nodes)
    return not taken and not (name == "host1" and world.owner == OTHER) and not world.rivals


def findings(found: Assessment) -> Iterator[Finding]:
    for problem in found.problems:
        yield from (problem.cause, *problem.consequences)


Changes = CreateContainer | ReplaceContainer | Promote | Retire | ClearRestartPolicy


def test_nothing_is_started_against_a_guard_and_what_is_announced_is_what_is_done() -> None:
    seen: set[type[Action] | None] = set()
    for world in worlds():
        spec, found, plan = looked_at(world)
        wanted, action = dict(spec.env), plan.action
        seen.add(type(action) if action is not None else None)
        if isinstance(action, CreateContainer | ReplaceContainer | Promote | Retire):
            assert is_free(wanted["NODENAME"], wanted["IP"], world), (world, plan)
        if isinstance(action, StartContainer | RestartContainer):
            assert world.container is not None
            name, address = (world.container.env_value(variable) for variable in ("NODENAME", "IP"))
            assert is_free(name, address, world), (world, plan)
            assert ip_interface(address).ip in {ETH0.interface.ip, VIP.interface.ip, DOCKER0.interface.ip}, (
                world,
                plan,
            )
        texts = [f"{one.what}\n{one.effect}\n{one.cure}" for one in findings(found)]
        announced = [text for text in texts if ANNOUNCED.search(text)]
        if announced:
            assert isinstance(action, Changes), (world, plan, announced)
        elif world.container is None or world.container.alive:
            assert not isinstance(action, Changes), (world, plan, texts)
        if any(ON_REQUEST.search(text) for text in texts):
            assert is_free(wanted["NODENAME"], wanted["IP"], world), (world, texts)
    assert {None, CreateContainer, ReplaceContainer, StartContainer, Retire, ClearRestartPolicy} <= seen


def test_a_node_that_works_is_moved_by_the_configuration_only() -> None:
    """Its name is this machine's, its address is here, its sessions are up: only a statement moves it."""
    for world in worlds():
        container = world.container
        if container is None or not container.running or not container.managed:
            continue
        own = (container.env_value("NODENAME"), container.env_value("IP"))
        works = own == ("host1", "10.77.0.11/24") and node("host1") in world.nodes and world.owner != OTHER
        stated = world.identity.name.source == "configuration" or world.identity.ipv4.rule == "configured"
        if works and not stated:
            _, _, plan = looked_at(world)
            assert not isinstance(plan.action, ReplaceContainer) or container.image != NODE.image, (world, plan)
