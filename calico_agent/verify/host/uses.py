"""What of Calico is used on this host."""

from calico_agent.model.address import Family
from calico_agent.model.bgp import Bird
from calico_agent.model.observation import Unreadable
from calico_agent.verify.local import runs_elsewhere
from calico_agent.verify.view import View


def uses_family(view: View, family: Family) -> bool:
    """Whether pods may have addresses of a family: IPv4, unless this host is to have none; IPv6 where it has one."""
    choice = view.identity.ipv4 if family is Family.IPV4 else view.identity.ipv6
    return choice.wanted or (view.local.node is not None and view.local.node.registered(family) is not None)


def runs(view: View) -> bool | None:
    """Whether Felix had the time to prepare the host: calico/node runs, and was not started just now; None where that
    is not known."""
    container = view.local.container
    if container is not None and container.running:
        return not view.starting
    if isinstance(view.observation.docker, Unreadable):
        return True if isinstance(view.observation.bird, Bird) else None
    return runs_elsewhere(view.observation)
