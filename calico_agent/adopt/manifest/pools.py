"""The pool of a manifest beside those of the datastore.

calico/node makes a pool from its environment only where the datastore has none of that family
(node/pkg/lifecycle/startup/startup.go of projectcalico/calico@v3.32.1, calico_node/startup/startup.go of
projectcalico/calico-containers@v1.3.0), so a difference is no fault: but who reads the configuration must know.
"""

from collections.abc import Iterator, Mapping
from ipaddress import ip_network

from calico_agent.adopt.described import Given
from calico_agent.model.calico.node import Datastore, EncapsulationMode, Pool
from calico_agent.model.network.address import IPNetwork
from calico_agent.model.observation import Unreadable

_CIDR = {4: "CALICO_IPV4POOL_CIDR", 6: "CALICO_IPV6POOL_CIDR"}
_MODES = (("CALICO_IPV{}POOL_IPIP", "ipip", "IPIP"), ("CALICO_IPV{}POOL_VXLAN", "vxlan", "VXLAN"))
_WORDS = {
    "": EncapsulationMode.NEVER,
    "never": EncapsulationMode.NEVER,
    "off": EncapsulationMode.NEVER,
    "always": EncapsulationMode.ALWAYS,
    "crosssubnet": EncapsulationMode.CROSS_SUBNET,
    "cross-subnet": EncapsulationMode.CROSS_SUBNET,
}
_ONLY_IF_NONE = "calico/node makes a pool only where there is none"


def pool_notes(env: Mapping[str, Given], datastore: Datastore | Unreadable) -> Iterator[str]:
    """A line for each pool that the manifest names and the datastore does not have so."""
    for version, variable in _CIDR.items():
        given = env.get(variable, Given())
        cidr = _network(given.value)
        if cidr is None:
            continue
        said = f"{given.place}: {variable}={cidr}"
        if isinstance(datastore, Unreadable):
            yield f"{said}: cannot tell whether the datastore has this pool: {datastore.reason}"
            continue
        pools = [pool for pool in datastore.pools if pool.cidr.version == version]
        if not pools:
            yield f"{said}: the datastore has no IPv{version} pool, so the first calico/node that starts makes this one"
        elif same := next((pool for pool in pools if pool.cidr == cidr), None):
            yield from _modes(env, same, version)
        else:
            names = ", ".join(f"{pool.cidr}" for pool in pools[:5])
            yield f"{said}, but the datastore has {names}: {_ONLY_IF_NONE}, so pods go on getting those addresses"


def _modes(env: Mapping[str, Given], pool: Pool, version: int) -> Iterator[str]:
    for name, attribute, word in _MODES:
        given = env.get(name.format(version), Given())
        wanted, has = _WORDS.get(given.value.strip().lower()), getattr(pool, attribute)
        if given.value and wanted is not None and wanted is not has:
            yield (
                f"{given.place}: {name.format(version)}={given.value}, but the datastore's pool {pool.cidr} has {word} "
                f"{has.value}: {_ONLY_IF_NONE}, so that stays"
            )


def _network(text: str) -> IPNetwork | None:
    try:
        return ip_network(text.strip(), strict=False) if text.strip() else None
    except ValueError:
        return None
