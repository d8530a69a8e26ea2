"""What the agents on other nodes say of their machines, in the signs of life with which they keep their names claimed.

Only agents that supervise claim a name, so of most nodes of some clusters nothing is known.
"""

from collections.abc import Mapping

from calico_agent.expected.view import View
from calico_agent.model.host.claimant import Machine
from calico_agent.model.host.machine import Host
from calico_agent.model.last_value_cache import LastValueCache
from calico_agent.model.name_lease import AliveSign, Claim, NameOwner


def machine_of(view: View, node: str) -> Machine | None:
    """Return the machine whose agent holds the name of another node and is alive; None where no agent says so."""
    return None if node == view.local.name else machines(view).get(node)


def is_this_host(view: View, node: str) -> bool:
    """True if the name is that of this machine by its claim, whatever name its calico/node was given."""
    host, cluster = view.observation.host, view.cluster
    if cluster is None or not isinstance(host, Host) or node != view.identity.name.name:
        return False
    claims = cluster.datastore.claims
    owners = (one for one in claims if isinstance(one, NameOwner) and one.name == node)
    return bool(host.machine_id) and any(one.machine.machine_id == host.machine_id for one in owners)


def machines(view: View) -> Mapping[str, Machine]:
    """Return by the name that it holds, each machine whose agent is alive."""
    return _machines(view.cluster.datastore.claims) if view.cluster is not None else {}


@LastValueCache
def _machines(claims: tuple[Claim, ...]) -> Mapping[str, Machine]:
    return {claim.name: claim.machine for claim in claims if isinstance(claim, AliveSign)}
