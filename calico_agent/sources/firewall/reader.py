"""The packet filter: iptables of both kinds and nft, each by its own tool, without loading what was not there.

iptables-legacy-save makes a table that it is asked for, and asking nf_tables anything loads it: so the kernel's own
list of legacy tables, and the list of modules, are looked at first.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from calico_agent.model.network.firewall import Firewall, Masquerading, Table, Tool
from calico_agent.model.unreadable import Unreadable
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.firewall.decode.iptables_save import decode_save
from calico_agent.sources.firewall.decode.nft_chains import ANY_FAMILY, GET_CHAIN, Chain, decode_chains
from calico_agent.sources.firewall.decode.nft_ruleset import decode_nft
from calico_agent.sources.host.text_file import read_text
from calico_agent.sources.host.tool import find_tool, run_tool
from calico_agent.sources.kernel.kernel_modules import module_directory
from calico_agent.sources.kernel.netlink_socket import NetlinkSocket, retry_transient
from calico_agent.sources.kernel.uapi import NETLINK_NETFILTER

# On a busy machine 50,000 rules take iptables-nft-save some seconds; they are 8 MB of text. nft's JSON becomes
# ten times as large in memory.
# iptables-nft-save of a nat table with 20,000 chains of kube-proxy keeps a core busy for seven seconds, which is more
# than it is worth: nothing is dropped there, and what kube-proxy was told is known without.
_MOST_CHAINS_OF_NAT = 4000
_SECONDS, _LONGEST_SAVE, _LONGEST_JSON = 8.0, 24 << 20, 8 << 20
_OF_IPTABLES = frozenset(("raw", "mangle", "nat", "filter", "security"))
_HOOKS_OF_IPTABLES = frozenset(("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"))
_PREFIXES = {"ip": "iptables", "ip6": "ip6tables"}
_NAMES = {"ip": "ip_tables_names", "ip6": "ip6_tables_names"}
_FAMILIES = frozenset(("ip", "ip6", "inet", "netdev"))

Part = tuple[tuple[Table, ...], Masquerading] | Unreadable


def read_firewall() -> Firewall:
    """All tables of this network namespace. What cannot be read is told in it; nothing is raised."""
    tables: list[Table] = []
    unread: list[Unreadable] = []
    masquerading = Masquerading()
    for part in (*_legacy(), *_nf_tables()):
        if isinstance(part, Unreadable):
            unread.append(part)
        else:
            tables.extend(part[0])
            masquerading += part[1]
    return Firewall(tuple(tables), tuple(unread), masquerading)


def _legacy() -> Iterator[Part]:
    for family, prefix in _PREFIXES.items():
        try:
            names = read_text(Path("/proc/thread-self/net") / _NAMES[family]) or ""
        except OSError as error:
            yield Unreadable("iptables", f"the tables of {prefix}-legacy cannot be seen: {error.strerror}.", "denied")
            continue
        if not names.split():
            continue
        tool = find_tool(f"{prefix}-legacy-save") or _usual(f"{prefix}-save", nft=False)
        if tool is None:
            yield Unreadable(
                "iptables", f"there are {prefix} (legacy) rules, and no {prefix}-legacy-save here.", "absent"
            )
            continue
        yield _saved(Tool.LEGACY, family, tool)


def _usual(name: str, *, nft: bool) -> Path | None:
    """The tool without the name of a kind, if it is of that kind: before iptables 1.8 there was only the legacy one."""
    tool = find_tool(name)
    return tool if tool is not None and ("nft" in tool.resolve().name) is nft else None


def _saved(tool: Tool, family: str, path: Path, *arguments: str) -> Part:
    output = run_tool(path, *arguments, seconds=_SECONDS, limit=_LONGEST_SAVE)
    if isinstance(output, Unreadable):
        return output
    return _decoded(path.name, lambda: decode_save(tool, family, output, path.name.removesuffix("-save")))


def _decoded(source: str, decode: Callable[[], tuple[tuple[Table, ...], Masquerading]]) -> Part:
    try:
        return decode()
    except Malformed as error:
        return Unreadable(source, f"{source} printed what is not understood: {error.what}.", "malformed")


def _nf_tables() -> Iterator[Part]:
    if not _has_nf_tables():
        return
    chains = retry_transient(_chains)
    if isinstance(chains, Unreadable):
        yield Unreadable("nf_tables", f"its chains cannot be listed: {chains.reason}", chains.code)
        return
    hooked = [chain for chain in chains if chain.hooked]
    names = {(chain.family, chain.table) for chain in hooked if chain.family in _FAMILIES}
    others = {(chain.family, chain.table) for chain in hooked if chain.name not in _HOOKS_OF_IPTABLES}
    for family in _PREFIXES:
        by_iptables = {(family, table) for table in _OF_IPTABLES} & names - others
        if by_iptables:
            if sum(chain[:2] == (family, "nat") for chain in chains) > _MOST_CHAINS_OF_NAT:
                by_iptables.discard((family, "nat"))
                names.discard((family, "nat"))
            yield from _by_iptables(family, by_iptables, names)
    for family, name in sorted(names):
        yield _by_nft(family, name)


def _chains() -> tuple[Chain, ...]:
    with NetlinkSocket(protocol=NETLINK_NETFILTER) as netlink:
        return decode_chains(netlink.dump(GET_CHAIN, ANY_FAMILY))


def _by_iptables(family: str, wanted: set[tuple[str, str]], names: set[tuple[str, str]]) -> Iterator[Part]:
    """The tables that iptables made; those that it does not understand, or where it is not here, are left for nft."""
    prefix = _PREFIXES[family]
    tool = find_tool(f"{prefix}-nft-save") or _usual(f"{prefix}-save", nft=True)
    if tool is None:
        return
    for _, name in sorted(wanted):
        part = _saved(Tool.IPTABLES_NFT, family, tool, "-t", name)
        if not isinstance(part, Unreadable):
            names -= {(family, table.name) for table in part[0]} | {(family, "nat")} & wanted
            yield part


def _by_nft(family: str, name: str) -> Part:
    tool = find_tool("nft")
    if tool is None:
        return Unreadable("nft", f"there is a table {family} {name} of nftables, and no nft here.", "absent")
    output = run_tool(tool, "-j", "list", "table", family, name, seconds=_SECONDS, limit=_LONGEST_JSON)
    if isinstance(output, Unreadable):
        return output
    return _decoded(f"nft list table {family} {name}", lambda: decode_nft(output, tool.name))


def _has_nf_tables() -> bool:
    """Whether the kernel has nf_tables now. Where that cannot be seen it has: then nothing can be loaded, either."""
    try:
        loaded = Path("/proc/modules").read_text(encoding="utf-8")
    except OSError:
        return True
    if _is_named("nf_tables ", loaded.splitlines()):
        return True
    with suppress(OSError):
        built_in = (module_directory() / os.uname().release / "modules.builtin").read_text(encoding="utf-8")
        return any(line.endswith("/nf_tables.ko") for line in built_in.splitlines())
    return False


def _is_named(name: str, lines: Iterable[str]) -> bool:
    return any(line.startswith(name) for line in lines)
