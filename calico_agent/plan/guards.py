"""What must be so before calico/node may be started under a name and an address.

calico/node itself refuses an address that another node record holds, but only after it was started, and it takes a name
that another host uses without a word (node/pkg/lifecycle/startup/startup.go:1142,1195@v3.32.1).
"""

from calico_agent.model.action import Wanted
from calico_agent.model.identity import Identity
from calico_agent.model.node import Datastore
from calico_agent.model.observation import Unreadable
from calico_agent.model.settings import DatastoreSettings, NodeSettings
from calico_agent.plan.wanted import wanted_container


def decide_wanted(
    node: NodeSettings, settings: DatastoreSettings | None, identity: Identity, datastore: Datastore | Unreadable
) -> Wanted:
    """The container this host should run, with what speaks against starting it."""
    if settings is None:
        return Wanted(None, "no datastore is configured")
    if not identity.complete:
        choices = (identity.name, identity.ipv4, identity.ipv6)
        return Wanted(
            None, next((choice.refusal for choice in choices if choice.refusal), "who this host is, is not known")
        )
    spec = wanted_container(node, settings, identity)
    if isinstance(datastore, Unreadable):
        return Wanted(spec, unproved=f"etcd cannot be asked whether another node has this address: {datastore.reason}")
    return Wanted(spec, unproved=_held_by_another(datastore, identity))


def _held_by_another(datastore: Datastore, identity: Identity) -> str:
    for choice in (identity.ipv4, identity.ipv6):
        for node in datastore.nodes:
            registered = node.registered(choice.family)
            if choice.chosen and registered and registered.ip == choice.chosen.ip and node.name != identity.name.name:
                return (
                    f"node {node.name} is registered with {registered.ip}, the address of this host; "
                    f"if that is this machine's old name: calicoctl delete node {node.name}"
                )
    return ""
