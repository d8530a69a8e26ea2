"""Under which name this host's calico/node runs."""

from dataclasses import replace
from datetime import timedelta

import pytest

from calico_agent.expected.cluster import index
from calico_agent.expected.local_node import Local, local_host, node_container, runs_elsewhere
from calico_agent.model.calico.node import Datastore
from calico_agent.model.container.container import Container, ContainerState, Docker, Mount
from calico_agent.model.host.machine import Host
from calico_agent.model.network.address import Family
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.model.settings import Mode
from tests.checks.cluster import AT, CONTAINER, DATASTORE, HEALTHY, IDENTITY, contained, node

MOUNT = Mount("/var/lib/calico", "/var/lib/calico")


def local(
    *env: str, stored: str | None = "stored", mounts: tuple[Mount, ...] = (MOUNT,), mode: Mode = Mode.OBSERVE
) -> Local:
    """Host1 with a container that has these environment variables, or with none when there is `no container`."""
    settings = tuple((name, value) for name, _, value in (text.partition("=") for text in env))
    containers = () if "no container" in env else (replace(CONTAINER, env=settings, mounts=mounts),)
    observation = replace(HEALTHY, host=Host("host1", nodename_file=stored), docker=Docker(containers=containers))
    return local_host(observation, IDENTITY, index(DATASTORE), mode=mode, container_name="calico-node")


@pytest.mark.parametrize(
    ("found", "name"),
    [
        pytest.param(local("NODENAME=given", "HOSTNAME=other"), "given", id="NODENAME wins over all"),
        pytest.param(local("NODENAME= ", "HOSTNAME=other"), "stored", id="a blank one is none"),
        pytest.param(local("HOSTNAME=other"), "stored", id="the nodename file wins over HOSTNAME"),
        pytest.param(local("HOSTNAME=Other", stored=None), "other", id="HOSTNAME in lower case"),
        pytest.param(local(stored=None), "host1", id="the host's own name comes last"),
        pytest.param(
            local("HOSTNAME=old", mounts=()), "old", id="a file that the container does not see counts nothing"
        ),
        pytest.param(
            local(mounts=(Mount("/var/lib", "/var/lib"),)), "stored", id="a mount of a directory above will do"
        ),
        pytest.param(local("no container"), "stored", id="without a container: what it last was"),
        pytest.param(local("no container", mode=Mode.SUPERVISE), "host1", id="supervised: what the agent will give it"),
    ],
)
def test_the_name_is_the_one_calico_node_uses(found: Local, name: str) -> None:
    assert found.name == name


def test_calico_2_takes_the_hostname_it_is_given_in_its_own_case() -> None:
    observation = contained(env=(("HOSTNAME", "Worker-7"),), mounts=())
    identity = replace(IDENTITY, name=replace(IDENTITY.name, as_written=True))
    found = local_host(observation, identity, index(DATASTORE), mode=Mode.OBSERVE, container_name="calico-node")
    assert found.name == "Worker-7"


def test_where_nothing_tells_the_name_the_record_with_our_address_does() -> None:
    cluster = index(Datastore(nodes=(node("worker-1", "10.77.0.11/24"), node("host2"))))
    observation = replace(HEALTHY, host=Host("host1"), docker=Docker())
    named = local_host(observation, IDENTITY, cluster, mode=Mode.OBSERVE, container_name="calico-node")
    assert (named.name, named.node) == ("worker-1", cluster.nodes["worker-1"])
    supervised = local_host(observation, IDENTITY, cluster, mode=Mode.SUPERVISE, container_name="calico-node")
    assert (supervised.name, supervised.node) == ("host1", None)


def container(name: str, state: ContainerState = ContainerState.RUNNING, minutes: int = 60) -> Container:
    return replace(CONTAINER, id=name, name=name, state=state, started_at=AT - timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("containers", "counts"),
    [
        pytest.param([container("a"), container("calico-node")], "calico-node", id="the one of the configured name"),
        pytest.param([container("calico-node", ContainerState.EXITED), container("a")], "a", id="one that runs wins"),
        pytest.param(
            [container("a", ContainerState.EXITED), container("b", ContainerState.PAUSED)], "b", id="a paused one lives"
        ),
        pytest.param(
            [container("a", ContainerState.EXITED, 9), container("b", ContainerState.EXITED, 5)],
            "b",
            id="else the last",
        ),
        pytest.param([], None, id="none"),
    ],
)
def test_which_container_counts(containers: list[Container], counts: str | None) -> None:
    found = node_container(Docker(containers=tuple(containers)), "calico-node")
    assert (found.name if found else None) == counts


NO_DOCKER = Unreadable("Docker", "there is no socket", "absent")


def test_one_of_another_runtime_is_this_hosts_while_the_agent_observes() -> None:
    other = replace(
        CONTAINER, env=(("NODENAME", "host1"), ("CALICO_NETWORKING_BACKEND", "vxlan")), runtime="containerd"
    )
    observation = replace(HEALTHY, docker=NO_DOCKER, elsewhere=other)
    cluster = index(Datastore(nodes=(node("host1"),)))
    found = local_host(observation, IDENTITY, cluster, mode=Mode.OBSERVE, container_name="calico-node")
    assert (found.container, found.uses_bird) == (other, False)
    supervised = local_host(observation, IDENTITY, cluster, mode=Mode.SUPERVISE, container_name="calico-node")
    assert supervised.container is None


def test_an_unreadable_docker_has_no_container() -> None:
    assert node_container(Unreadable("Docker", "gone"), "calico-node") is None


@pytest.mark.parametrize(
    ("observation", "elsewhere"),
    [
        pytest.param(HEALTHY, False, id="Docker has it"),
        pytest.param(replace(HEALTHY, docker=Docker()), True, id="Docker has none, and BIRD answers"),
        pytest.param(
            replace(HEALTHY, docker=Docker(), bird=Unreadable("BIRD", "no socket", "absent")),
            False,
            id="nobody has one",
        ),
        pytest.param(replace(HEALTHY, docker=Unreadable("Docker", "gone")), False, id="Docker cannot be asked"),
        pytest.param(replace(HEALTHY, docker=NO_DOCKER), False, id="there is no Docker, and no Felix"),
        pytest.param(replace(HEALTHY, docker=NO_DOCKER, elsewhere=CONTAINER), True, id="no Docker, and Felix"),
        pytest.param(
            replace(HEALTHY, docker=NO_DOCKER, elsewhere=replace(CONTAINER, state=ContainerState.EXITED)),
            False,
            id="no Docker, and a runtime that has one that ended",
        ),
    ],
)
def test_a_bird_without_a_container_belongs_to_another_runtime(observation: Observation, elsewhere: bool) -> None:
    assert runs_elsewhere(observation) is elsewhere


def test_without_a_record_the_address_that_should_be_counts() -> None:
    found = local("NODENAME=nobody")
    assert found.node is None
    assert found.registered(Family.IPV4) == IDENTITY.ipv4.chosen
    assert found.registered(Family.IPV6) is None


def test_container_networks_are_not_networks_of_this_host() -> None:
    assert [str(network) for network in local().networks(Family.IPV4)] == ["10.77.0.0/24"]
    assert [found.link for found in local().bridges()] == ["docker0"]


@pytest.mark.parametrize(
    ("backend", "uses_bird"), [("", True), ("bird", True), ("none", False), ("vxlan", False), ("gobgp", False)]
)
def test_where_bird_is_meant_to_run(backend: str, uses_bird: bool) -> None:
    assert local(f"CALICO_NETWORKING_BACKEND={backend}").uses_bird is uses_bird
