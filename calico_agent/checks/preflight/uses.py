"""What of Calico is used on this host."""

from collections.abc import Mapping

from calico_agent.expected.local_node import runs_elsewhere
from calico_agent.expected.view import View
from calico_agent.model.calico.bird import Bird
from calico_agent.model.calico.felix import SETTINGS, FelixSettings, variable
from calico_agent.model.calico.node import EncapsulationMode
from calico_agent.model.network.address import Family
from calico_agent.model.observation import Unreadable


def uses_family(view: View, family: Family) -> bool:
    """True if pods may have addresses of a family: IPv4, unless this host is to have none; IPv6 where it has one."""
    choice = view.identity.of(family)
    return choice.wanted or (view.local.node is not None and view.local.node.registered(family) is not None)


def runs(view: View) -> bool | None:
    """Return whether Felix had the time to prepare the host: calico/node runs, and was not started just now; None where
    that is not known.
    """
    container = view.local.container
    if container is not None and container.running:
        return not view.starting
    if isinstance(view.observation.docker, Unreadable):
        return True if isinstance(view.observation.bird, Bird) else None
    return runs_elsewhere(view.observation)


def environment(view: View) -> Mapping[str, str]:
    """Return the environment of the container that runs, or of the one that the agent would start."""
    if view.local.container is not None:
        return dict(view.local.container.env)
    spec = view.supervising.spec if view.supervising is not None else None
    return dict(spec.env) if spec is not None else {}


def felix(view: View) -> FelixSettings:
    """Return what Felix is told here, or would be by the container that the agent would start."""
    if view.local.container is not None:
        return view.local.felix
    env = environment(view)
    written = ((setting, env.get(variable(setting), "")) for setting in SETTINGS)
    return view.local.felix.told(tuple((setting, value) for setting, value in written if value))


def tunnels(view: View) -> Mapping[str, bool | None]:
    """Return which of `ipip`, `vxlan` and `wireguard` pools and Felix ask for; None where that is not known."""
    told = felix(view)
    used: dict[str, bool | None] = {"ipip": _by_pool(view, "ipip"), "vxlan": _by_pool(view, "vxlan")}
    for kind in used:
        if f"{kind}Enabled" in told.off:
            used[kind] = False
    used["wireguard"] = bool(told.wireguard) if view.cluster is not None or told.wireguard else None
    return used


def _by_pool(view: View, kind: str) -> bool | None:
    if view.cluster is not None and view.cluster.pools_known:
        pools = view.cluster.datastore.pools
        return any(getattr(pool, kind) is not EncapsulationMode.NEVER for pool in pools)
    asked = environment(view).get(f"CALICO_IPV4POOL_{kind.upper()}", "")
    return True if asked and asked.lower() not in {"never", "off"} else None
