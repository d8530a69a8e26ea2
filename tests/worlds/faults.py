"""The catalogue of faults: what is done to a healthy world, and what must be said of it.

`roots` are the codes of which one must be a root cause on the host that can know it best.
"""

from dataclasses import dataclass

from tests.worlds import mistakes
from tests.worlds.mistakes import Done


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind. `here`: its own host knows it best; else one of the others does.

    `everywhere`: it is a fault of all hosts, so that each may say of itself what is said. `curable`: its printed cure,
    where the model knows the command, makes all well.
    """

    name: str
    do: Done
    roots: frozenset[str]
    here: bool = True
    everywhere: bool = False
    curable: bool = True


def _codes(*codes: str) -> frozenset[str]:
    return frozenset(codes)


FAULTS = (
    Fault("calico/node is given the address of docker0", mistakes.docker_address, _codes("IP-BRIDGE", "SV-EXITED")),
    Fault("calico/node is given an address that no link has", mistakes.nowhere, _codes("IP-NOT-LOCAL")),
    Fault("calico/node is given the address of another node", mistakes.taken_address, _codes("SV-EXITED")),
    Fault(
        "calico/node is given the name of another node", mistakes.taken_name, _codes("IP-NOT-LOCAL"), False, True, False
    ),
    Fault("BIRD does not run", mistakes.stop("bird"), _codes("BIRD-DOWN", "SV-RESTARTING")),
    Fault("Felix does not run", mistakes.stop("felix"), _codes("SV-FELIX")),
    Fault("calico/node does not run", mistakes.stop("calico"), _codes("SV-EXITED")),
    Fault("the link is switched off", mistakes.link_down, _codes("RT-LINK-DOWN")),
    Fault("tunl0 is switched off", mistakes.tunnel_down, _codes("RT-TUNNEL-DEVICE")),
    Fault("somebody wrote a route to a block", mistakes.foreign_route, _codes("RT-FOREIGN", "RT-SHADOWED")),
    Fault("a policy rule leads packets to a block away", mistakes.diverted, _codes("RT-DIVERTED")),
    Fault("the mesh is off and nothing stands in for it", mistakes.mesh_off, _codes("BGP-NO-PEERS"), everywhere=True),
    Fault("the node is deleted while it runs", mistakes.record_deleted, _codes("NODE-NO-RECORD"), curable=False),
    Fault("a block is claimed by two nodes", mistakes.claimed_twice, _codes("RT-DUPLICATE-AFFINITY")),
    Fault("the claim on a block in use is pending", mistakes.unclaimed, _codes("RT-UNCLAIMED")),
    Fault("a pool is deleted in use", mistakes.pool_deleted, _codes("RT-POOL-GONE")),
    Fault("a pool is not exported", mistakes.not_exported, _codes("RT-NOT-EXPORTED")),
    Fault("two nodes have one tunnel address", mistakes.same_tunnel_address, _codes("RT-ADDRESS-TWICE")),
    Fault("a pod is recorded for another node", mistakes.pod_elsewhere, _codes("RT-WORKLOAD-UNKNOWN"), everywhere=True),
    Fault(
        "a Docker network is a part of the hosts' network", mistakes.docker_over_wire, _codes("RT-OVERLAP", "IP-BRIDGE")
    ),
    Fault(
        "a Docker network covers a block", mistakes.docker_over_block, _codes("RT-OVERLAP", "RT-FOREIGN", "RT-SHADOWED")
    ),
)
