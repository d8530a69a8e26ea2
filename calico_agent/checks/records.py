"""What to type to whoever has Calico's records: etcd or the Kubernetes API, where a node is a Node, and a pod a Pod."""

from calico_agent.expected.view import View
from calico_agent.model.network.address import IPNetwork


def in_kubernetes(view: View) -> bool:
    """True if Calico's records are in the Kubernetes API."""
    settings = view.observation.datastore_settings
    return settings is not None and settings.kubernetes is not None


def delete_node(view: View, node: str) -> str:
    """Return the command that deletes a node's record."""
    return f"kubectl delete node {node}" if in_kubernetes(view) else f"calicoctl delete node {node}"


def claim_on_block(view: View, node: str, block: IPNetwork) -> str:
    """Return the key of a node's claim on a block: in etcd, or as kubectl takes it."""
    if in_kubernetes(view):
        return f"{_resource(view, 'blockaffinities')} {node}-{str(block).translate(_DASHES)}"
    return f"/calico/ipam/v2/host/{node}/ipv{block.version}/block/{str(block).replace('/', '-')}"


def shown(view: View, key: str) -> str:
    """Return the command that shows the record of a key."""
    return f"kubectl get {key} -o yaml" if in_kubernetes(view) else f"{_etcdctl(view)} get {key}"


def deleted(view: View, key: str) -> str:
    """Return the command that deletes it."""
    if in_kubernetes(view):
        return f"kubectl delete {key}"
    return f"{_etcdctl(view)} {'rm' if _is_v2(view) else 'del'} {key}"


def confirmed(view: View, claim: str) -> str:
    """Return the command that has a claim on a block count."""
    if in_kubernetes(view):
        return f"""kubectl patch {claim} --type=merge -p '{{"spec":{{"state":"confirmed"}}}}'"""
    return f"""etcdctl put {claim} '{{"state":"confirmed"}}'"""


def key_of_bad(view: View, key: str) -> str:
    """Return a key of the datastore as its own client takes it: `nodes/host1` of the Kubernetes API by its kind."""
    plural, _, name = key.partition("/")
    if not in_kubernetes(view):
        return key
    return f"{plural if plural == 'nodes' else _resource(view, plural)} {name}"


_DASHES = str.maketrans(".:/", "---")


def _resource(view: View, plural: str) -> str:
    group = view.cluster.datastore.api_group if view.cluster is not None else ""
    return f"{plural}.{group or 'crd.projectcalico.org'}"


def _etcdctl(view: View) -> str:
    return "ETCDCTL_API=2 etcdctl" if _is_v2(view) else "etcdctl"


def _is_v2(view: View) -> bool:
    settings = view.observation.datastore_settings
    return settings is not None and settings.is_of_calico_2
