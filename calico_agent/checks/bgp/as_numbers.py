"""Nodes of the mesh whose AS numbers do not fit each other.

From v3.31 on a mesh peer without a number in its record is taken to be of the node's own AS, not of the cluster's
(confd/pkg/backends/calico/bgp_processor.go@v3.32.1). So a node that alone has another number takes all others to have
that number too, refuses them, and every session of it ends with "Bad peer AS" (seen running, v3.32.1).
"""

from calico_agent.expected.view import View
from calico_agent.model.calico.bird import PeerKind, Session


def one_number_of_two(view: View, session: Session, node: str) -> tuple[str, str] | None:
    """Return why AS numbers keep a session of the mesh away, and what to do; None where the records do not tell."""
    if view.cluster is None or session.kind is not PeerKind.MESH or "Bad peer AS" not in session.last_error:
        return None
    own, other, usual = view.local.node, view.cluster.nodes.get(node), view.cluster.bgp.as_number
    if own is None or other is None:
        return None
    numbered, plain = (own, other) if own.as_number else (other, own)
    if plain.as_number or numbered.as_number in {None, usual}:
        return None
    why = f"node {numbered.name} has an AS number of its own, {numbered.as_number}, and {plain.name} has none but"
    return f"{why} the cluster's, {usual}", (
        f"{_write(usual, numbered.name)}; or, if {numbered.as_number} is wanted there, write {usual} into the records "
        f"of the others: {_write(usual, plain.name)}"
    )


def _write(number: int, node: str) -> str:
    return f"""calicoctl patch node {node} -p '{{"spec":{{"bgp":{{"asNumber":{number}}}}}}}'"""
