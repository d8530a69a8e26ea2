"""Hosts whose agents supervise with a real API: passes, Leases and what is then done about calico/node."""

import os
import signal
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from ipaddress import ip_address, ip_interface
from pathlib import Path
from typing import Any, Self

import pytest

from calico_agent.act.name_lease import NameLeaseKeeper
from calico_agent.config.node import NodeSection
from calico_agent.config.schema import AgentSection, Config, DatastoreSection, IdentitySection
from calico_agent.model.container.action import CreateContainer
from calico_agent.model.container.container import Docker
from calico_agent.model.container.image import LocalImage
from calico_agent.model.host.cluster_node import ClusterNode
from calico_agent.model.host.machine import Host
from calico_agent.model.network.address import IPNetwork, Link, LinkAddress
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.model.settings import Mode, Preset
from calico_agent.runtime.datastore import DatastoreSource
from calico_agent.runtime.memory import Memory
from calico_agent.runtime.pipeline import Pass, make_pass
from calico_agent.sources.datastore import replica as replica_module
from calico_agent.sources.datastore.kubernetes.leases.lease import LEASES
from tests.kube_apiserver.calico import ACCOUNT, apply, empty, install
from tests.kube_apiserver.server import KubeApiServer, running_apiserver
from tests.patience import until

pytestmark = [pytest.mark.real, pytest.mark.timeout(3600)]

IMAGE = "calico/node:v3.31.7"
NOBODY = Unreadable("BIRD", "there is no socket /var/run/calico/bird.ctl", "absent")
INFO = ("kernelVersion", "osImage", "containerRuntimeVersion", "kubeletVersion", "kubeProxyVersion", "architecture")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeApiServer]:
    with running_apiserver(tmp_path_factory.mktemp("supervise") / "api") as server:
        install(server)
        apply(server, "supervise.yaml")
        yield server


@pytest.fixture
def api(server: KubeApiServer) -> Iterator[KubeApiServer]:
    yield server
    empty(server)
    server.call("DELETE", LEASES)


@dataclass
class Agent:
    """One that supervises on a machine of its own: its sources but the datastore are values."""

    machine: int
    config: Config
    source: DatastoreSource
    keeper: NameLeaseKeeper
    memory: Memory

    @classmethod
    def on(cls, machine: int, api: KubeApiServer, folder: Path, account: str = ACCOUNT) -> "Agent":
        path = api.kubeconfig(folder / f"kubeconfig-{machine}", {"token": api.token(account)})
        config = Config(
            mode=Mode.SUPERVISE,
            agent=AgentSection(state_dir="", hold_down_seconds=0),
            identity=IdentitySection(name="host1", ipv4=f"10.77.0.1{machine}"),
            datastore=DatastoreSection(kubeconfig=str(path), timeout_seconds=1.0),
            node=NodeSection(image=IMAGE, preset=Preset.KUBERNETES, kubeconfig="/etc/calico/kubernetes/node.conf"),
        )
        source = DatastoreSource(config, lambda _: None, one_shot=False)
        return cls(machine, config, source, NameLeaseKeeper(lambda _: source.look_at_holders()), Memory())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.keeper.stop()
        self.source.close()

    def named(self, name: str) -> None:
        identity = IdentitySection(name=name, ipv4=f"10.77.0.1{self.machine}")
        self.config = Config(
            mode=Mode.SUPERVISE,
            agent=self.config.agent,
            identity=identity,
            datastore=self.config.datastore,
            node=self.config.node,
        )
        self.memory = Memory()

    def look(self) -> Pass:
        """One pass, with what it does about the name; nothing is done about the container."""
        made = make_pass(self, self.config, self.memory, datetime.now(UTC))
        self.memory = made.memory
        name = made.plan.name
        self.keeper.want(self.source.settings, name.claim if name is not None else None)
        return made

    def starts(self) -> bool:
        """Whether it would make calico/node now. What it tried before is forgotten: nothing is waited for twice."""
        action = self.look().plan.action
        self.memory = replace(self.memory, attempts=Memory().attempts)
        return isinstance(action, CreateContainer)

    def codes(self) -> set[str]:
        return {found.cause.code for found in self.look().evaluation.assessment.problems}

    def observe(self, at: datetime) -> Observation:
        docker = Docker(image=LocalImage(IMAGE, "sha256:1"))
        datastore, trouble = self.source.read(docker)
        number = self.machine
        address = LinkAddress(ip_interface(f"10.77.0.1{number}/24"))
        link = Link(2, "eth0", addresses=(address,), mac=f"52:54:00:00:00:0{number}")
        return Observation(
            at=at,
            host=Host(f"host{number}", f"{number}" * 32, boot_id=f"boot-{number}", system_uuid=f"board-{number}"),
            kernel=Kernel(links=(link,)),
            docker=docker,
            datastore=datastore,
            bird=NOBODY,
            datastore_trouble=trouble,
            datastore_settings=self.source.settings,
            datastore_addresses=(ip_address("127.0.0.1"),),
        )

    def with_holders(self, observation: Observation, names: frozenset[str]) -> Observation:
        return self.source.with_holders(observation, names)

    def nodes_of(self, names: frozenset[str]) -> Mapping[str, ClusterNode | None]:
        return self.source.nodes_of(names)

    def doubted(self, keys: frozenset[tuple[str, str, str]]) -> frozenset[tuple[str, str, str]]:
        return self.source.doubted(keys)

    def with_routes(self, observation: Observation, about: Collection[IPNetwork]) -> Observation:  # noqa: ARG002
        return observation

    def blocks_of(self, *_: object) -> tuple[()]:
        return ()

    def endpoints_of(self, *_: object) -> None:
        return None


def join(api: KubeApiServer, name: str, machine: int = 0) -> None:
    """A Node, written by the kubelet of a machine; 0: by none yet."""
    api.call("POST", "/api/v1/nodes", {"metadata": {"name": name}})
    if machine:
        node: Any = api.call("GET", f"/api/v1/nodes/{name}")
        ids = {"machineID": f"{machine}" * 32, "bootID": f"boot-{machine}", "systemUUID": f"BOARD-{machine}"}
        info = {**dict.fromkeys((*INFO, "operatingSystem"), "x"), **ids}
        address = {"type": "InternalIP", "address": f"10.77.0.1{machine}"}
        node["status"] = {"nodeInfo": info, "addresses": [address]}
        api.call("PUT", f"/api/v1/nodes/{name}/status", node)


def test_a_host_claims_its_name_and_starts_calico_node_with_its_kubeconfig(api: KubeApiServer, tmp_path: Path) -> None:
    join(api, "host1", machine=1)
    with Agent.on(1, api, tmp_path) as agent:
        until("calico/node would be made", agent.starts, lambda: agent.look().plan.doing)
        action = agent.look().plan.action
        assert isinstance(action, CreateContainer)
        given = dict(action.spec.env)
        assert given["KUBECONFIG"] == "/etc/calico/kubernetes/node.conf"
        assert given["CALICO_K8S_NODE_REF"] == given["NODENAME"] == "host1"
        assert (given["DATASTORE_TYPE"], given["IP"]) == ("kubernetes", "10.77.0.11/24")
        assert "/etc/calico/kubernetes:/etc/calico/kubernetes:ro" in {mount.bind for mount in action.spec.mounts}
    lease: Any = api.call("GET", f"{LEASES}/host1")
    assert lease["spec"]["holderIdentity"] == "host1_boot-1"


def test_of_two_machines_with_one_name_never_both_start_twenty_times(api: KubeApiServer, tmp_path: Path) -> None:
    """No kubelet says whose the Node is: the Lease alone decides."""
    for number in range(20):
        join(api, f"round-{number}")
    with ExitStack() as stack:
        agents = [stack.enter_context(Agent.on(machine, api, tmp_path)) for machine in (1, 2)]
        for number in range(20):
            for agent in agents if number % 2 else reversed(agents):
                agent.named(f"round-{number}")
            started: set[int] = set()
            refused: set[int] = set()

            def settled(agents: list[Agent] = agents, started: set[int] = started, refused: set[int] = refused) -> bool:
                for agent in agents:
                    if agent.starts():
                        started.add(agent.machine)
                    elif "NAME-CLAIMED" in agent.codes():
                        refused.add(agent.machine)
                return bool(started) and bool(refused)

            until("one would start calico/node, the other is told why not", settled)
            assert len(started) == len(refused) == 1, (number, started, refused)
            assert started.isdisjoint(refused)


@pytest.mark.parametrize(("machine", "code"), [(2, "NAME-CLAIMED"), (0, "NAME-NO-NODE")])
def test_a_node_that_is_not_this_machines_bars_a_start(
    api: KubeApiServer, tmp_path: Path, machine: int, code: str
) -> None:
    """`machine` wrote its Node; 0: there is none."""
    join(api, "host1" if machine else "host7", machine=machine)
    with Agent.on(1, api, tmp_path) as agent:
        until("it is told", lambda: code in agent.codes(), lambda: agent.look().plan.doing)
        plan = agent.look().plan
        assert plan.action is None
        assert "host1" in plan.doing


def test_without_a_right_to_leases_the_node_alone_guards_and_that_is_said(api: KubeApiServer, tmp_path: Path) -> None:
    role: Any = api.call("GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles/calico-agent")
    api.grant(api.account("reads"), "reads", *role["rules"])
    join(api, "host1", machine=1)
    with Agent.on(1, api, tmp_path, "reads") as agent, Agent.on(2, api, tmp_path, "reads") as other:
        until("calico/node would be made", agent.starts, lambda: agent.look().plan.doing)
        (found,) = [
            one.cause for one in agent.look().evaluation.assessment.problems if one.cause.code == "NAME-UNCLAIMED"
        ]
        assert 'cannot get resource "leases" in API group "coordination.k8s.io"' in found.what
        assert "kubectl apply -f supervise.yaml" in found.cure
        until("the other one is told", lambda: "NAME-CLAIMED" in other.codes())
        assert not other.starts()


def test_a_first_start_waits_for_an_api_that_is_frozen(
    api: KubeApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replica_module, "_PATIENCE_SECONDS", 0.2)
    join(api, "host1", machine=1)
    assert api.process is not None
    with Agent.on(1, api, tmp_path) as agent:
        os.kill(api.process.pid, signal.SIGSTOP)
        try:
            for _ in range(3):
                plan = agent.look().plan
                assert plan.action is None
                assert "the Kubernetes API cannot be asked whether another node has this name" in plan.doing
        finally:
            os.kill(api.process.pid, signal.SIGCONT)
        until("it answers again", agent.starts, lambda: agent.look().plan.doing)
