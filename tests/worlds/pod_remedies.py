"""What the commands in printed cures do where a kubelet runs calico/node as a pod of a DaemonSet."""

from ipaddress import ip_network

from tests.worlds import remedies
from tests.worlds.model import history
from tests.worlds.model.startup import node_name
from tests.worlds.model.values import World
from tests.worlds.remedies import Words, own_address


def deleted(world: World, _where: str, found: Words) -> World:
    """The kubelet makes a new one."""
    host = next(one for one in world.hosts if one.machine == int(found[1]))
    return history.restart(world, host.hostname)


def deleted_of(world: World, where: str, found: Words) -> World:
    """The same on a node of Kubernetes, whatever name calico/node has there."""
    named = [one.hostname for one in world.hosts if node_name(world, one) == found[1]]
    return history.restart(world, next((one for one in named if one.lower() == found[1]), (named or [where])[0]))


def found_anew(world: World, _where: str, found: Words) -> World:
    """Every node finds its address in one way. Who is refused is started again, when the others have theirs."""
    for host in (*world.hosts, *world.hosts):
        if found[3] is None:
            world = own_address(world, host.hostname, found[1])
            continue
        networks = [ip_network(one) for one in found[3].split(",")]
        held = (one for link in host.links for one in link.addresses)
        chosen = next((one for one in held if any(one.ip in network for network in networks)), None)
        world = history.restart(world, host.hostname, **{found[1]: str(chosen) if chosen is not None else "none"})
    return world


def without_address(world: World, where: str, found: Words) -> World:
    """No node looks for one of this family any more; those that are registered stay, but the one that is taken away."""
    for host in world.hosts:
        if host.hostname != where:
            world = history.restart(world, host.hostname, **{found[1]: "none"})
    return remedies.without_address(world, where, found)


def own_name_again(world: World, where: str, _found: Words) -> World:
    """The pod gets the name of the Node that it is on."""
    return history.restart(world, where, NODENAME=world.host(where).hostname.lower())


def own_names_again(world: World, where: str, found: Words) -> World:
    """First the host whose name it is registers its own address again; at last the pods here are started anew."""
    world = own_name_again(deleted_of(world, where, found), where, found)
    return remedies.pods_started_anew(world, where, found) if "start these pods anew" in found.string else world
