"""Who this host is for the cluster is not changed because something else came to another opinion."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_interface

import pytest

from calico_agent.model.calico.bird import Bird, PeerKind, Session
from calico_agent.model.calico.node import Datastore, Node
from calico_agent.model.container.action import ReplaceContainer, StartContainer
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
from calico_agent.model.container.supervision import Attempts, DesiredContainer, Plan, Succession
from calico_agent.model.host.claimant import Machine
from calico_agent.model.host.conflicting_process import ConflictingProcess
from calico_agent.model.host.machine import Host
from calico_agent.model.identity import AddressChoice, Candidate, Identity, KeptAddress, LostAddress, NameChoice
from calico_agent.model.name_lease import AliveSign, NameOwner
from calico_agent.model.network.address import Family, Link
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.model.settings import DatastoreSettings, DriftPolicy, KubernetesSettings, OnChange, SuperviseSettings
from calico_agent.plan.remediation import plan_supervision
from calico_agent.plan.succession import judge_succession

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
THEN = NOW - timedelta(days=3)
CARD = "52:54:00:00:00:01"
US = Machine("a" * 32, "boot-1", (CARD,), "edge-9", "10.77.0.13")
OTHER = Machine("b" * 32, "boot-2", ("52:54:00:00:00:09",), "host9", "10.77.0.19")
CLONE = replace(OTHER, machine_id=US.machine_id)
NOTHING = Unreadable("etcd", "connection refused", "refused")
SETTINGS = SuperviseSettings()
IMAGE = "calico/node:v3.31.7"
EXITED = ContainerState.EXITED
OWN = Candidate(ip_interface("10.77.0.13/24"), "eth0")
ORDER = replace(OWN, reason="floating", evidence="is a secondary address of its subnet on this link")
ON_LO = replace(OWN, link="lo", reason="virtual-link")
LOST = LostAddress(KeptAddress(OWN.interface, "eth0", "default route", THEN), "is on no link of this host any more")
VIP = Candidate(ip_interface("10.77.0.100/24"), "eth0")
MANAGEMENT = Candidate(ip_interface("10.9.0.13/24"), "eth1")
DOCKER0 = Candidate(ip_interface("172.17.0.1/16"), "docker0", "docker-network")
OWN6 = Candidate(ip_interface("fd00::13/64"), "eth0")
VIP6 = Candidate(ip_interface("fd00::100/64"), "eth0")


def node(name: str, address: str, address6: str = "") -> Node:
    return Node(name, ipv4=ip_interface(address), ipv6=ip_interface(address6) if address6 else None)


RECORDS = (node("host1", "10.77.0.11/24"), node("host2", "10.77.0.12/24"), node("host3", "10.77.0.13/24"))


def choice(chosen: Candidate, *others: Candidate, rule: str = "default route") -> AddressChoice:
    family = Family(chosen.interface.version)
    return AddressChoice(
        family, chosen=chosen.interface, link=chosen.link, rule=rule, candidates=(chosen, *others, DOCKER0)
    )


def identity(name: str = "host3", source: str = "host name", ipv4: AddressChoice | None = None) -> Identity:
    return Identity(NameChoice(name, source), ipv4 or choice(OWN), AddressChoice(Family.IPV6, wanted=False))


def bird(family: Family, state: str = "Established") -> Bird:
    peer = ip_address("10.77.0.11" if family is Family.IPV4 else "fd00::11")
    return Bird(family, "1.6.8", sessions=(Session("Mesh_1", PeerKind.MESH, peer, "up", state),))


def claimed(owner: Machine, name: str = "host3", *, silent: bool = False) -> tuple[NameOwner | AliveSign, ...]:
    owned = NameOwner(name, owner, THEN, "{}")
    return (owned,) if silent else (owned, AliveSign(name, owner))


def spec_of(wanted: Identity) -> ContainerSpec:
    env = {"NODENAME": wanted.name.name or "", "IP": str(wanted.ipv4.chosen)}
    if wanted.ipv6.chosen is not None:
        env["IP6"] = str(wanted.ipv6.chosen)
    return ContainerSpec("calico-node", IMAGE, tuple(sorted(env.items())))


def container(state: ContainerState = ContainerState.RUNNING, **env: str) -> Container:
    """Host3's, which this agent made before."""
    given = {"NODENAME": "host3", "IP": "10.77.0.13/24", **env}
    return Container(
        id="c3",
        name="calico-node",
        image=IMAGE,
        state=state,
        started_at=THEN,
        finished_at=NOW if state is EXITED else None,
        env=tuple(sorted(given.items())),
        labels=((LABEL_MANAGED_BY, MANAGED_BY), (LABEL_SPEC_HASH, "of-before")),
        network_mode="host",
        privileged=True,
    )


RUNNING = container()


@dataclass(frozen=True)
class World:
    """A host3 whose container of before differs from what is wanted in name or address."""

    identity: Identity
    container: Container = RUNNING
    nodes: tuple[Node, ...] = RECORDS
    claims: tuple[NameOwner | AliveSign, ...] = ()
    established: bool = True
    etcd: bool = True
    unproved: bool = True
    running: bool = True
    rivals: tuple[ConflictingProcess, ...] = ()
    settings: SuperviseSettings = SETTINGS

    @property
    def observation(self) -> Observation:
        state = "Established" if self.established else "Active"
        return Observation(
            at=NOW,
            host=Host("edge-9", US.machine_id, boot_id=US.boot_id),
            kernel=Kernel(links=(Link(2, "eth0", mac=CARD, running=self.running),)),
            docker=Docker(containers=(self.container,)),
            datastore=Datastore(nodes=self.nodes, claims=self.claims),
            bird=bird(Family.IPV4, state),
            bird6=bird(Family.IPV6, state),
            datastore_trouble=None if self.etcd else NOTHING,
            rivals=self.rivals,
        )

    @property
    def succession(self) -> Succession:
        spec = spec_of(self.identity)
        return judge_succession(self.observation, self.identity, spec, self.container, self.settings)

    def plan(self) -> Plan:
        """In the end: what was to be waited for has been waited for."""
        spec = spec_of(self.identity)
        unproved = "etcd cannot be asked" if self.unproved and not self.etcd else ""
        return plan_supervision(
            Docker(containers=(self.container,), image=LocalImage(IMAGE, "sha256:0")),
            DesiredContainer(spec, unproved=unproved, succession=self.succession),
            Attempts(drift=spec.hash, drift_since=NOW - timedelta(hours=1)),
            self.settings,
            etcd_since=THEN if self.etcd else None,
            now=NOW,
            hold_down=timedelta(seconds=10),
            jitter=0,
        )


RENAMED = identity("edge-9")
CONFIGURED = identity("edge-9", "configuration")
ELSEWHERE = container(NODENAME="host1", IP="10.77.0.11/24")
BY_HAND = SuperviseSettings(on_identity_change=OnChange.REPORT)
REPORT = SuperviseSettings(on_drift=DriftPolicy.REPORT)

# What is done in the end, and what is said about it.
CASES: dict[str, tuple[World, type[ReplaceContainer | StartContainer] | None, str]] = {
    # The name.
    "another host name, and the node has this host's address: it stays": (
        World(RENAMED), None, "node host3 is registered with 10.77.0.13, an address of this host",
    ),
    "another host name, and this machine has claimed the name: it stays": (
        World(RENAMED, claims=claimed(US)), None, "this machine has claimed the node name host3",
    ),
    "the same before the reboot": (
        World(RENAMED, claims=claimed(replace(US, boot_id="boot-0"), silent=True)), None, "has claimed the node name",
    ),
    "another host name and another address at once: the claim is enough to leave it": (
        World(identity("edge-9", ipv4=choice(VIP)), claims=claimed(US)), None, "has claimed the node name",
    ),
    "the kubelet gives another name: it stays": (
        World(identity("edge-9", "kubelet")), None, "then calicoctl delete node host3",
    ),
    "the record was deleted by mistake, and the name is claimed: it stays": (
        World(RENAMED, nodes=RECORDS[:2], claims=claimed(US)), None, "has claimed the node name",
    ),
    "the configuration renames it, and the old record is there: calico/node would refuse": (
        World(CONFIGURED), None, "(calicoctl delete node host3 ends that, when no pod is left on this host)",
    ),
    "the configuration renames it, and the old record is deleted": (
        World(CONFIGURED, nodes=RECORDS[:2]), ReplaceContainer, "",
    ),
    "the same, although this machine still has claimed the old name": (
        World(CONFIGURED, nodes=RECORDS[:2], claims=claimed(US)), ReplaceContainer, "",
    ),
    "the configured name is another machine's": (
        World(CONFIGURED, nodes=RECORDS[:2], claims=claimed(OTHER, "edge-9")), None, "claimed by another machine",
    ),
    "it runs under the name of another host, whose record has another address": (
        World(identity(), container(NODENAME="host2")), ReplaceContainer, "",
    ),
    "it runs under a name that another machine has claimed": (
        World(identity(), container(NODENAME="host2"), claims=claimed(OTHER, "host2")), ReplaceContainer, "",
    ),
    # One that has ended.
    "it ended after the host name changed: it is started again as the node that it was": (
        World(RENAMED, container(EXITED)), StartContainer, "",
    ),
    "the disk was cloned, with the container of host1: that is never started here": (
        World(identity(), replace(ELSEWHERE, state=EXITED, finished_at=NOW), claims=claimed(CLONE, "host1")),
        ReplaceContainer, "",
    ),
    "the same without claims (api v2): its address is not here": (
        World(identity(), replace(ELSEWHERE, state=EXITED, finished_at=NOW)), ReplaceContainer, "",
    ),
    "the same where drift is only reported": (
        World(identity(), replace(ELSEWHERE, state=EXITED, finished_at=NOW), settings=REPORT), ReplaceContainer, "",
    ),
    "the same while etcd cannot be asked: nothing": (
        World(identity(), replace(ELSEWHERE, state=EXITED, finished_at=NOW), etcd=False), None, "waiting",
    ),
    "the clone runs it already: it gives way, whatever on_drift says": (
        World(identity(), ELSEWHERE, settings=REPORT, established=False), ReplaceContainer, "",
    ),
    "neither the wanted one nor the one of before may be started": (
        World(
            identity("edge-9", "configuration"),
            replace(ELSEWHERE, state=EXITED, finished_at=NOW),
            claims=claimed(OTHER, "edge-9"),
        ),
        None, "not replacing",
    ),
    "the name changed while etcd is away, which may be started without: what runs is not moved": (
        World(CONFIGURED, etcd=False, unproved=False), None, "keeps its name and address, because etcd cannot be asked",
    ),
    # The address.
    "a virtual address became the first one": (
        World(identity(ipv4=choice(VIP, ORDER))), None, "its BGP sessions are up with 10.77.0.13, which is on eth0",
    ),
    "the same while no session is up: the order of two addresses is no reason": (
        World(identity(ipv4=choice(VIP, ORDER, rule="other nodes")), established=False), None, "is registered with",
    ),
    "the same with a method of Calico's, which takes the first": (
        World(identity(ipv4=choice(VIP, ORDER, rule="method"))), None, "its BGP sessions are up",
    ),
    "the same where the order speaks against neither": (
        World(identity(ipv4=choice(VIP, OWN, rule="method"))), None, "its BGP sessions are up",
    ),
    "a method of Calico's that takes another link is a statement": (
        World(identity(ipv4=choice(MANAGEMENT, OWN, rule="method"))), ReplaceContainer, "",
    ),
    "the kernel reaches the nodes from another link's address, and the sessions are up all the same": (
        World(identity(ipv4=choice(MANAGEMENT, OWN, rule="other nodes"))), None, '[identity] ipv4 = "10.9.0.13"',
    ),
    "the same, and no session is up": (
        World(identity(ipv4=choice(MANAGEMENT, OWN, rule="other nodes")), established=False), ReplaceContainer, "",
    ),
    "no session is up, and only a guess prefers another address": (
        World(identity(ipv4=choice(MANAGEMENT, OWN)), established=False), None, "is registered with",
    ),
    "its address is on a loopback device, and the sessions are up: that is routing on the host": (
        World(identity(ipv4=choice(MANAGEMENT, ON_LO))), None, "which is on lo",
    ),
    "it has the address of Docker's bridge, which works nowhere": (
        World(
            identity(),
            container(IP="172.17.0.1/16"),
            nodes=(*RECORDS[:2], node("host3", "172.17.0.1/16")),
            established=False,
        ),
        ReplaceContainer, "",
    ),
    "its address is gone": (World(identity(ipv4=choice(VIP)), established=False), ReplaceContainer, ""),
    "its address went with the cable of its link": (
        World(identity(ipv4=replace(choice(MANAGEMENT), lost=LOST)), established=False, running=False),
        None, "because eth0, on which 10.77.0.13 was, is down",
    ),
    "its address is gone from a link that is up": (
        World(identity(ipv4=replace(choice(MANAGEMENT), lost=LOST)), established=False), ReplaceContainer, "",
    ),
    "the configuration moves it": (
        World(identity(ipv4=choice(VIP, OWN, rule="configured"))), ReplaceContainer, "",
    ),
    "an IPv6 address became the first one": (
        World(
            replace(identity(), ipv6=choice(VIP6, OWN6)),
            container(IP6="fd00::13/64"),
            nodes=(*RECORDS[:2], node("host3", "10.77.0.13/24", "fd00::13/64")),
        ),
        None, '[identity] ipv6 = "fd00::100"',
    ),
    "the wanted address is another node's": (
        World(identity(ipv4=choice(VIP)), nodes=(*RECORDS, node("kube-vip", "10.77.0.100/24")), established=False),
        None, "node kube-vip is registered with 10.77.0.100",
    ),
    "it has ended while the virtual address is the first one: it is started again as it was": (
        World(identity(ipv4=choice(VIP, ORDER)), container(EXITED), established=False), StartContainer, "",
    ),
    # Everything else.
    "a BIRD of the distribution runs beside it": (
        World(CONFIGURED, nodes=RECORDS[:2], rivals=(ConflictingProcess("BIRD", 812, "bird"),)),
        None,
        "BIRD runs on this host",
    ),
    "people decide about a change of identity": (
        World(identity(ipv4=choice(VIP)), established=False, settings=BY_HAND),
        None, "docker rm -f calico-node: calico-agent then makes it anew with IP=10.77.0.100/24",
    ),
    "only a prefix length differs: the same node, and the container is made anew": (
        World(identity(ipv4=choice(replace(OWN, interface=ip_interface("10.77.0.13/16"))))), ReplaceContainer, "",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("world", "action", "says"), CASES.values(), ids=CASES.keys())
def test_what_gives_way(world: World, action: type[ReplaceContainer | StartContainer] | None, says: str) -> None:
    plan = world.plan()
    assert plan.action is None if action is None else isinstance(plan.action, action), plan
    assert says in plan.doing


def test_what_waits_for_the_kubernetes_api_says_so() -> None:
    world = World(CONFIGURED, etcd=False)
    settings = DatastoreSettings((), kubernetes=KubernetesSettings(kubeconfig="/etc/calico-agent/kubeconfig"))
    observation = replace(world.observation, datastore_settings=settings)
    told = judge_succession(observation, CONFIGURED, spec_of(CONFIGURED), RUNNING, SETTINGS)
    assert told.stays == "the Kubernetes API cannot be asked"


def test_a_paused_one_is_left_alone_whatever_is_wanted() -> None:
    paused = World(CONFIGURED, container(ContainerState.PAUSED), nodes=RECORDS[:2])
    assert paused.plan().action is None
