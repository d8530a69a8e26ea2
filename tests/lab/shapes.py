"""What a lab and a recorded cluster show, in a form in which they can be compared.

What differs by nature is replaced: a host's block by BLOCK1, its pod's address by POD1, its tunnel address by TUNNEL1;
identifiers, times and MACs by their type. What is left must be equal.
"""

import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_BLOCKS = "/calico/ipam/v2/assignment/"
_NODES = "/calico/resources/v3/projectcalico.org/nodes/"
_VOLATILE = frozenset(
    {"uid", "creationTimestamp", "timestamp", "clusterGUID", "mac", "sequenceNumber", "sequenceNumberForAllocation"}
)
_STAMP = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \[(\w+)\]\[\d+\] (\w[\w-]*)/\S+ \d+: ")
_NUMBERS = re.compile(r"\(port \d+\)")


@dataclass(frozen=True, slots=True)
class Datastore:
    """Calico's keys in etcd, and how their cluster-specific addresses are replaced."""

    items: Mapping[str, Any]
    replace: Callable[[str], str]

    def shape(self) -> dict[str, Any]:
        """Key -> value, comparable."""
        return {self.replace(key): json.loads(self.replace(json.dumps(_still(v)))) for key, v in self.items.items()}


def read_datastore(lines: str) -> Datastore:
    """From the lines of `etcd dump`, or of a recorded etcd.jsonl."""
    items = {record["key"]: record["value"] for record in map(json.loads, lines.splitlines())}
    names: dict[str, str] = {}
    for key, block in items.items():
        if not key.startswith(_BLOCKS):
            continue
        number = block["affinity"].removeprefix("host:host")
        family = "" if "." in block["cidr"] else "V6"
        for ordinal, index in enumerate(block["allocations"]):
            if index is not None and "type" not in block["attributes"][index]["secondary"]:
                address = _address_in(block["cidr"], ordinal)
                names[f"{address}/{32 if not family else 128}"] = f"POD{family}{number}/one"
                names[address] = f"POD{family}{number}"
        names[block["cidr"]] = f"BLOCK{family}{number}"
        names[block["cidr"].replace("/", "-")] = f"BLOCK{family}{number}"
    for key, node in items.items():
        if key.startswith(_NODES) and (tunnel := node["spec"].get("ipv4VXLANTunnelAddr")):
            names[tunnel] = f"TUNNEL{key[-1]}"
    ordered = sorted(names, key=len, reverse=True)
    pattern = re.compile("|".join(rf"(?<![\w.:]){re.escape(name)}(?![\w./:-])" for name in ordered) or "(?!)")
    return Datastore(items, lambda text: pattern.sub(lambda found: names[found.group()], text))


def routes(text: str, datastore: Datastore) -> set[str]:
    """The lines of `ip route`."""
    return {datastore.replace(line.strip()) for line in text.splitlines() if "fe80::" not in line}


def protocols(reply: str) -> dict[str, tuple[str, ...]]:
    """BIRD's `show protocols` (raw or by birdc) -> name: protocol, table, state, and what follows the time."""
    rows = (re.sub(r"^(\d{4}[- ])?\s*", "", line).split() for line in reply.splitlines())
    return {row[0]: (row[1], row[2], row[3], *row[5:]) for row in rows if len(row) > 4 and row[2] == "master"}


def messages(log: str) -> list[str]:
    """The lines of a container's log without time, process and line of code."""
    return [_NUMBERS.sub("(port)", _STAMP.sub(r"[\1] ", line)).rstrip() for line in log.splitlines()]


def _still(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: type(item).__name__ if key in _VOLATILE else _still(item) for key, item in value.items()}
    return [_still(item) for item in value] if isinstance(value, list) else value


def _address_in(cidr: str, ordinal: int) -> str:
    return str(ipaddress.ip_network(cidr)[ordinal])
