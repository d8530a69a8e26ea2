"""A `match` statement of nft -> the conditions that it stands for (libnftables-json(5), nft(8))."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

from calico_agent.model.network.firewall import (
    ALL_BITS,
    Among,
    Bits,
    Either,
    Field,
    Match,
    Named,
    Unclear,
)
from calico_agent.sources.firewall.decode.protocols import protocol_number

ALWAYS = Either(negated=True)
_FAMILIES = {"ipv4": 4, "ipv6": 6}
_FLAGS = {"fin": 1, "syn": 2, "rst": 4, "psh": 8, "ack": 16, "urg": 32, "ecn": 64, "cwr": 128}
_LARGEST = 1 << 128


@dataclass(frozen=True, slots=True)
class Sets:
    """The named sets and maps of a table, by `@name`; one that changes by itself is not known."""

    named: Mapping[str, list[Any]] = field(default_factory=dict)

    def elements(self, reference: object) -> list[Any] | None:
        return self.named.get(reference) if isinstance(reference, str) else None


def conditions(statement: Mapping[str, Any], sets: Sets) -> Iterator[Match]:
    """All of them must hold. The protocol of a header that is asked for is one of them."""
    left, right, operator = statement.get("left"), statement.get("right"), statement.get("op")
    try:
        if isinstance(left, dict) and "concat" in left:
            yield _concatenated(left["concat"], _listed(right, sets), negated=operator == "!=")
        else:
            yield from _single(left, _listed(right, sets), str(operator))
    except (ValueError, TypeError, KeyError, IndexError):
        yield Unclear(f"match {str(statement)[:200]}")


def _listed(right: object, sets: Sets) -> list[Any]:
    """What the value may be: the elements of a set, or one."""
    if isinstance(right, str) and right.startswith("@"):
        found = sets.elements(right)
        if found is None:
            raise ValueError(right)
    elif isinstance(right, dict) and "set" in right:
        found = right["set"] if isinstance(right["set"], list) else [right["set"]]
    else:
        found = right if isinstance(right, list) else [right]
    return [one["elem"]["val"] if isinstance(one, dict) and "elem" in one else one for one in found]


def _concatenated(parts: list[Any], elements: list[Any], *, negated: bool) -> Match:
    alternatives = []
    for element in elements:
        values = element["concat"]
        if len(values) != len(parts):
            raise ValueError(element)
        pairs = zip(parts, values, strict=True)
        alternatives.append(tuple(one for part, value in pairs for one in _single(part, [value], "==")))
    return Either(tuple(alternatives), negated)


def _single(left: object, values: list[Any], operator: str) -> Iterator[Match]:
    if not isinstance(left, dict) or not left:
        raise TypeError(left)
    kind, what = next(iter(left.items()))
    if kind == "&":
        yield _bits(what, values, operator)
    elif kind == "payload":
        yield from _header(what["protocol"])
        yield from _of_header(what["protocol"], what["field"], values, operator)
    elif kind == "meta":
        yield _of_meta(what["key"], values, operator)
    elif kind == "ct":
        yield _of_connection(what["key"], values, operator)
    elif kind == "fib":
        yield from _of_route(what, values, operator)
    elif kind == "rt" and what["key"] == "ipsec":
        yield from _never_true(values, operator)
    else:
        raise ValueError(kind)


def _header(protocol: str) -> Iterator[Match]:
    """nft asks for the protocol by itself, and does not print it again."""
    if protocol in {"ip", "ip6"}:
        yield Among(Field.FAMILY, ((4, 4),) if protocol == "ip" else ((6, 6),))
    elif protocol not in {"th", "ether", "vlan", "arp"}:
        number = protocol_number(protocol)
        yield Among(Field.PROTOCOL, ((number, number),))


def _of_header(protocol: str, name: str, values: list[Any], operator: str) -> Iterator[Match]:
    if protocol in {"ip", "ip6"} and name in {"saddr", "daddr"}:
        yield _among(Field.SOURCE if name == "saddr" else Field.DESTINATION, values, operator, _address)
    elif protocol in {"ip", "ip6"} and name in {"protocol", "nexthdr"}:
        yield _among(Field.PROTOCOL, values, operator, protocol_number)
    elif protocol == "ip" and name == "version":
        yield _among(Field.FAMILY, values, operator, int)
    elif protocol == "tcp" and name == "flags":
        yield _flags(values, operator)
    elif name in {"sport", "dport"}:
        yield _among(Field.SOURCE_PORT if name == "sport" else Field.DESTINATION_PORT, values, operator, int)
    else:
        raise ValueError(name)


def _of_meta(key: str, values: list[Any], operator: str) -> Match:
    if key in {"iifname", "iif", "oifname", "oif"}:
        return _named(Field.IN if key.startswith("i") else Field.OUT, values, operator)
    if key == "l4proto":
        return _among(Field.PROTOCOL, values, operator, protocol_number)
    if key == "nfproto":
        return _among(Field.FAMILY, values, operator, lambda value: _FAMILIES[value])
    if key == "protocol":
        return _among(Field.FAMILY, values, operator, lambda value: {"ip": 4, "ip6": 6}[value])
    if key == "mark" and len(values) == 1 and isinstance(values[0], int) and operator in {"==", "!="}:
        return Bits(Field.MARK, ALL_BITS, values[0], operator == "!=")
    if key == "pkttype":
        return _named(Field.PACKET_TYPE, ["unicast" if one == "host" else one for one in values], operator)
    if key in {"ipsec", "secpath"}:
        return next(_never_true(values, operator), ALWAYS)
    raise ValueError(key)


def _of_connection(key: str, values: list[Any], operator: str) -> Match:
    if key == "state":
        return _named(Field.STATE, values, operator)
    if key == "status" and set(values) <= {"dnat", "snat"}:
        return _named(Field.STATE, values, operator)  # as iptables has it: states, too
    raise ValueError(key)


def _of_route(what: Mapping[str, Any], values: list[Any], operator: str) -> Iterator[Match]:
    flags = what["flags"] if isinstance(what["flags"], list) else [what["flags"]]
    if what["result"] == "type":
        yield _named(Field.SOURCE_TYPE if "saddr" in flags else Field.DESTINATION_TYPE, values, operator)
    elif what["result"] == "oif" and "saddr" in flags and values == [False]:
        yield from () if operator == "!=" else (Either(),)  # there is a route back: packets come as the routes say
    elif what["result"] == "oif" and "saddr" in flags and values == [True]:
        yield from () if operator == "==" else (Either(),)
    else:
        raise ValueError(what)


def _never_true(values: list[Any], operator: str) -> Iterator[Match]:
    """Whether a packet came through IPsec: none that is judged here does."""
    if values not in ([True], [False]):
        raise ValueError(values)
    if (values == [True]) == (operator != "!="):
        yield Either()


def _bits(operands: list[Any], values: list[Any], operator: str) -> Match:
    left, mask = operands
    if operator not in {"==", "!="} or len(values) == 0:
        raise ValueError(operator)
    if left == {"meta": {"key": "mark"}} and len(values) == 1:
        return Bits(Field.MARK, int(mask), int(values[0]), operator == "!=")
    if left == {"payload": {"protocol": "ip", "field": "frag-off"}} and values == [0]:
        return Either(negated=operator == "==")  # what is judged here is whole
    if left == {"payload": {"protocol": "tcp", "field": "flags"}}:
        return Bits(Field.FLAGS, _flag_bits(mask), _flag_bits(values), operator == "!=")
    raise ValueError(left)


def _flags(values: list[Any], operator: str) -> Match:
    bits = _flag_bits(values)
    if operator in {"in", "!"}:  # any of these flags is set
        return Bits(Field.FLAGS, bits, 0, operator == "in")
    return Bits(Field.FLAGS, 0xFF, bits, operator == "!=")


def _flag_bits(names: object) -> int:
    if isinstance(names, int):
        return names
    listed = names["|"] if isinstance(names, dict) else names
    return sum(_FLAGS[str(name)] for name in (listed if isinstance(listed, list) else [listed]))


def _named(name: Field, values: list[Any], operator: str) -> Match:
    if operator not in {"==", "!=", "in"} or not all(isinstance(one, str) for one in values):
        raise ValueError(values)
    return Named(name, tuple(values), operator == "!=")


def _among(name: Field, values: list[Any], operator: str, number: Callable[[Any], int]) -> Match:
    if operator in {"<", "<=", ">", ">="}:
        bound = number(values[0])
        lowest = bound + (operator == ">") if operator[0] == ">" else 0
        highest = _LARGEST if operator[0] == ">" else bound - (operator == "<")
        return Among(name, ((lowest, highest),))
    if operator not in {"==", "!=", "in"}:
        raise ValueError(operator)
    return Among(name, tuple(sorted(_range(one, number) for one in values)), operator == "!=")


def _range(value: object, number: Callable[[Any], int]) -> tuple[int, int]:
    if isinstance(value, dict) and "range" in value:
        return number(value["range"][0]), number(value["range"][1])
    if isinstance(value, dict) and "prefix" in value:
        network = ip_network(f"{value['prefix']['addr']}/{value['prefix']['len']}")
        return int(network.network_address), int(network.broadcast_address)
    if isinstance(value, dict | list | bool):
        raise TypeError(value)
    return number(value), number(value)


def _address(value: object) -> int:
    return int(ip_address(str(value)))
