"""The rules that Felix will write where it has not run yet, as far as they decide about packets between nodes.

felix/rules/static.go@v3.32.1, and rules/static.go of projectcalico/felix from 2.3.0 to v3.21.2:

    FORWARD   cali-FORWARD stands before all others, or behind them (chainInsertMode). What the policies of pods
              allow is accepted in it up to v3.15; since v3.16 by a rule that is the last of FORWARD, so that every
              rule of the host that drops or rejects comes before it.
    INPUT     cali-INPUT accepts IPIP from other nodes since v3.0, VXLAN since v3.7, WireGuard after v3.21; before that
              they are left to the rules that follow.
    OUTPUT    likewise cali-OUTPUT, to other nodes.

Up to v3.16 Felix writes with iptables-legacy, unless it is told otherwise (FELIX_IPTABLESBACKEND, since v3.8); later
with the kind that has rules already.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from calico_agent.checks.preflight.firewall.packet import IPIP, UDP
from calico_agent.model.calico.release import Release
from calico_agent.model.network.calico_chains import BY_EBPF, MARKER
from calico_agent.model.network.firewall import (
    Act,
    Among,
    BaseChain,
    Bits,
    Field,
    Firewall,
    FirewallRule,
    Named,
    Table,
    Tool,
)

_ACCEPTS_LAST, _DETECTS = (3, 16), (3, 17)
_ACCEPTS_IPIP, _ACCEPTS_VXLAN, _ACCEPTS_WIREGUARD = (3, 0), (3, 7), (3, 22)
_MODE, _BACKEND = "FELIX_CHAININSERTMODE", "FELIX_IPTABLESBACKEND"
TOLD = frozenset((_MODE, _BACKEND))
"""The settings in the environment of its container that decide where it writes its rules."""

_HINTS = ("KUBE-IPTABLES-HINT", "KUBE-KUBELET-CANARY")
_ALLOWED = Bits(Field.MARK, 1, 1)  # whichever bit it is: `passage` knows what it stands for
_COMMENT = f"{MARKER} to come"


@dataclass(frozen=True, slots=True)
class Tunnels:
    """What this host sends to other nodes and gets from them: `udp` are the ports of VXLAN and WireGuard."""

    ipip: bool = False
    vxlan: int = 0
    wireguard: int = 0


@dataclass(frozen=True, slots=True)
class RuleWriter:
    """One way in which Felix may write its rules."""

    tool: Tool
    accepts_last: bool
    appends: bool


def has_felix(firewall: Firewall) -> bool:
    """True if it has run here."""
    return firewall.has_chain("cali-FORWARD", "filter-cali-FORWARD") or by_ebpf(firewall)


def by_ebpf(firewall: Firewall) -> bool:
    """True if its eBPF dataplane judges the packets of pods, and mostly forwards them past the packet filter."""
    entered = ((table, base.chain) for table in firewall.tables for base in table.base_chains if base.hook == "forward")
    return any(BY_EBPF in rule.comment for table, chain in entered for rule in table.chains.get(chain, ()))


def ways(firewall: Firewall, release: Release | None, told: Mapping[str, str]) -> tuple[RuleWriter, ...]:
    """Return all that are possible by what is known of it. `told` are settings of its environment."""
    appends = told.get(_MODE, "insert").lower() == "append"
    last = (True, False) if release is None else (release >= _ACCEPTS_LAST,)
    return tuple(RuleWriter(tool, one, appends) for tool in _tools(firewall, release, told) for one in last)


def _tools(firewall: Firewall, release: Release | None, told: Mapping[str, str]) -> tuple[Tool, ...]:
    chosen = told.get(_BACKEND, "auto" if release is None or release >= _DETECTS else "legacy").lower()
    if chosen in {"legacy", "nft"}:
        return (Tool.LEGACY if chosen == "legacy" else Tool.IPTABLES_NFT,)
    tables = [table for table in firewall.tables if table.family in {"ip", "ip6"} and table.tool is not Tool.NFT]
    hinted = {table.tool for table in tables if any(hint in table.chains for hint in _HINTS)}
    found = hinted or {table.tool for table in tables if _is_used(table)}
    if release is None:
        found |= {Tool.LEGACY}
    return tuple(found) or (Tool.LEGACY,)


def _is_used(table: Table) -> bool:
    return any(table.chains.values()) or any(base.drops for base in table.base_chains)


def with_felix(firewall: Firewall, family: str, way: RuleWriter, release: Release | None, tunnels: Tunnels) -> Firewall:
    """Return the firewall as it will be when Felix has written its rules into it. `family` is `ip` or `ip6`."""
    found = next(
        (one for one in firewall.tables if (one.tool, one.family, one.name) == (way.tool, family, "filter")),
        Table(way.tool, family, "filter", command=way.tool.value),
    )
    others = tuple(table for table in firewall.tables if table is not found)
    return replace(firewall, tables=(*others, _with_rules(found, way, release, tunnels)))


def _with_rules(table: Table, way: RuleWriter, release: Release | None, tunnels: Tunnels) -> Table:
    chains = dict(table.chains)
    base = {one.hook: one for one in table.base_chains}
    for name in ("INPUT", "FORWARD", "OUTPUT"):
        entered = base.setdefault(name.lower(), BaseChain(name, name.lower(), 0))
        there = chains.get(entered.chain, ())
        jump = FirewallRule(act=Act.JUMP, target=f"cali-{name}", comment=_COMMENT)
        allowed = FirewallRule((_ALLOWED,), Act.ACCEPT, comment=_COMMENT)
        last = (allowed,) if name == "FORWARD" and way.accepts_last else ()
        chains[entered.chain] = (*there, jump, *last) if way.appends else (jump, *there, *last)
        chains[f"cali-{name}"] = tuple(_for_tunnels(release, tunnels))
    within = () if way.accepts_last else (FirewallRule((_ALLOWED,), Act.ACCEPT, comment=_COMMENT),)
    chains["cali-FORWARD"] = (
        *(_asks(field, chain) for field, chain in ((Field.IN, "from"), (Field.OUT, "to"))),
        *within,
    )
    return replace(table, chains=chains, base_chains=tuple(base.values()))


def _asks(field: Field, chain: str) -> FirewallRule:
    return FirewallRule((Named(field, ("cali*",)),), Act.JUMP, f"cali-{chain}-wl-dispatch", comment=_COMMENT)


def _for_tunnels(release: Release | None, tunnels: Tunnels) -> Iterator[FirewallRule]:
    newest = release or _ACCEPTS_WIREGUARD
    if tunnels.ipip and newest >= _ACCEPTS_IPIP:
        yield FirewallRule((Among(Field.PROTOCOL, ((IPIP, IPIP),)),), Act.ACCEPT, comment=_COMMENT)
    for port, since in ((tunnels.vxlan, _ACCEPTS_VXLAN), (tunnels.wireguard, _ACCEPTS_WIREGUARD)):
        if port and newest >= since:
            matches = Among(Field.PROTOCOL, ((UDP, UDP),)), Among(Field.DESTINATION_PORT, ((port, port),))
            yield FirewallRule(matches, Act.ACCEPT, comment=_COMMENT)
