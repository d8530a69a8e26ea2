"""Sessions between nodes that end with "Bad peer AS": what the records tell of the two AS numbers.

From v3.31 on a mesh peer without a number in its record is taken to be of the node's own AS, not of the cluster's
(confd/pkg/backends/calico/bgp_processor.go@v3.32.1). So a node that alone has another number takes all others to have
that number too, refuses them, and every session of it ends with "Bad peer AS" (seen running, v3.32.1).
"""

from calico_agent.expected.bgp_peers import ExpectedSession
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


def of_two_records(view: View, session: Session, node: str, wanted: ExpectedSession | None) -> tuple[str, str] | None:
    """Return how a BGPPeer contradicts the record of its peer, a node, and what to do; None where it does not."""
    record = view.cluster.nodes.get(node) if view.cluster is not None else None
    if view.cluster is None or record is None or wanted is None or not wanted.peering:
        return None
    number = record.as_number or view.cluster.bgp.as_number
    if "Bad peer AS" not in session.last_error or session.neighbour_as in {None, number}:
        return None
    name = wanted.peering
    return f"BGPPeer {name} has the AS number {session.neighbour_as} for it, and its record {number}", (
        f"write asNumber {number} into BGPPeer {name} (calicoctl get bgppeer {name} -o yaml), or correct that of {node}"
    )


def not_as_recorded(session: Session, node: str, wanted: ExpectedSession | None) -> tuple[str, str] | None:
    """Return why AS numbers keep a session with a node away although this host's BIRD goes by the records, and what to
    do; None where it does not, or where another reason keeps it away.

    Whatever else speaks BGP on a node has its own AS number, and dials or answers with the node's address: kube-vip
    (kube-vip/kube-vip#398), MetalLB, FRR.
    """
    bad_as = node and "Bad peer AS" in session.last_error
    if not bad_as or wanted is None or session.neighbour_as not in wanted.as_numbers:
        return None
    it_says = (
        "takes this host to be of another AS than the records say"
        if session.last_error.startswith("Received:")
        else f"is not of AS {session.neighbour_as}, as the records say"
    )
    return f"what speaks BGP there {it_says}: another program than calico/node, or a BIRD that is not up to date", (
        f"on {node}: ss -atnp '( sport = :179 or dport = :179 )' shows who speaks BGP (kube-vip, MetalLB and FRR do, "
        f"too); if it is bird alone, restart calico/node there"
    )


def _write(number: int, node: str) -> str:
    return f"""calicoctl patch node {node} -p '{{"spec":{{"bgp":{{"asNumber":{number}}}}}}}'"""
