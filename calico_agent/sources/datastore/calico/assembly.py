"""The datastore made of its records, whatever kind of store they came from."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from calico_agent.model.calico.bad_key import BadKey, ResourceKind
from calico_agent.model.calico.bgp_filter import BgpFilter
from calico_agent.model.calico.felix import ClusterRoutes, FelixSettings, Said
from calico_agent.model.calico.node import Affinity, BgpSettings, Block, Datastore, Node, Pool
from calico_agent.model.name_lease import AliveSign, NameOwner
from calico_agent.sources.datastore.calico.bgp_peer import BgpPeer
from calico_agent.sources.datastore.calico.resource import (
    BgpConfiguration,
    ClusterInformation,
    FelixConfiguration,
    Resource,
)
from calico_agent.sources.decode_error import Malformed

_NODE = "node."  # begins the names of resources that hold for one node
_RELEASE = re.compile(r"v([0-9]{1,4})\.([0-9]{1,4})")
_IPIP_BY_FELIX = (3, 33)

Decoded = Resource | Block | Affinity | NameOwner | AliveSign
_Kind = TypeVar("_Kind")


def bad_key(key: str, malformed: Malformed, kind: ResourceKind | None, name: str) -> BadKey:
    """A key whose value cannot be understood."""
    return BadKey(_shown(key), malformed.what, kind, _shown(name))


def assemble(decoded: Mapping[str, Decoded | BadKey], *, revision: int, read_at: datetime | None) -> Datastore:
    """The datastore made of what each key holds. In the order of the keys, whatever the order of arrival."""
    values = [decoded[key] for key in sorted(decoded)]
    cluster = next(iter(_every(ClusterInformation, values)), ClusterInformation(""))
    felix = {found.name: found.said for found in _every(FelixConfiguration, values)}
    return Datastore(
        nodes=_every(Node, values),
        pools=_every(Pool, values),
        blocks=_every(Block, values),
        affinities=_every(Affinity, values),
        bgp=_bgp(_every(BgpConfiguration, values), _every(BgpPeer, values), _every(BgpFilter, values)),
        felix=_felix(felix, cluster.version),
        felix_nodes=tuple(
            (name.removeprefix(_NODE), said) for name, said in felix.items() if said and name.startswith(_NODE)
        ),
        bad_keys=_every(BadKey, values),
        claims=tuple(value for value in values if isinstance(value, NameOwner | AliveSign)),
        cluster_guid=cluster.guid,
        calico_version=cluster.version,
        revision=revision,
        read_at=read_at,
    )


def _every(kind: type[_Kind], values: Iterable[Decoded | BadKey]) -> tuple[_Kind, ...]:
    return tuple(value for value in values if isinstance(value, kind))


def _felix(configurations: Mapping[str, Said], version: str) -> FelixSettings:
    # The default of the release that last wrote its version; one that writes none is older.
    release = _RELEASE.match(version)
    late = release is not None and (int(release[1]), int(release[2])) >= _IPIP_BY_FELIX
    default = FelixSettings(cluster_routes=ClusterRoutes.IPIP_ONLY) if late else FelixSettings()
    return default.told(configurations.get("default", ()))


def _bgp(
    configurations: tuple[BgpConfiguration, ...], peers: tuple[BgpPeer, ...], filters: tuple[BgpFilter, ...]
) -> BgpSettings:
    default = BgpSettings()
    listen_ports = []
    for configuration in configurations:
        if configuration.name == "default":
            default = BgpSettings(
                mesh=configuration.mesh,
                as_number=configuration.as_number or default.as_number,
                listen_port=configuration.listen_port or default.listen_port,
                binds_to_address=configuration.binds_to_address,
                services=configuration.services,
            )
        elif configuration.name.startswith(_NODE) and configuration.listen_port:
            listen_ports.append((configuration.name.removeprefix(_NODE), configuration.listen_port))
    return replace(
        default,
        peers=tuple(peer.name for peer in peers),
        node_listen_ports=tuple(listen_ports),
        peerings=tuple(peer.peering for peer in peers if peer.peering is not None),
        filters=filters,
    )


def _shown(written: str) -> str:
    """A key or name as it can be printed and kept: bounded, and without control characters."""
    printable = written if written.isprintable() else ascii(written)[1:-1]
    return printable if len(printable) <= 300 else f"{printable[:300]}..."
