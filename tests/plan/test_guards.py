"""Nothing is started under an address or name that is not proved."""

from dataclasses import replace
from ipaddress import ip_interface

from calico_agent.model.identity import NameChoice
from calico_agent.model.node import Datastore, Node
from calico_agent.model.observation import Unreadable
from calico_agent.plan.guards import decide_wanted
from tests.plan.test_wanted import ETCD, IDENTITY, NODE

US = Node("host1", ipv4=ip_interface("10.77.0.11/24"))
OTHER = Node("host2", ipv4=ip_interface("10.77.0.12/24"))


def test_a_free_address_is_proved() -> None:
    wanted = decide_wanted(NODE, ETCD, IDENTITY, Datastore(nodes=(US, OTHER)))
    assert wanted.spec is not None
    assert not wanted.unproved


def test_an_address_of_another_node_is_named_with_its_holder_and_the_cure() -> None:
    squatter = replace(OTHER, ipv4=ip_interface("10.77.0.11/32"))
    unproved = decide_wanted(NODE, ETCD, IDENTITY, Datastore(nodes=(squatter,))).unproved
    assert "node host2 is registered with 10.77.0.11" in unproved
    assert "calicoctl delete node host2" in unproved


def test_an_unreadable_datastore_proves_nothing() -> None:
    wanted = decide_wanted(NODE, ETCD, IDENTITY, Unreadable("etcd", "connection refused"))
    assert "connection refused" in wanted.unproved


def test_no_datastore_no_container() -> None:
    assert decide_wanted(NODE, None, IDENTITY, Datastore()).why_not == "no datastore is configured"


def test_a_refused_name_is_the_reason() -> None:
    nameless = replace(IDENTITY, name=NameChoice(None, refusal="localhost is the name of every host"))
    wanted = decide_wanted(NODE, ETCD, nameless, Datastore())
    assert (wanted.spec, wanted.why_not) == (None, "localhost is the name of every host")
