"""What holds for every host, however odd."""

from ipaddress import ip_address

from hypothesis import given
from hypothesis import strategies as st

from calico_agent.model.calico.node import Datastore
from calico_agent.model.container.container import Docker
from calico_agent.model.identity import AddressChoice
from calico_agent.model.observation import Unreadable
from tests.identity.machine import BRIDGE_NETWORK, Machine, held, link, node, pool, source

ADDRESSES = ("10.0.0.13", "10.0.0.14", "192.168.7.3", "172.17.0.1", "127.0.0.1", "169.254.3.3")
KINDS = ("", "bridge", "veth", "bond", "vlan", "tun", "vxlan", "wireguard", "dummy", "openvswitch")

addresses = st.builds(
    lambda address, length, secondary, tentative: held(f"{address}/{length}", secondary=secondary, tentative=tentative),
    st.sampled_from(ADDRESSES),
    st.sampled_from((8, 16, 24, 31, 32)),
    st.booleans(),
    st.booleans(),
)
links = st.builds(
    lambda number, kind, held_here, master, up, running: link(
        f"eth{number}", *held_here, index=number, kind=kind, master=master, up=up, running=running
    ),
    st.integers(1, 5),
    st.sampled_from(KINDS),
    st.lists(addresses, max_size=3),
    st.integers(0, 5),
    st.booleans(),
    st.booleans(),
)
sources = st.builds(
    source,
    st.sampled_from(("10.0.0.11", "10.0.0.12", "198.51.100.1")),
    st.sampled_from((*ADDRESSES, "10.9.9.9", "")),
)
machines = st.builds(
    Machine,
    links=st.lists(links, max_size=5, unique_by=lambda each: each.name).map(tuple),
    default_route=st.sampled_from(("", "eth1", "eth2")),
    default_sources=st.lists(sources, max_size=2).map(tuple),
    sources=st.lists(sources, max_size=3).map(tuple),
    docker=st.sampled_from((Docker(networks=(BRIDGE_NETWORK,)), Unreadable("Docker", "down"))),
    datastore=st.sampled_from(
        (
            Datastore(),
            Datastore(
                nodes=(node("host1", "10.0.0.11/24"), node("host3", "10.0.0.13/24")), pools=(pool("10.0.0.0/8"),)
            ),
            Unreadable("etcd", "down"),
        )
    ),
    endpoints=st.sampled_from(((), ("10.0.0.12",), ("127.0.0.1",))),
)


def decide(machine: Machine) -> AddressChoice:
    return machine.identify().ipv4


@given(machines)
def test_an_address_is_chosen_or_refused_with_a_reason(machine: Machine) -> None:
    """Never both, never neither."""
    choice = decide(machine)
    assert (choice.chosen is None) == bool(choice.refusal) == bool(choice.refusal_code)


@given(machines)
def test_a_chosen_address_is_an_accepted_candidate(machine: Machine) -> None:
    """Whatever rule chose it."""
    choice = decide(machine)
    if choice.chosen is not None:
        accepted = {(candidate.interface, candidate.link) for candidate in choice.candidates if candidate.accepted}
        assert (choice.chosen, choice.link) in accepted


@given(machines)
def test_the_order_of_links_does_not_decide_which_address(machine: Machine) -> None:
    """Calico's first-found is exactly that order."""
    turned = machine.having(links=tuple(reversed(machine.links)))
    here, there = decide(machine).chosen, decide(turned).chosen
    held_once = here is not None and sum(a.address == here.ip for each in machine.links for a in each.addresses) == 1
    if here is None or held_once:
        assert here == there


@given(machines, st.sampled_from(ADDRESSES))
def test_a_configured_address_is_taken_or_refused_but_never_replaced(machine: Machine, address: str) -> None:
    """What is written down is not overruled by a guess."""
    choice = decide(machine.configured(address))
    assert choice.chosen is None or choice.chosen.ip == ip_address(address)
