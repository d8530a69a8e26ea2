"""Which addresses the node record gets, and whether another node has them already.

node/pkg/lifecycle/startup/startup.go@v3.31.7: IP and IP6 say an address, `autodetect`, `none` or nothing.
Nothing keeps what is stored, however wrong, and detects only an IPv4 address and only when none is stored.
"""

from collections.abc import Mapping
from ipaddress import IPv4Interface, IPv6Interface, ip_interface
from typing import Any

from tests.lab.image import logs
from tests.lab.image.autodetect import InvalidMethodError, default_interfaces, detect, read_links
from tests.lab.image.errors import AddressError
from tests.lab.image.keys import NODES
from tests.lab.image.store import Store

_FIELD = {4: "ipv4Address", 6: "ipv6Address"}

Interface = IPv4Interface | IPv6Interface


def configure_addresses(store: Store, node: dict[str, Any], environment: Mapping[str, str]) -> None:
    """Fill `spec.bgp` of the node record.

    Raises:
        AddressError: no address, no valid one, or another node has it.
    """
    spec = node["spec"]
    if not spec.get("bgp"):
        logs.info("Initialize BGP data")
        spec["bgp"] = {}
    bgp: dict[str, Any] = spec["bgp"]
    before = dict(bgp)
    for version in (4, 6):
        _configure_family(bgp, version, environment)
    if not any(bgp.get(field) for field in _FIELD.values()):
        logs.error("no IPv4 or IPv6 addresses configured or detected, required for Calico networking")
        raise AddressError
    given = [environment.get(variable, "") for variable in ("IP", "IP6")]
    if any(value not in {"", "none"} for value in given):
        spec["interfaces"] = default_interfaces()
    if as_number := environment.get("AS"):
        bgp["asNumber"] = int(as_number)
    changed = [version for version, field in _FIELD.items() if bgp.get(field) != before.get(field)]
    for version in changed:
        logs.info(f"Node IPv{version} changed, will check for conflicts")
    if changed and environment.get("DISABLE_NODE_IP_CHECK") != "true":
        _check_conflicts(store, node["metadata"]["name"], before, bgp)


def _configure_family(bgp: dict[str, Any], version: int, environment: Mapping[str, str]) -> None:
    """What IP or IP6 says. IPv6 is detected only when asked for; IPv4 also when nothing is said and nothing stored."""
    field, variable = _FIELD[version], "IP" if version == 4 else "IP6"
    wanted, stored = environment.get(variable, ""), bgp.get(field, "")
    family = f"IPv{version}"
    if wanted == "none":
        if stored:
            logs.info(f"Autodetection for {family} disabled, keeping existing value: {stored}")
    elif wanted == "autodetect" or (not wanted and not stored and version == 4):
        method = environment.get(f"{variable}_AUTODETECTION_METHOD", "")
        try:
            found = detect(method, version)
        except InvalidMethodError as wrong:
            logs.error(f"Invalid IP autodetection method: {method}")
            raise AddressError(erases=False) from wrong
        if found is not None:
            bgp[field] = str(found)
        elif stored:
            logs.warning(f"Autodetection of {family} address failed, keeping existing value: {stored}")
        else:
            logs.warning(
                f"Couldn't autodetect an {family} address. If auto-detecting, choose a different autodetection method. "
                "Otherwise provide an explicit address."
            )
            reason = f"failed to configure IP addresses and subnets: failed to autodetect an {family} address"
            logs.error("Failed to configure IP addresses", error=ValueError(reason))
            raise AddressError
    elif wanted:
        bgp[field] = str(_given_address(wanted, variable, version))
    elif stored:
        _warn_unless_local(ip_interface(stored))


def _given_address(wanted: str, variable: str, version: int) -> Interface:
    try:
        address = ip_interface(wanted)
        valid = address.version == version
    except ValueError:
        valid = False
    if not valid:
        if "/" not in wanted:
            logs.warning(f"Attempt to get the local CIDR: {wanted} failed, {wanted} is invalid")
        logs.warning(f"Environment does not contain a valid IPv{version} address: {variable}={wanted}")
        raise AddressError
    if "/" not in wanted and version == 4:
        local = next((a for link in read_links() for a in link.addresses if a.ip == address.ip), None)
        if local is None:
            logs.warning(f"Unable to find matching host interface for IP {wanted}")
        else:
            address = local
            logs.info("Including CIDR information from host interface.", CIDR=address)
    logs.info(f"Using IPv{version} address from environment: {variable}={address}")
    _warn_unless_local(address)
    return address


def _warn_unless_local(address: Interface) -> None:
    if not any(a.ip == address.ip for link in read_links() for a in link.addresses):
        logs.warning(f"Unable to confirm IPv{address.version} address {address.ip} is assigned to this host")


def _check_conflicts(store: Store, name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Another node with our address ends the start; our own name with another address is worth a warning only."""
    others = {key.removeprefix(NODES): value for key, value in store.list(NODES).items.items()}
    for version, field in _FIELD.items():
        mine, mine_before = (str(value).partition("/")[0] for value in (after.get(field, ""), before.get(field, "")))
        if mine_before and mine != mine_before:
            logs.warning(
                f"IPv{version} address has changed. This could happen if there are multiple nodes with the same name.",
                node=name,
                original=mine_before,
                updated=mine,
            )
        for other, node in others.items():
            theirs = str(((node or {}).get("spec", {}).get("bgp") or {}).get(field, "")).partition("/")[0]
            if mine and other != name and theirs == mine:
                logs.warning(f"Calico node '{other}' is already using the IPv{version} address {mine}.")
                raise AddressError
