"""All places that name this host, and the name that follows from them."""

from dataclasses import replace

import pytest

from calico_agent.model.calico.node import Datastore
from calico_agent.model.container.container import Container, ContainerState, Docker
from calico_agent.model.host.machine import CniPlugin, Host, Kubelet
from calico_agent.model.identity import KeptIdentity, NameSource
from calico_agent.model.observation import Unreadable
from calico_agent.model.settings import IdentitySettings
from tests.identity.machine import DOCKER0, Machine, node

ID = "ab" * 16
NODE = Container("id", "calico-node", "x", ContainerState.RUNNING, env=(("NODENAME", "worker-3"),))
NAMED = Machine(
    host=Host(
        "host3",
        ID,
        nodename_file="old-name",
        fqdn="host3.example",
        kubelet=Kubelet(77, hostname_override="Worker-3"),
        cni=(
            CniPlugin("/etc/cni/net.d/10-calico.conflist", "host3", "/var/lib/calico/nodename"),
            CniPlugin("/etc/cni/net.d/99-old.conf", error="cannot be read: Permission denied"),
        ),
    ),
    docker=Docker(containers=(NODE, replace(NODE, state=ContainerState.EXITED, name="old"))),
    datastore=Datastore(nodes=(node("host3", "10.0.0.13/24"), node("host4", "172.17.0.1/16"), node("host5", ""))),
)


def test_every_place_is_told_with_where_it_is() -> None:
    """Docker's bridge tells nobody apart: node host4 is not this host because it has that address."""
    assert NAMED.identify().name.sources == (
        NameSource("configuration", "", "[identity] name"),
        NameSource("kubelet", "Worker-3", "--hostname-override of process 77"),
        NameSource("host name", "host3", "hostname"),
        NameSource("full name", "host3.example", "/etc/hosts"),
        NameSource("nodename file", "old-name", "/var/lib/calico/nodename"),
        NameSource("CNI", "host3", "/etc/cni/net.d/10-calico.conflist, by /var/lib/calico/nodename"),
        NameSource("CNI", "", "/etc/cni/net.d/99-old.conf, cannot be read: Permission denied"),
        NameSource("calico/node", "worker-3", "NODENAME of the container calico-node"),
        NameSource("node record", "host3", "is registered with 10.0.0.13 (eth0)"),
    )


def test_what_cannot_be_read_is_left_out() -> None:
    blind = Machine(host=Unreadable("host", "x"), docker=Unreadable("Docker", "x"), datastore=Unreadable("etcd", "x"))
    assert [one.source for one in blind.identify().name.sources] == ["configuration"]


def kept(name: str, source: str, machine_id: str = ID) -> KeptIdentity:
    return KeptIdentity(machine_id=machine_id, name=name, name_source=source)


PLAIN = Machine(host=Host("host3", ID))
NAMES = {
    "the kubelet's name, in lower case as it registers": (NAMED, "worker-3", "kubelet"),
    "the configured name before the kubelet's": (
        NAMED.having(settings=IdentitySettings(name="node-3")),
        "node-3",
        "configuration",
    ),
    "a kubelet without a name of its own": (PLAIN.with_kubelet("10.0.0.13"), "host3", "host name"),
    "the kubelet is stopped: its name goes on": (
        PLAIN.having(kept=kept("worker-3", "kubelet")),
        "worker-3",
        "last choice",
    ),
    "the kubelet has another name now": (
        PLAIN.with_kubelet(name="worker-4").having(kept=kept("worker-3", "kubelet")),
        "worker-4",
        "kubelet",
    ),
    "the host name became the full one (projectcalico/calicoctl#967)": (
        PLAIN.having(host=Host("host3.example", ID), kept=kept("host3", "host name")),
        "host3",
        "last choice",
    ),
    "the host got another name": (PLAIN.having(kept=kept("host2", "host name")), "host3", "host name"),
    "a clone brings the last choice of another machine along": (
        PLAIN.having(kept=kept("worker-2", "kubelet", "cd" * 16)),
        "host3",
        "host name",
    ),
    "a machine without an id keeps nothing": (
        PLAIN.having(host=Host("host3"), kept=kept("worker-2", "kubelet", "")),
        "host3",
        "host name",
    ),
    "a name that was only configured does not go on": (
        PLAIN.having(kept=kept("node-3", "configuration")),
        "host3",
        "host name",
    ),
}


@pytest.mark.parametrize(("machine", "name", "source"), NAMES.values(), ids=NAMES.keys())
def test_the_name_is(machine: Machine, name: str, source: str) -> None:
    choice = machine.identify().name
    assert (choice.name, choice.source) == (name, source)


def test_a_name_of_the_kubelet_that_calico_refuses() -> None:
    choice = PLAIN.with_kubelet(name="worker_3").identify().name
    assert (choice.name, choice.refusal_code) == (None, "NAME-INVALID")
    assert choice.refusal.startswith("The kubelet's --hostname-override 'worker_3' is not a valid node name")


def test_docker0_is_no_place_of_a_record() -> None:
    machine = Machine(links=(DOCKER0,), datastore=Datastore(nodes=(node("host4", "172.17.0.1/16"),)))
    assert not [one for one in machine.identify().name.sources if one.source == "node record"]
