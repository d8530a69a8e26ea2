"""One host of a recording of `tests/data/calico-kubernetes`: what was recorded there, and no more.

A folder has a JSON List of each resource as the API gave it, and of each host `ip route` and BIRD's `show protocols`
and `show route`. Addresses and links were not recorded; what the routes say of them is taken (a connected route has
the address, its length and its link; a route has a link of that name). Docker was not recorded, nor were policy rules,
neighbours, forwarding entries, the details of BIRD's sessions, and what a tunnel device is like. A finding about these
says nothing: `NOT_RECORDED` names them.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from calico_agent.faults.agent import DOCKER_UNREADABLE
from calico_agent.faults.routes.underlay import RT_TUNNEL_DEVICE
from calico_agent.model.calico.bird import Bird
from calico_agent.model.calico.node import Datastore
from calico_agent.model.host.machine import Host
from calico_agent.model.network.address import Family
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.model.settings import DatastoreSettings, KubernetesSettings
from calico_agent.sources.bird.decode.replies import PROTOCOLS_COMMAND, RIB_COMMAND, STATUS_COMMAND, decode_bird
from calico_agent.sources.datastore.kubernetes.decode import assemble, decode_key
from tests.captures import bird_replies
from tests.replay.capture import _registered
from tests.replay.kernel import kernel_from

AT = datetime(2026, 11, 26, 22, tzinfo=UTC)
NOT_RECORDED = frozenset({DOCKER_UNREADABLE.code, RT_TUNNEL_DEVICE.code})
_PEER = re.compile(r"^ ?(?:\d{4}[- ])?\s*((?:Mesh|Node|Global)_(\d+)_(\d+)_(\d+)_(\d+)) BGP ")
_KINDS = {"cali": "veth", "vxlan": "vxlan"}


def read_host(capture: Path, host: str, datastore: Datastore | None = None) -> Observation:
    """One host, by the datastore that was recorded or by another one."""
    found = datastore or read_objects(capture)
    return Observation(
        at=AT,
        host=Host(hostname=host),
        kernel=kernel_from(
            _addresses(rows := _routes(capture / f"{host}-ip-route.txt")), rows, tuple(_registered(found))
        ),
        docker=Unreadable("Docker", "it was not recorded", "absent"),
        datastore=found,
        datastore_settings=DatastoreSettings((), origin="recording", kubernetes=KubernetesSettings()),
        bird=_bird(capture / f"{host}-bird.txt"),
    )


def objects(capture: Path) -> Iterator[tuple[str, bytes]]:
    """Every object by its key, as the reader has it."""
    for path in sorted(capture.glob("*.json")):
        for found in json.loads(path.read_text())["items"]:
            yield f"{path.stem}/{found['metadata']['name']}", json.dumps(found).encode()


def read_objects(capture: Path) -> Datastore:
    """The recorded datastore. Where there are no blocks at all, IPAM is host-local."""
    decoded = {key: value for key, raw in objects(capture) if (value := decode_key(key, raw)) is not None}
    return assemble(decoded, revision=1, read_at=AT, pod_cidrs=not (capture / "ipamblocks.json").exists())


def _routes(path: Path) -> list[dict[str, Any]]:
    """The lines of `ip route` as `ip -d -j route` prints them."""
    return [_row(line.split()) for line in path.read_text().splitlines()]


def _row(words: list[str]) -> dict[str, Any]:
    kind = words.pop(0) if words[0] == "blackhole" else "unicast"
    row: dict[str, Any] = {"type": kind, "dst": words.pop(0), "flags": []}
    names = {"via": "gateway", "proto": "protocol", "src": "prefsrc"}
    while words:
        word = words.pop(0)
        if word == "onlink":
            row["flags"].append(word)
        elif word == "mtu":
            words.pop(0)
        else:
            row[names.get(word, word)] = words.pop(0)
    return row


def _addresses(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The links that the routes name, with the addresses that they tell."""
    names = dict.fromkeys(row["dev"] for row in rows if "dev" in row)
    return [_link(number, name, rows) for number, name in enumerate(names, 2)]


def _link(number: int, name: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    kind = next((kind for begin, kind in _KINDS.items() if name.startswith(begin)), "")
    connected = (row for row in rows if row.get("dev") == name and "prefsrc" in row)
    addresses: list[Mapping[str, object]] = [
        {"local": row["prefsrc"], "prefixlen": int(row["dst"].partition("/")[2]), "scope": "global"}
        for row in connected
    ]
    return {
        "ifindex": number,
        "ifname": name,
        "flags": ["UP", "LOWER_UP"],
        "mtu": 1500,
        "linkinfo": {"info_kind": kind, "info_data": {"external": True}} if kind else {},
        "addr_info": addresses,
    }


def _bird(path: Path) -> Bird:
    """The daemon by its greeting and its two tables. The name of a session has its peer's address."""
    text = path.read_text()
    replies = bird_replies(text)
    version = text.partition("\n")[0].removeprefix("0001 ").removesuffix(" ready.")
    return decode_bird(
        Family.IPV4,
        {
            STATUS_COMMAND: f"1000-{version}\n0013 Daemon is up and running\n",
            PROTOCOLS_COMMAND: "".join(_detailed(replies["show protocols"])),
            RIB_COMMAND: replies["show route"],
        },
    )


def _detailed(table: str) -> Iterator[str]:
    for line in table.splitlines(keepends=True):
        if line == "0000 \n":
            yield "0000 \n"
            return
        yield line if line[:4].isdigit() else f"1002-{line[1:]}"
        if peer := _PEER.match(line):
            yield f"1006-  Neighbor address: {'.'.join(peer.groups()[1:])}\n"
