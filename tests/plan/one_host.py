"""A host as values on which time goes by: what its agent would do is done, step by step, as Docker would do it.

The host is `host3` with 10.0.0.13 on eth0, where the other nodes are, and 10.9.0.13 on eth1. calico/node registers what
it was given, and has sessions while it runs and its address is here.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_interface, ip_network

from calico_agent.expected.local_node import node_container
from calico_agent.identity.select import identify_host
from calico_agent.identity.sticky import addresses_in_use, names_in_use, remember
from calico_agent.model.assessment import StageReached
from calico_agent.model.calico.bird import Bird, PeerKind, Session
from calico_agent.model.calico.node import Datastore, Node
from calico_agent.model.container.action import (
    Action,
    ClearRestartPolicy,
    CreateContainer,
    Promote,
    RemoveContainer,
    RenameContainer,
    ReplaceContainer,
    RestartContainer,
    Retire,
    Rollback,
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
from calico_agent.model.container.program import Stage
from calico_agent.model.container.supervision import Attempts, Plan, Progress
from calico_agent.model.host.claimant import Machine
from calico_agent.model.host.machine import Host
from calico_agent.model.identity import Identity, KeptIdentity
from calico_agent.model.name_lease import AliveSign, NameOwner
from calico_agent.model.network.address import Family, Link, LinkAddress
from calico_agent.model.network.fib import Fib
from calico_agent.model.network.kernel import Kernel, RouteLookup
from calico_agent.model.network.route import NextHop, Route
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.model.settings import DatastoreSettings, IdentitySettings, NodeSettings, SuperviseSettings
from calico_agent.plan.desired_container import wanted_container
from calico_agent.plan.name_lease import plan_claim
from calico_agent.plan.remediation import plan_supervision
from calico_agent.plan.start_gates import decide_wanted
from calico_agent.plan.succession import judge_succession, running_name

BEGIN = datetime(2026, 11, 23, 12, tzinfo=UTC)
CARD = "52:54:00:00:00:13"
OWN, MANAGEMENT, VIP = "10.0.0.13/24", "10.9.0.13/24", "10.0.0.100/24"
ETCD = DatastoreSettings(endpoints=("http://10.0.0.1:2379",))
NODE = NodeSettings(image="calico/node:v3.31.7")
OTHERS = (Node("host1", ipv4=ip_interface("10.0.0.11/24")), Node("host2", ipv4=ip_interface("10.0.0.12/24")))
SILENT = Unreadable("etcd", "connection refused", "refused")
HOLD_DOWN = timedelta(seconds=10)


class KilledError(Exception):
    """The agent, between two calls to Docker."""


@dataclass
class OneHost:
    """Everything outside of the agent, and what the agent remembers. Events change it, `look` is one pass."""

    at: datetime = BEGIN
    hostname: str = "host3"
    boot: str = "boot-1"
    eth0: tuple[str, ...] = (OWN,)
    eth1: tuple[str, ...] = (MANAGEMENT,)
    eth0_up: bool = True
    etcd: bool = True
    nodes: dict[str, Node] = field(default_factory=lambda: {one.name: one for one in OTHERS})
    claims: dict[str, NameOwner | AliveSign] = field(default_factory=dict)
    containers: dict[str, Container] = field(default_factory=dict)
    settings: SuperviseSettings = field(default_factory=SuperviseSettings)
    identity: IdentitySettings = field(default_factory=IdentitySettings)
    node: NodeSettings = NODE
    without_datastore: bool = False
    # Of the agent.
    attempts: Attempts = field(default_factory=Attempts)
    kept: KeptIdentity = field(default_factory=KeptIdentity)
    etcd_since: datetime | None = BEGIN
    seen: Datastore | Unreadable = SILENT
    kill_after: int = -1
    made: int = 0

    def look(self, seconds: float = 3.0) -> Plan:
        """Time goes by, then one pass, with what it does."""
        self.at += timedelta(seconds=seconds)
        self._calico_node()
        plan = self.plan()
        self._claim(plan)
        if plan.action is not None:
            try:
                self._perform(plan.action)
            except KilledError:
                self.restart_agent()
        return plan

    def plan(self) -> Plan:
        """What would be done now."""
        observation = self.observation()
        found = self.identify(observation)
        self._keep(observation, found)
        container = node_container(observation.docker, NODE.name)
        wanted = decide_wanted(
            self.node, ETCD, found, observation.current_datastore, without_datastore=self.without_datastore
        )
        name = None
        if wanted.spec is not None:
            succession = judge_succession(observation, found, wanted.spec, container, self.settings)
            stays = running_name(observation, container) if succession.stays and container is not None else ""
            name = plan_claim(observation, found, stays)
            wanted = decide_wanted(
                self.node,
                ETCD,
                found,
                observation.current_datastore,
                name=name,
                without_datastore=self.without_datastore,
            )
            wanted = replace(wanted, succession=succession)
        up = self.established
        plan = plan_supervision(
            observation.docker,
            wanted,
            self.attempts,
            self.settings,
            progress=Progress(StageReached(Stage.READY if up else Stage.PROGRAMS_UP, "BIRD answers"), int(up)),
            etcd_since=self.etcd_since if self.etcd else None,
            now=self.at,
            hold_down=HOLD_DOWN,
            jitter=0,
        )
        self.attempts = plan.attempts
        return replace(plan, name=name)

    def identify(self, observation: Observation) -> Identity:
        """Who the agent takes this host for."""
        return identify_host(
            observation.host,
            observation.kernel,
            observation.docker,
            observation.datastore,
            self.identity,
            (ip_address("10.0.0.1"),),
            kept=self.kept,
            birds=(observation.bird,),
        )

    def observation(self) -> Observation:
        """What the agent sees."""
        if self.etcd:
            self.seen = Datastore(nodes=tuple(self.nodes.values()), claims=tuple(self.claims.values()))
        return Observation(
            at=self.at,
            host=Host(self.hostname, "a" * 32, boot_id=self.boot),
            kernel=self._kernel(),
            docker=Docker(containers=tuple(self.containers.values()), image=LocalImage(self.node.image, "sha256:0")),
            datastore=self.seen,
            bird=self._bird(),
            datastore_trouble=None if self.etcd else SILENT,
        )

    @property
    def running(self) -> Container | None:
        """The calico/node that runs."""
        return next((one for one in self.containers.values() if one.running), None)

    @property
    def addresses(self) -> frozenset[str]:
        """All of this host."""
        return frozenset(text.partition("/")[0] for text in (*self.eth0, *self.eth1))

    @property
    def established(self) -> bool:
        """Whether peers and this host agree about who it is."""
        container = self.running
        if container is None or not self.eth0_up:
            return False
        address = ip_interface(container.env_value("IP")).ip
        node = self.nodes.get(container.env_value("NODENAME"))
        return str(address) in self.addresses and node is not None and node.ipv4 is not None and node.ipv4.ip == address

    def restart_agent(self) -> None:
        """Another process: what is on disk comes back."""
        self.attempts = replace(self.attempts, drift="", drift_since=None)
        self.kill_after = -1

    def stop_all(self) -> None:
        """Docker's daemon ends, or the host."""
        for one in list(self.containers.values()):
            if one.running:
                self._set(one, state=ContainerState.EXITED, finished_at=self.at, exit_code=137)

    def _kernel(self) -> Kernel:
        eth0 = Link(
            2,
            "eth0",
            mac=CARD,
            running=self.eth0_up,
            addresses=tuple(LinkAddress(ip_interface(text)) for text in self.eth0),
        )
        eth1 = Link(3, "eth1", addresses=tuple(LinkAddress(ip_interface(text)) for text in self.eth1))
        links = tuple(link for link in (eth0, eth1) if link.name == "eth0" or link.addresses)
        ways = {
            "eth0": self.eth0[0] if self.eth0 and self.eth0_up else "",
            "eth1": self.eth1[0] if self.eth1 else "",
        }
        device, way = next(((name, text) for name, text in ways.items() if text), ("", ""))
        if not way:
            return Kernel(links)
        source = ip_interface(way).ip
        towards = ("10.0.0.1", "10.0.0.11", "10.0.0.12")
        route = Route(ip_network("0.0.0.0/0"), next_hops=(NextHop(ip_address("10.0.0.254"), device),))
        sources = tuple(RouteLookup(ip_address(text), source, device) for text in towards)
        return Kernel(links, Fib.of((route,)), sources, (RouteLookup(ip_address("0.0.0.0"), source, device),))

    def _bird(self) -> Bird | Unreadable:
        container = self.running
        if container is None:
            return Unreadable("BIRD", "nobody answers", "refused")
        source = ip_interface(container.env_value("IP")).ip if self.established else None
        state = "Established" if self.established else "Active"
        peer = ip_address("10.0.0.11")
        session = Session("Mesh_10_0_0_11", PeerKind.MESH, peer, "up", state, source_address=source)
        return Bird(Family.IPV4, "1.6.8", sessions=(session,))

    def _keep(self, observation: Observation, found: Identity) -> None:
        used = addresses_in_use(observation.docker, observation.datastore, found.name.name)
        names = names_in_use(observation.docker)
        self.kept = remember(self.kept, found, "a" * 32, used, self.at, names=names)

    def _claim(self, plan: Plan) -> None:
        state = plan.name
        if state is None or state.claim is None or not self.etcd:
            return
        name, machine = state.claim.name, state.claim.machine
        self.claims[f"owner {name}"] = NameOwner(name, machine, self.at, "{}")
        self.claims = {key: one for key, one in self.claims.items() if not _is_own_sign(one, self.boot)}
        self.claims[f"alive {name}"] = AliveSign(name, machine)

    def _calico_node(self) -> None:
        """It registers what it was given when it starts, or exits where another node has the address."""
        container = self.running
        if container is None or not self.etcd or container.started_at is None:
            return
        if container.log_tail:
            return
        name, address = container.env_value("NODENAME"), ip_interface(container.env_value("IP"))
        held = [one for one in self.nodes.values() if one.ipv4 is not None and one.ipv4.ip == address.ip]
        if any(one.name != name for one in held):
            self._set(container, state=ContainerState.EXITED, finished_at=self.at, exit_code=1)
        else:
            self.nodes[name] = Node(name, ipv4=address)
            self._set(container, log_tail=("registered",))

    def _perform(self, action: Action) -> None:
        """As `act.container` does it."""
        match action:
            case CreateContainer(spec=spec):
                self._start(self._create(spec, spec.name))
            case StartContainer(id=identity):
                self._start(identity)
            case ReplaceContainer(id=identity, spec=spec):
                self._put(self._create(spec, f"{spec.name}-next"), identity, spec.name)
            case Promote(next=successor, previous=identity, name=name):
                self._put(successor, identity, name)
            case Rollback(id=identity, previous=previous, name=name):
                if identity:
                    self._stop(identity)
                    self._rename(identity, f"{name}-refused")
                self._start(previous)
                self._rename(previous, name)
            case RemoveContainer(id=identity):
                self._step()
                del self.containers[identity]
            case Retire(id=identity, new_name=name):
                self._stop(identity)
                self._rename(identity, name)
            case RestartContainer(id=identity):
                self._stop(identity)
                self._start(identity)
            case RenameContainer(id=identity, name=name):
                self._rename(identity, name)
            case ClearRestartPolicy(id=identity):
                self._set(self.containers[identity], restart_policy="no")

    def _step(self) -> None:
        if self.kill_after == 0:
            raise KilledError
        self.kill_after -= 1

    def _create(self, spec: ContainerSpec, name: str) -> str:
        self._step()
        self.made += 1
        identity = f"c{self.made}"
        self.containers[identity] = Container(
            id=identity,
            name=name,
            image=spec.image,
            state=ContainerState.CREATED,
            env=spec.env,
            mounts=spec.mounts,
            image_env=(),
            image_id="sha256:0",
            labels=((LABEL_MANAGED_BY, MANAGED_BY), (LABEL_SPEC_HASH, spec.hash)),
            network_mode="host",
            privileged=True,
            restart_policy="no",
        )
        return identity

    def _put(self, successor: str, identity: str, name: str) -> None:
        if identity in self.containers:
            self._rename(identity, f"{name}-previous")
        self._rename(successor, name)
        if identity in self.containers:
            self._stop(identity)
        self._start(successor)

    def _rename(self, identity: str, name: str) -> None:
        if self.containers[identity].name == name:
            return
        self._step()
        self.containers = {key: one for key, one in self.containers.items() if one.name != name}
        self._set(self.containers[identity], name=name)

    def _stop(self, identity: str) -> None:
        self._step()
        if self.containers[identity].running:
            self._set(self.containers[identity], state=ContainerState.EXITED, finished_at=self.at)

    def _start(self, identity: str) -> None:
        self._step()
        self._set(self.containers[identity], state=ContainerState.RUNNING, started_at=self.at, log_tail=())

    def _set(self, container: Container, **changes: object) -> None:
        self.containers[container.id] = replace(container, **changes)  # type: ignore[arg-type]


def _is_own_sign(one: NameOwner | AliveSign, boot: str) -> bool:
    return isinstance(one, AliveSign) and one.machine.boot_id == boot


def another_machine(name: str = "host9") -> Machine:
    """Some other machine."""
    return Machine("b" * 32, "boot-9", ("52:54:00:00:00:99",), name, "10.0.0.99")


def spec_of(host: OneHost) -> ContainerSpec:
    """What would be made here now."""
    return wanted_container(host.node, ETCD, host.identify(host.observation()))
