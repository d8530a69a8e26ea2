"""Whatever happens to a host, and in whichever order: a node that works stays, and what is broken comes back."""

from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_interface

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.model.calico.node import Node
from calico_agent.model.container.action import (
    Action,
    CreateContainer,
    Promote,
    ReplaceContainer,
    RestartContainer,
    Retire,
    Rollback,
    StartContainer,
)
from calico_agent.model.identity import KeptIdentity
from calico_agent.model.settings import DriftPolicy, OnChange, SuperviseSettings
from tests.examples import at_most
from tests.plan.one_host import MANAGEMENT, OWN, VIP, OneHost

Event = Callable[[OneHost], None]
RENEWED = "10.0.0.23/24"
REPORTS = SuperviseSettings(on_drift=DriftPolicy.REPORT)


def reboot(host: OneHost) -> None:
    host.stop_all()
    host.boot = f"{host.boot}+"
    host.claims = {key: one for key, one in host.claims.items() if key.startswith("owner")}  # it takes a while
    host.restart_agent()


def removed(host: OneHost) -> None:
    host.stop_all()
    host.containers = {}


def wiped(host: OneHost) -> None:
    host.nodes = {name: one for name, one in host.nodes.items() if name in {"host1", "host2"}}
    host.claims = {}


def forget(host: OneHost) -> None:
    host.kept, host.attempts = KeptIdentity(), replace(host.attempts, failures=0, not_before=None)
    host.restart_agent()


def setter(**values: object) -> Event:
    def event(host: OneHost) -> None:
        for name, value in values.items():
            setattr(host, name, value)

    return event


def killer(steps: int) -> Event:
    return setter(kill_after=steps)


def gone_for_a_minute(host: OneHost) -> None:
    """As when DHCP is asked anew, or the network is set up at boot. The agent sees that it is back."""
    host.eth0 = ()
    for _ in range(4):
        watched(host, 15.0)
    host.eth0 = (OWN,)
    watched(host, 1.0)


def booted_before_the_network(host: OneHost) -> None:
    reboot(host)
    gone_for_a_minute(host)


def others_node(host: OneHost) -> None:
    host.nodes["kube-vip"] = Node("kube-vip", ipv4=ip_interface(VIP))


# None of these is a reason to move a node that works, or to leave it down for good.
EVENTS: dict[str, Event] = {
    "the agent restarts": OneHost.restart_agent,
    "Docker restarts": OneHost.stop_all,
    "the host is rebooted": reboot,
    "somebody removes the container": removed,
    "the state directory is lost": forget,
    "all records are lost": wiped,
    "etcd is away": setter(etcd=False),
    "etcd is back": setter(etcd=True),
    "the address is gone for a minute": gone_for_a_minute,
    "the agent is there before the network": booted_before_the_network,
    "the address is alone": setter(eth0=(OWN,)),
    "a virtual address comes first": setter(eth0=(VIP, OWN)),
    "a virtual address comes": setter(eth0=(OWN, VIP)),
    "the cable is out": setter(eth0_up=False),
    "the cable is in": setter(eth0_up=True),
    "the management link goes": setter(eth1=()),
    "the management link comes": setter(eth1=(MANAGEMENT,)),
    "the host is renamed": setter(hostname="edge-9"),
    "the host has its name again": setter(hostname="host3"),
    "a node has the virtual address": others_node,
    "people decide": lambda host: setattr(host, "settings", replace(host.settings, on_identity_change=OnChange.REPORT)),
    "the agent decides": lambda host: setattr(
        host, "settings", replace(host.settings, on_identity_change=OnChange.REPLACE)
    ),
    "the agent is killed at its next call": killer(0),
    "at the one after": killer(1),
    "at the third": killer(2),
    "at the fourth": killer(3),
    "the image is changed": lambda host: setattr(host, "node", replace(host.node, image="calico/node:v3.32.1")),
    "the image is changed back": lambda host: setattr(host, "node", replace(host.node, image="calico/node:v3.31.7")),
}


def stopped_by(action: Action | None) -> str:
    """The container that it stops."""
    match action:
        case ReplaceContainer(id=identity) | Retire(id=identity) | RestartContainer(id=identity):
            return identity
        case Promote(previous=identity) | Rollback(id=identity):
            return identity
    return ""


def watched(host: OneHost, seconds: float) -> None:
    """One pass, of which nothing that works is the victim, and nothing is started that could not run."""
    before, works = host.running, host.established
    plan = host.look(seconds)
    assert plan.doing
    identity = ("", "")
    match plan.action:
        case CreateContainer(spec=spec) | ReplaceContainer(spec=spec):
            identity = (dict(spec.env)["NODENAME"], dict(spec.env)["IP"])
        case StartContainer(id=started):
            one = host.containers[started]
            identity = (one.env_value("NODENAME"), one.env_value("IP"))
    if identity[0]:
        assert identity[1].partition("/")[0] in host.addresses, plan
        if host.etcd:
            address = ip_interface(identity[1]).ip
            taken = [one for one in host.nodes.values() if one.ipv4 is not None and one.ipv4.ip == address]
            assert all(one.name == identity[0] for one in taken), plan
    if before is not None and works and stopped_by(plan.action) == before.id:
        after = host.running
        same = after is not None and all(after.env_value(key) == before.env_value(key) for key in ("NODENAME", "IP"))
        assert same or host.node.image != before.image or (host.kill_after < 0 and after is None), plan


def settled() -> OneHost:
    host = OneHost()
    for _ in range(4):
        host.look()
    assert host.established
    return host


def gone_through(history: list[tuple[str, int, float]]) -> OneHost:
    """The host in the end, when nothing is wrong with it any more, and calico/node had to start once more."""
    host = settled()
    for event, passes, seconds in history:
        EVENTS[event](host)
        for _ in range(passes):
            watched(host, seconds)
    for event in ("etcd is back", "the address is alone", "the cable is in", "the agent decides"):
        EVENTS[event](host)
    host.kill_after = -1
    for end in (OneHost.restart_agent, OneHost.stop_all):
        end(host)
        for _ in range(6):
            watched(host, 45.0)
    return host


# After these nothing but the host itself says who it was.
FORGETTING = {"the state directory is lost", "all records are lost"}

histories = st.lists(
    st.tuples(st.sampled_from(sorted(EVENTS)), st.sampled_from((0, 1, 6)), st.sampled_from((3.0, 45.0))), max_size=8
)


@at_most(60)
@given(histories)
def test_a_node_that_works_stays_and_comes_back(history: list[tuple[str, int, float]]) -> None:
    host = gone_through(history)
    assert host.established, host.plan().doing
    container = host.running
    assert container is not None
    if FORGETTING.isdisjoint(event for event, _, _ in history):
        assert (container.env_value("NODENAME"), container.env_value("IP")) == ("host3", OWN)


def renamed_on_purpose(host: OneHost) -> None:
    """As the manual says: the name in the configuration, then the old record is deleted."""
    host.identity = replace(host.identity, name="edge-9")
    host.nodes.pop("host3")


def passes(count: int = 6, seconds: float = 15.0) -> Event:
    def event(host: OneHost) -> None:
        for _ in range(count):
            watched(host, seconds)

    return event


SCENES: dict[str, tuple[tuple[Event, ...], tuple[str, str, str]]] = {
    "the network comes a minute after the agent, and another link is there before": (
        (booted_before_the_network, passes()),
        ("c1", "host3", OWN),
    ),
    "the same, and the container was removed: none is made for the other link's address": (
        (removed, booted_before_the_network, passes()),
        ("c2", "host3", OWN),
    ),
    "the cable is out at boot, and the container was removed": (
        (removed, reboot, setter(eth0_up=False, eth0=()), passes(20), setter(eth0_up=True, eth0=(OWN,)), passes()),
        ("c2", "host3", OWN),
    ),
    "the address is gone for good": (
        (reboot, setter(eth0=()), passes(20)),
        ("c2", "host3", MANAGEMENT),
    ),
    "renamed and readdressed at once: it does not wait for an address that is another machine's": (
        (setter(hostname="edge-9", eth0=(RENEWED,)), reboot, passes()),
        ("c2", "edge-9", RENEWED),
    ),
    "readdressed by DHCP at boot": (
        (setter(eth0=(RENEWED,)), reboot, passes()),
        ("c2", "host3", RENEWED),
    ),
    "renamed, its memory lost, Docker restarted, and all of it without etcd: it goes on as it was": (
        (setter(etcd=False, hostname="edge-9"), forget, OneHost.stop_all, passes()),
        ("c1", "host3", OWN),
    ),
    "renamed on purpose": ((renamed_on_purpose, passes()), ("c2", "edge-9", OWN)),
    "the same, and the agent was killed before it stopped the old one, and people decide since": (
        (renamed_on_purpose, passes(1), killer(3), passes(1, 12.0), EVENTS["people decide"], passes()),
        ("c1", "host3", OWN),
    ),
    "the same, killed before the new one was called by its name": (
        (renamed_on_purpose, passes(1), killer(2), passes(1, 12.0), EVENTS["people decide"], passes()),
        ("c1", "host3", OWN),
    ),
    "the same, and the agent only went on": (
        (renamed_on_purpose, passes(1), killer(3), passes(1, 12.0), passes()),
        ("c2", "edge-9", OWN),
    ),
    "the network is made wider, and drift is only reported": (
        (lambda host: setattr(host, "settings", REPORTS), setter(eth0=("10.0.0.13/16",)), passes()),
        ("c1", "host3", OWN),
    ),
    "the records were lost, its memory too, and a virtual address is first: its sessions are still up": (
        (forget, setter(eth0=(VIP, OWN)), passes()),
        ("c1", "host3", OWN),
    ),
}


@pytest.mark.parametrize(("events", "becomes"), SCENES.values(), ids=SCENES.keys())
def test_what_becomes_of_it(events: tuple[Event, ...], becomes: tuple[str, str, str]) -> None:
    host = settled()
    for event in events:
        event(host)
    container = host.running
    assert container is not None, host.plan().doing
    assert (container.id, container.env_value("NODENAME"), container.env_value("IP")) == becomes
    assert container.name == "calico-node"
    assert [one.name for one in host.containers.values() if one.running] == ["calico-node"]
