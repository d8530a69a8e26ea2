"""Addresses and names: what a node is registered with, and what its host has."""

import json
from collections.abc import Iterator

from tests.campaign.deeds import node_with, on, record, records, start_agent
from tests.campaign.fault import fault
from tests.lab.image.keys import NODES
from tests.lab.lab import Lab


@fault("host1", "IP-BRIDGE", touches="host3 node-of-host3 records", patience=60.0)
def bridge_registered(lab: Lab) -> Iterator[None]:
    """host3's calico/node is started by hand with the address of docker0."""
    lab.node_stop("host3")
    lab.node_start("host3", {"IP": "172.17.0.1"})
    yield
    start_agent(lab, "host3")


@fault("host1", "IP-ELSEWHERE", touches="host3 node-of-host3 records", patience=60.0)
def address_of_nobody_registered(lab: Lab) -> Iterator[None]:
    """host3's calico/node is started by hand with an address that no host has."""
    lab.node_stop("host3")
    lab.node_start("host3", {"IP": "10.77.0.99"})
    yield
    start_agent(lab, "host3")


@fault("host2", "IP-NOT-LOCAL", "IP-MISMATCH", touches="node-of-host2 records")
def record_with_another_address(lab: Lab) -> Iterator[None]:
    """The record of host2 gets an address that no host has."""
    with node_with(lab, "host2", ipv4Address="10.77.0.92/24"):
        yield


@fault("host2", "IP-PREFIX", touches="node-of-host2 records")
def record_with_another_length(lab: Lab) -> Iterator[None]:
    """The address in host2's record gets the length /16."""
    with node_with(lab, "host2", ipv4Address="10.77.0.12/16"):
        yield


@fault("host3", "NODE-NO-ADDRESS", touches="node-of-host3 records")
def record_without_address(lab: Lab) -> Iterator[None]:
    """The address is taken from host3's record."""
    with node_with(lab, "host3", ipv4Address=None):
        yield


@fault("host3", "NODE-NO-RECORD", touches="node-of-host3 records")
def record_deleted(lab: Lab) -> Iterator[None]:
    """The record of host3 is deleted, its blocks stay."""
    with record(lab, f"{NODES}host3", None):
        yield


@fault("host2", "IP-CONFLICT", touches="node-of-host2 records")
def record_of_before_with_the_same_address(lab: Lab) -> Iterator[None]:
    """A node of another name is registered with host2's address."""
    value = {"kind": "Node", "metadata": {"name": "old"}, "spec": {"bgp": {"ipv4Address": "10.77.0.12/24"}}}
    with record(lab, f"{NODES}old", json.dumps(value)):
        yield


@fault("host1", "NAME-MISMATCH", touches="name-of-host1")
def host_renamed(lab: Lab) -> Iterator[None]:
    """host1 gets another host name."""
    on(lab, "host1", "hostname edge-9")
    yield
    on(lab, "host1", "hostname host1")


@fault("host2", "NAME-TWICE", "NAME-CLAIMED", "IP-CONFLICT", touches="host3 host2 node-of-host2 records", patience=60.0)
def name_of_another_node(lab: Lab) -> Iterator[None]:
    """host3's calico/node is started by hand under the name of host2."""
    before = records(lab, f"{NODES}host2")[f"{NODES}host2"]
    lab.node_stop("host3")
    lab.node_start("host3", {"NODENAME": "host2", "IP": "10.77.0.13"})
    yield
    lab.node_stop("host3")
    lab.datastore.put(f"{NODES}host2", before)
    start_agent(lab, "host3")


@fault("host1", touches="claim-of-host1 records")
def claim_deleted(lab: Lab) -> Iterator[None]:
    """The claim of host1's name is deleted from etcd, and the agent makes it again."""
    for key in records(lab, "/calico-agent/"):
        if key.endswith("/host1"):
            lab.datastore.delete(key)
    yield
