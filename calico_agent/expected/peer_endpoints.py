"""BIRD's sessions, and the nodes at their other ends."""

from collections.abc import Mapping

from calico_agent.expected.view import View
from calico_agent.model.calico.bird import Bird, Session
from calico_agent.model.network.address import IPAddress


def all_sessions(view: View) -> tuple[Session, ...]:
    """Return the sessions of all daemons."""
    return tuple(one for _, bird in view.daemons() if isinstance(bird, Bird) for one in bird.sessions)


def node_at(view: View, address: IPAddress) -> str:
    """Return the node that is registered with an address, another one rather than this."""
    return another_holder(view.cluster.holders, address, view.local.name) if view.cluster else ""


def another_holder(holders: Mapping[IPAddress, tuple[str, ...]], address: IPAddress, own: str | None) -> str:
    """Return who of the nodes by address has this one, rather not `own`; empty for nobody."""
    names = holders.get(address, ())
    return next((name for name in names if name != own), names[0] if names else "")
