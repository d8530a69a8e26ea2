"""All places that name this host, side by side: most trouble with names is two of them that differ.

A pod is registered by the CNI plugin under the name that the plugin finds, its routes are made by calico/node under its
own, and Kubernetes knows the node by the kubelet's: they must be one name.
"""

from collections.abc import Iterator

from calico_agent.identity.links import own_addresses
from calico_agent.model.calico.node import Datastore, Node
from calico_agent.model.container.container import Docker
from calico_agent.model.host.claimant import machine_of
from calico_agent.model.host.machine import Host
from calico_agent.model.identity import KeptIdentity, NameSource
from calico_agent.model.last_value_cache import LastValueCache
from calico_agent.model.name_lease import claims_of
from calico_agent.model.network.address import IPAddress
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.observation import Unreadable

CONFIGURATION, KUBELET, LAST_CHOICE, HOST_NAME = "configuration", "kubelet", "last choice", "host name"
CNI = "CNI"
CALICO_NODE, CLAIM, NODE_RECORD = "calico/node", "claim", "node record"


def name_sources(
    host: Host | Unreadable,
    kernel: Kernel | Unreadable,
    docker: Docker | Unreadable,
    datastore: Datastore | Unreadable,
    configured: str,
    kept: KeptIdentity,
) -> tuple[NameSource, ...]:
    """Return every source, those that say nothing included, where it could be asked."""
    found = [NameSource(CONFIGURATION, configured, "[identity] name")]
    if kept.name:
        found.append(NameSource(LAST_CHOICE, kept.name, "identity.json in the state directory"))
    if isinstance(host, Host):
        found += _on_the_machine(host)
    if isinstance(docker, Docker):
        found += [
            NameSource(CALICO_NODE, container.env_value("NODENAME"), f"NODENAME of the container {container.name}")
            for container in docker.containers
            if container.alive
        ]
    if isinstance(datastore, Datastore) and isinstance(kernel, Kernel):
        found += _by_address(kernel, datastore)
        if isinstance(host, Host):
            machine = machine_of(host, kernel.links)
            claims = claims_of(machine, datastore.claims)
            found += [NameSource(CLAIM, one.name, "this machine's, in the datastore") for one in claims]
    return tuple(found)


def _on_the_machine(host: Host) -> Iterator[NameSource]:
    kubelet = host.kubelet
    where = f"--hostname-override of process {kubelet.pid}" if kubelet else "no kubelet runs here"
    yield NameSource(KUBELET, kubelet.hostname_override if kubelet else "", where)
    yield NameSource(HOST_NAME, host.hostname, "hostname")
    yield NameSource("full name", host.fqdn, "/etc/hosts")
    stored = ", ".join(filter(None, ("/var/lib/calico/nodename", host.nodename_trouble)))
    yield NameSource("nodename file", host.nodename_file or "", stored)
    for plugin in host.cni:
        notes = (f"by {plugin.nodename_file}" if plugin.nodename_file else "", plugin.error)
        where = ", ".join((plugin.file, *filter(None, notes)))
        yield NameSource(CNI, plugin.nodename, where, plugin.behind)


def _by_address(kernel: Kernel, datastore: Datastore) -> tuple[NameSource, ...]:
    """The records that hold an address of a link that other hosts cannot have as their own, too."""
    return _records_of(tuple(own_addresses(kernel).items()), datastore.nodes)


@LastValueCache
def _records_of(here: tuple[tuple[IPAddress, str], ...], nodes: tuple[Node, ...]) -> tuple[NameSource, ...]:
    links = dict(here)
    return tuple(
        NameSource(NODE_RECORD, node.name, f"is registered with {registered.ip} ({links[registered.ip]})")
        for node in nodes
        for registered in (node.ipv4, node.ipv6)
        if registered is not None and registered.ip in links
    )
