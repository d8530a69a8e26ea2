"""BIRD's replies on its control socket -> Bird.

calico/node ships a fork of BIRD 1.6.8 (`v0.3.3+birdv1.6.8`): one daemon per family, each with its own socket. Columns
of `show protocols` are padded to eight characters and shifted by longer names, so rows are split on white space. A
protocol that is down has no BGP state, only sometimes an error.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from calico_agent.model.calico.bird import Bird, PeerKind, Session
from calico_agent.model.network.address import Family, IPNetwork
from calico_agent.sources.bird.decode.bird_time import moments
from calico_agent.sources.bird.decode.interfaces import LINKS_COMMAND, links_missed
from calico_agent.sources.bird.decode.reply_lines import ReplyLine, reply_lines
from calico_agent.sources.bird.decode.rib import rib_lines, rib_routes
from calico_agent.sources.decode_error import Malformed

STATUS_COMMAND = "show status"
ROWS_COMMAND = "show protocols"
PROTOCOLS_COMMAND = "show protocols all"
COMMANDS = (STATUS_COMMAND, PROTOCOLS_COMMAND)
RIB_COMMAND = "show route"
_RIB_COMMAND = re.compile(rf"{RIB_COMMAND}(?: (\S+/[0-9]+))?")

_GRACEFUL_RESTART, _VERSION, _PROTOCOL, _DETAIL, _STATUS, _HEADING = 24, 1000, 1002, 1006, 1011, 2002
# The details that are used, of some thirty that BIRD prints for each session.
_DETAILS = ("Neighbor address:", "Neighbor AS:", "Source address:", "Routes:", "GR recovery:")
_FEWEST_WORDS = 4
_PROTOCOL_COLUMNS = ["name", "proto", "table", "state", "since", "info"]

# Protocol names as calico/node's BIRD configuration gives them (confd/pkg/backends/calico/bgp_processor.go@v3.32.1).
_PEER_KINDS = (
    ("Mesh_", PeerKind.MESH),
    ("Node_", PeerKind.NODE),
    ("Global_", PeerKind.GLOBAL),
    ("Local_Workload_", PeerKind.LOCAL_WORKLOAD),
)
_OWN_KINDS = frozenset({"Kernel", "Device", "Direct", "Static"})
# The same peers are read at every pass, and there may be thousands.
_address = lru_cache(maxsize=10_000)(ip_address)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?")
_IMPORTED = re.compile(r"([0-9]{1,9}) imported")
_EXPORTED = re.compile(r"([0-9]{1,9}) exported")
_WAIT_TIMER = re.compile(r"Wait timer is ([0-9]{1,9})/([0-9]{1,9})")


class _Protocol(NamedTuple):
    """One row of `show protocols` with the details below it."""

    words: list[str]
    details: dict[str, str]


def rib_command(prefix: IPNetwork) -> str:
    """What asks for the routes to exactly this prefix."""
    return f"{RIB_COMMAND} {prefix}"


def fingerprint(replies: Mapping[str, str]) -> str:
    """Text that stays the same while no session comes, goes or changes its state, and BIRD is not configured anew.

    It is made of the replies to STATUS_COMMAND, without the time of day, and to ROWS_COMMAND.
    """
    status = (line for line in replies[STATUS_COMMAND].splitlines() if "Current server time" not in line)
    return "\n".join((*status, replies[ROWS_COMMAND]))


def decode_bird(
    family: Family, replies: Mapping[str, str], known: Bird | None = None, *, now: datetime | None = None
) -> Bird:
    """The daemon as its replies (text by command) describe it. Raises Malformed on text that is not BIRD 1.6's.

    `now` is the clock when it replied, by which its zone can be told (None: it prints UTC). `known` is an earlier
    reading with protocols that are still so; else the replies hold that to PROTOCOLS_COMMAND. Routes are those of the
    replies to RIB_COMMAND (all of them) and `rib_command` (those to one prefix).
    """
    try:
        status = reply_lines(STATUS_COMMAND, replies)
        facts = _status_facts(status)
        if known is None:
            protocols = _protocols(reply_lines(PROTOCOLS_COMMAND, replies))
            moment = moments(facts.get("Current server time is", ""), now)
            sessions = tuple(session for found in protocols if (session := _session(found, moment)))
            switched_off = tuple(found.words[0] for found in protocols if _is_switched_off(found))
        else:
            sessions, switched_off = known.sessions, known.switched_off
        peers = {session.name for session in sessions}
        ribs = {command: found[1] for command in replies if (found := _RIB_COMMAND.fullmatch(command))}
        routes = tuple(route for command in ribs for route in rib_routes(rib_lines(command, replies), peers))
        missed = tuple(links_missed(reply_lines(LINKS_COMMAND, replies))) if LINKS_COMMAND in replies else ()
        asked = None if RIB_COMMAND in ribs else frozenset(map(ip_network, ribs.values()))
    except ValueError as error:  # a number or an address that is none
        raise Malformed(f"BIRD's reply: {error}") from error
    waited, left = _recovery(status)
    return Bird(
        family=family,
        version=_version(status),
        router_id=facts.get("Router ID is", ""),
        last_reboot=facts.get("Last reboot on", ""),
        last_reconfiguration=facts.get("Last reconfiguration on", ""),
        graceful_restart=any(line.code == _GRACEFUL_RESTART for line in status),
        recovery_seconds=waited,
        recovery_left=left,
        sessions=sessions,
        switched_off=switched_off,
        links_missed=missed,
        routes=routes,
        asked=asked,
    )


def _version(status: list[ReplyLine]) -> str:
    version = next((line.text for line in status if line.code == _VERSION), "")
    if not version.startswith("BIRD "):
        raise Malformed(f"BIRD's reply to `{STATUS_COMMAND}` does not name its version: {version[:80]!r}")
    return version.removeprefix("BIRD ").strip()


def _status_facts(status: list[ReplyLine]) -> dict[str, str]:
    """`Router ID is 10.0.0.1` -> {"Router ID is": "10.0.0.1"}, and so on for the lines with a date."""
    labels = ("Router ID is", "Current server time is", "Last reboot on", "Last reconfiguration on")
    return {
        label: line.text.removeprefix(label).strip()
        for line in status
        if line.code == _STATUS
        for label in labels
        if line.text.startswith(label)
    }


def _recovery(status: list[ReplyLine]) -> tuple[int | None, int | None]:
    """How long BIRD has waited for its peers, and how long it still will: `Wait timer is 187/240` counts down."""
    for line in status:
        if line.code == _GRACEFUL_RESTART and (timer := _WAIT_TIMER.search(line.text)):
            left, whole = int(timer[1]), int(timer[2])
            return max(whole - left, 0), left
    return None, None


def _protocols(lines: list[ReplyLine]) -> list[_Protocol]:
    protocols: list[_Protocol] = []
    for line in lines:
        if line.code == _HEADING and line.text.split() != _PROTOCOL_COLUMNS:
            raise Malformed(
                f"the daemon on BIRD's socket prints its protocols as {' '.join(line.text.split())[:80]!r}, which is "
                "not BIRD 1.6's table (BIRD 2 and later print `Name Proto Table State Since Info`); calico/node ships "
                "BIRD 1.6, so another BIRD seems to run in its place"
            )
        if line.code == _PROTOCOL and (words := line.text.split()):
            if len(words) < _FEWEST_WORDS:
                raise Malformed(f"BIRD's row of a protocol has too few words: {' '.join(words)[:80]!r}")
            protocols.append(_Protocol(words, {}))
        elif line.code == _DETAIL and protocols and (text := line.text.lstrip()).startswith(_DETAILS):
            name, _, value = text.partition(":")
            protocols[-1].details.setdefault(name, value.strip())
    if not protocols:
        raise Malformed(f"BIRD's reply to `{PROTOCOLS_COMMAND}` lists no protocol, not even the kernel's")
    return protocols


def _is_switched_off(protocol: _Protocol) -> bool:
    """Whether it is one without a peer that is down: such a protocol comes up by itself, unless it is disabled."""
    _name, proto, _table, state = protocol.words[:4]
    return proto in _OWN_KINDS and state == "down"


def _session(protocol: _Protocol, moment: Callable[[str], datetime | None]) -> Session | None:
    """The session, or None for a protocol that is not one of calico/node's BGP peers."""
    words = protocol.words
    name, proto, _table, state = words[:4]
    kind = next((kind for prefix, kind in _PEER_KINDS if name.startswith(prefix)), None)
    if proto != "BGP" or kind is None:
        return None
    since, info = _split_since(words[4:])
    # BIRD prints no BGP state for a protocol that is down; what follows is the error.
    bgp_state, error = ("", info) if state == "down" else (info[0] if info else "", info[1:])
    details = protocol.details
    if "Neighbor address" not in details:
        raise Malformed(f"BIRD does not say which neighbor {name[:80]} has")
    counts = details.get("Routes", "")
    return Session(
        name=name,
        kind=kind,
        peer=_address(details["Neighbor address"]),
        protocol_state=state,
        bgp_state=bgp_state,
        last_error=" ".join(error),
        since=since,
        source_address=_address(details["Source address"]) if "Source address" in details else None,
        neighbour_as=int(details["Neighbor AS"]) if "Neighbor AS" in details else None,
        imported=_count(_IMPORTED, counts),
        exported=_count(_EXPORTED, counts),
        awaited="pending" in details.get("GR recovery", "").split(),
        since_at=moment(since),
    )


def _split_since(words: list[str]) -> tuple[str, list[str]]:
    """`since` and the rest. It is a time, or a date once it is a day old, or both under `timeformat iso long`."""
    length = 2 if len(words) > 1 and _DATE.fullmatch(words[0]) and _TIME.fullmatch(words[1]) else 1
    return " ".join(words[:length]), words[length:]


def _count(pattern: re.Pattern[str], text: str) -> int | None:
    match = pattern.search(text)
    return int(match[1]) if match else None
