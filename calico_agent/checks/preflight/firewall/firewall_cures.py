"""Who owns the rules that drop a packet, and by which command its owner lets it pass for good.

A rule that is put into the tables of a firewall manager is gone when that reloads them: the manager is told instead.
"""

import re
from collections.abc import Collection, Iterable
from enum import Enum

from calico_agent.checks.preflight.firewall.packet import TCP, UDP
from calico_agent.checks.preflight.firewall.passage import Culprit
from calico_agent.checks.preflight.firewall.traffic import Traffic
from calico_agent.model.network.address import IPNetwork
from calico_agent.model.network.firewall import USERS_CHAIN_OF_DOCKER, Table, Tool

_PROTOCOLS = {TCP: "tcp", UDP: "udp"}
_ZONE = re.compile(r"^(?:filter_)?(?:IN|FWD|FWDI)_([A-Za-z0-9_-]+?)(?:_(?:pre|log|deny|allow|post))?$")


class Manager(Enum):
    """What keeps the rules of a table."""

    FIREWALLD = "firewalld"
    UFW = "ufw"
    DOCKER = "Docker"
    NOBODY = "nobody"


def manager_of(culprit: Culprit) -> Manager:
    """Return the one whose chains are there. A policy of FORWARD belongs to Docker where nobody else has chains."""
    table = culprit.table
    if table.name == "firewalld" or any(name.startswith(("INPUT_ZONES", "IN_public")) for name in table.chains):
        return Manager.FIREWALLD
    if any(name.startswith(("ufw-", "ufw6-")) for name in table.chains):
        return Manager.UFW
    if USERS_CHAIN_OF_DOCKER in table.chains and culprit.base == "FORWARD" and not _is_by_hand(culprit):
        return Manager.DOCKER
    return Manager.NOBODY


def _is_by_hand(culprit: Culprit) -> bool:
    """Whether it is a rule of FORWARD itself, which may stand before Docker's chains."""
    return culprit.rule is not None and culprit.chain == "FORWARD"


def words_of(culprit: Culprit) -> str:
    """Return what drops it, for people."""
    table, rule = culprit.table, culprit.rule
    place = f"{table.command or table.tool.value}, table {_named(table)}"
    if rule is None:
        return f"the policy DROP of chain {culprit.chain} ({place})"
    if table.tool is Tool.NFT:
        return f"the rule `{rule.text}` ({place}), which `nft -a list chain {_named(table)} {culprit.chain}` shows"
    return f"the rule `{rule.text}` ({place})" if rule.text else f"a rule of chain {culprit.chain} ({place})"


def _named(table: Table) -> str:
    return table.name if table.tool is not Tool.NFT else f"{table.family} {table.name}"


def let_in(culprit: Culprit, traffic: Traffic, nodes: Collection[IPNetwork]) -> str:
    """Return the command that lets the packets of these nodes in, or out to them."""
    sources, manager = [_short(source) for source in nodes], manager_of(culprit)
    if traffic.way == "to":
        return _let_out(culprit, traffic, sources)
    if manager is Manager.FIREWALLD:
        zone = f"--zone={_zone(culprit)} " if _zone(culprit) else ""
        what = f"--add-port={_port(traffic)}" if traffic.port else f"--add-protocol={traffic.protocol}"
        return f"firewall-cmd --permanent {zone}{what} && firewall-cmd --reload"
    if manager is Manager.UFW:
        return _joined(
            f"ufw allow from {source}" + (f" to any port {traffic.port} proto {_name(traffic)}" if traffic.port else "")
            for source in sources or ("ADDRESS-OF-A-NODE",)
        )
    return _inserted(culprit, traffic, "s" if culprit.table.tool is not Tool.NFT else "saddr", sources)


def _let_out(culprit: Culprit, traffic: Traffic, nodes: list[str]) -> str:
    if manager_of(culprit) is Manager.UFW:
        return _joined(f"ufw allow out to {node}" for node in nodes or ("ADDRESS-OF-A-NODE",))
    return _inserted(culprit, traffic, "d" if culprit.table.tool is not Tool.NFT else "daddr", nodes)


def _inserted(culprit: Culprit, traffic: Traffic, end: str, nodes: list[str]) -> str:
    table = culprit.table
    base = culprit.base
    if table.tool is Tool.NFT:
        where = f"ip{'6' if nodes and ':' in nodes[0] else ''} {end} {{ {', '.join(nodes)} }} " if nodes else ""
        what = f"{_name(traffic)} dport {traffic.port}" if traffic.port else f"meta l4proto {traffic.protocol}"
        return f"nft insert rule {table.family} {table.name} {base} {where}{what} accept"
    what = f"-p {_name(traffic)}" + (f" --dport {traffic.port}" if traffic.port else "")
    return _joined(
        f"{table.command} -t {table.name} -I {base}{f' -{end} {node}' if node else ''} {what} -j ACCEPT"
        for node in nodes or ("",)
    )


def forward(culprit: Culprit, pools: Collection[IPNetwork]) -> str:
    """Return the command that lets the packets of pods pass that this host forwards."""
    table, manager = culprit.table, manager_of(culprit)
    networks = [str(pool) for pool in pools] or ["NETWORK-OF-THE-PODS"]
    if manager is Manager.FIREWALLD:
        added = " ".join(f"--add-source={network}" for network in networks)
        return f"firewall-cmd --permanent --zone=trusted {added} && firewall-cmd --reload"
    if manager is Manager.UFW:
        return _joined(f"ufw route allow from {one} && ufw route allow to {one}" for one in networks)
    if table.tool is Tool.NFT:
        base, family = culprit.base, "ip6" if ":" in networks[0] else "ip"
        return _joined(
            f"nft insert rule {table.family} {table.name} {base} {family} {end} {one} accept"
            for one in networks
            for end in ("saddr", "daddr")
        )
    chain = USERS_CHAIN_OF_DOCKER if manager is Manager.DOCKER else culprit.base
    return _joined(
        f"{table.command} -t {table.name} -I {chain} -{end} {one} -j ACCEPT" for one in networks for end in ("s", "d")
    )


def _zone(culprit: Culprit) -> str:
    found = _ZONE.match(culprit.chain)
    return found[1] if found else ""


def _short(network: IPNetwork) -> str:
    return str(network.network_address) if network.num_addresses == 1 else str(network)


def _port(traffic: Traffic) -> str:
    return f"{traffic.port}/{_name(traffic)}"


def _name(traffic: Traffic) -> str:
    return _PROTOCOLS.get(traffic.protocol, str(traffic.protocol))


def _joined(commands: Iterable[str]) -> str:
    return " && ".join(commands)
