"""One option of an iptables rule, with the module that it belongs to -> the conditions that it stands for.

iptables-extensions(8). iptables-save writes numbers for ports and marks, and names for protocols.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from ipaddress import ip_address, ip_network

from calico_agent.model.network.firewall import (
    ALL_BITS,
    NEVER,
    Among,
    Bits,
    Either,
    Field,
    Match,
    Named,
    Ranges,
    Unclear,
)
from calico_agent.sources.firewall.decode.protocols import protocol_number

_FLAGS = {"FIN": 1, "SYN": 2, "RST": 4, "PSH": 8, "ACK": 16, "URG": 32, "ALL": 63, "NONE": 0}
_LARGEST_PORT = 65535

Words = list[str]


def condition(module: str, option: str, arguments: Words, negated: bool) -> Iterator[Match]:
    """What it asks for; nothing where it always holds."""
    reader = _OPTIONS.get(option) or _BY_MODULE.get(module, {}).get(option)
    if module in _HOLD and reader is None:
        return
    try:
        yield from reader(arguments, negated) if reader else _unclear(module, option, arguments)
    except (ValueError, IndexError):
        yield from _unclear(module, option, arguments)


def _unclear(module: str, option: str, arguments: Words) -> Iterator[Match]:
    yield Unclear(" ".join((module, option, *arguments)))


def _number(field: Field, read: Callable[[str], Ranges]) -> "_Reader":
    def reader(arguments: Words, negated: bool) -> Iterator[Match]:
        yield Among(field, read(arguments[0]), negated)

    return reader


def _words(field: Field, read: Callable[[str], tuple[str, ...]]) -> "_Reader":
    def reader(arguments: Words, negated: bool) -> Iterator[Match]:
        yield Named(field, read(arguments[0]), negated)

    return reader


def _holds(*, unless_negated: bool) -> "_Reader":
    """An option that is true of all packets that are judged here, or of none."""

    def reader(_: Words, negated: bool) -> Iterator[Match]:
        if unless_negated == negated:
            yield NEVER

    return reader


@lru_cache(maxsize=1 << 12)
def _network(text: str) -> Ranges:
    network = ip_network(text, strict=False)
    return ((int(network.network_address), int(network.broadcast_address)),)


def _addresses(text: str) -> Ranges:
    first, _, last = text.partition("-")
    return ((int(ip_address(first)), int(ip_address(last or first))),)


def _ports(text: str) -> Ranges:
    found = []
    for part in text.split(","):
        first, colon, last = part.partition(":")
        found.append((int(first or 0), int(last or _LARGEST_PORT) if colon else int(first)))
    return tuple(sorted(found))


def _protocol(text: str) -> Ranges:
    number = protocol_number(text)
    return ((number, number),)


def _link(text: str) -> tuple[str, ...]:
    return (f"{text[:-1]}*" if text.endswith("+") else text,)


def _lower(text: str) -> tuple[str, ...]:
    return tuple(text.lower().split(","))


def _either_port(arguments: Words, negated: bool) -> Iterator[Match]:
    ports = _ports(arguments[0])
    yield Either(((Among(Field.SOURCE_PORT, ports),), (Among(Field.DESTINATION_PORT, ports),)), negated)


def _mark(arguments: Words, negated: bool) -> Iterator[Match]:
    value, slash, mask = arguments[0].partition("/")
    yield Bits(Field.MARK, int(mask, 16) if slash else ALL_BITS, int(value, 16), negated)


def _tcp_flags(arguments: Words, negated: bool) -> Iterator[Match]:
    mask, value = (sum(_FLAGS[name] for name in names.split(",")) for names in arguments)
    yield Bits(Field.FLAGS, mask, value, negated)


def _set(arguments: Words, negated: bool) -> Iterator[Match]:
    """Those of kube-proxy in its mode ipvs hold addresses of services, and ports of theirs on nodes: no packet that is
    judged goes to one (pkg/proxy/ipvs/ipset.go@kubernetes v1.31)."""
    if not arguments[0].startswith("KUBE-"):
        yield from _unclear("set", f"{'! ' if negated else ''}--match-set", arguments)
    elif not negated:
        yield NEVER


def _ipsec(arguments: Words, _: bool) -> Iterator[Match]:
    if arguments[0] != "none":
        yield NEVER


_Reader = Callable[[Words, bool], Iterator[Match]]
_PORTS: dict[str, _Reader] = {
    "--sport": _number(Field.SOURCE_PORT, _ports),
    "--dport": _number(Field.DESTINATION_PORT, _ports),
    "--tcp-flags": _tcp_flags,
}
_OPTIONS: dict[str, _Reader] = {
    "-s": _number(Field.SOURCE, _network),
    "-d": _number(Field.DESTINATION, _network),
    "-i": _words(Field.IN, _link),
    "-o": _words(Field.OUT, _link),
    "-p": _number(Field.PROTOCOL, _protocol),
    "-f": _holds(unless_negated=False),
}
_BY_MODULE: dict[str, dict[str, _Reader]] = {
    **dict.fromkeys(("tcp", "udp", "udplite", "sctp", "dccp"), _PORTS),
    "multiport": {
        "--sports": _number(Field.SOURCE_PORT, _ports),
        "--dports": _number(Field.DESTINATION_PORT, _ports),
        "--ports": _either_port,
    },
    "conntrack": {"--ctstate": _words(Field.STATE, _lower)},
    "state": {"--state": _words(Field.STATE, _lower)},
    "mark": {"--mark": _mark},
    "addrtype": {
        "--src-type": _words(Field.SOURCE_TYPE, _lower),
        "--dst-type": _words(Field.DESTINATION_TYPE, _lower),
    },
    "iprange": {
        "--src-range": _number(Field.SOURCE, _addresses),
        "--dst-range": _number(Field.DESTINATION, _addresses),
    },
    "pkttype": {"--pkt-type": _words(Field.PACKET_TYPE, _lower)},
    "hashlimit": {"--hashlimit-above": _holds(unless_negated=False)},
    "connlimit": {"--connlimit-above": _holds(unless_negated=False)},
    "rpfilter": {"--invert": _holds(unless_negated=False)},
    "physdev": {"--physdev-is-bridged": _holds(unless_negated=False)},
    "policy": {"--pol": _ipsec},
    "set": {"--match-set": _set},
}
# What else these ask for does not keep ordinary packets off.
_HOLD = frozenset(("comment", "limit", "hashlimit", "connlimit", "rpfilter", "policy", "nfacct"))
