"""What a session's state means, and where to look."""

import re
from typing import NamedTuple

from calico_agent.model.calico.bird import Session
from calico_agent.model.network.address import IPAddress


class Ends(NamedTuple):
    """Where the two ends of a session listen: the port of the peer, this host's address and its port, and its logs.

    `router` is the one on the way between them, if there is one.
    """

    peer: int
    address: str
    own: int
    logs: str
    router: IPAddress | None = None


class Meaning(NamedTuple):
    """What the state and the last error of a session mean; what to do if the peer is a node, and if it is none.

    `NODE` and `ADDRESS` stand for the peer's name (else its address) and its address, `PORT` for where it listens;
    `OWN` and `OWNPORT` for this host's registered address and where BIRD here listens, `LOGS` for what shows its
    log; `ROUTER` for the one towards the peer, which must not do something.
    """

    sentence: str
    cure: str
    cure_of_router: str


# The first pattern that matches "STATE ERROR" wins. Measured with BIRD 1.6.8, or read in its proto/bgp.
_NO_ANSWER = Meaning(
    "its address does not answer: a firewall drops TCP port PORT, or the session passwords differ",
    "on this host: nc -vz ADDRESS PORT; look at the firewalls of this host and of NODE",
    "on this host: nc -vz ADDRESS PORT; look at the access lists of ADDRESS, and at its password for this neighbor",
)
# The record of a node outlives its host, and every other node goes on waiting for it.
_LEFT = "if that host is gone for good, delete its node record"
_LARGE = "on this host: ping -M do -s 1472 ADDRESS (where an MTU is too small only large packets get lost)"
# How the connection before ended, which says nothing of the next: the peer closed it, or told of its own end. In the
# state Connect BIRD waits for the answer to a SYN, and keeps that error while none comes.
_TOLD = r"Received: (Administrative|Peer de-configured|Other configuration|Hold timer expired)"
_ENDED = rf"(Connection (closed|reset by peer)|{_TOLD})"
_MEANINGS = tuple(
    (re.compile(pattern), Meaning(*texts))
    for pattern, *texts in (
        (
            r"Bad peer AS",
            "the two sides disagree about an AS number",
            "compare spec.bgp.asNumber of both nodes (calicoctl get node NODE -o yaml) and BGPConfiguration default",
            "compare asNumber of the BGPPeer with the AS of ADDRESS, and what ADDRESS expects with the AS of this node",
        ),
        (
            r"Bad BGP identifier",
            "the two sides have the same router id, or one of them has none",
            "compare the router id of BIRD here and on NODE: CALICO_ROUTER_ID, else the registered IPv4 address",
            "compare the router id of ADDRESS with this node's: CALICO_ROUTER_ID, else the registered IPv4 address",
        ),
        (rf"^Connect .*{_ENDED}", *_NO_ANSWER),
        (
            r"Received: Hold timer expired",
            "it heard nothing from this host for its hold time: packets to it get lost on the way, or BIRD here hangs",
            f"{_LARGE}; then look at the firewalls between this host and NODE",
            f"{_LARGE}; then look at the network between",
        ),
        (
            r"Hold timer expired",
            "the peer fell silent: its host is off, cut off or overloaded",
            f"look at NODE and the network between; {_LEFT}",
            "look at ADDRESS and the network between",
        ),
        (
            r"Connection refused",
            "nothing listens on its BGP port, or a firewall refuses it",
            "on NODE: start calico/node; if it runs, look for a firewall here or there that rejects TCP port PORT",
            "see that a BGP daemon runs on ADDRESS, and that peerIP of the BGPPeer (and its port) is right",
        ),
        (
            r"No route to host",
            "its address does not answer ARP: the host is off, cut off, or has another address",
            f"look at NODE and the network between; {_LEFT}",
            "look at ADDRESS and the network between, and at peerIP of the BGPPeer",
        ),
        (
            r"Network is unreachable",
            "no route leads to its address, from here or from a router on the way",
            "on this host: ip route get ADDRESS; the registered address of NODE may be wrong",
            "on this host: ip route get ADDRESS; peerIP of the BGPPeer may be wrong",
        ),
        (
            r"^Passive",
            "this host waits for it to connect, and it does not",
            f"on NODE: nc -vz OWN OWNPORT; see that calico/node runs there with a session to this host; {_LEFT}",
            "on ADDRESS: see that OWN is one of its neighbors, and that it can open TCP port OWNPORT of OWN",
        ),
        (
            r"Connection (closed|reset by peer)",
            "it accepts the connection and closes it: it has no session with this host's address, or switched it off",
            (
                "on NODE: calico-agent peers; see that BIRD has a session to this node's address that nobody switched "
                "off, and that ROUTER rewrites it (NAT)"
            ),
            "on ADDRESS: add the registered address of this node to the neighbors",
        ),
        (
            r"Received:",
            "the peer refuses or ended the session",
            "on NODE: look at BIRD's log",
            "on ADDRESS: look at the log of its BGP daemon",
        ),
        (
            r"Kernel MD5 auth failed",
            "the kernel cannot do the password check that is configured",
            *["remove the password, or use a kernel with TCP MD5"] * 2,
        ),
        (r"^(Connect|Active|OpenSent)", *_NO_ANSWER),
    )
)
_UNTOLD = Meaning(
    "BIRD gives no reason",
    "look at BIRD's log here (LOGS) and on NODE",
    "look at BIRD's log here (LOGS) and at the log of ADDRESS",
)

_WORDS = re.compile(r"\b(NODE|ADDRESS|PORT|OWN|OWNPORT|LOGS|ROUTER)\b")
_OVER = re.compile(rf"^Connect .*{_ENDED}|{_TOLD}")
_SILENT = re.compile(rf"(?<!Received: )Hold timer expired|^(Connect|Active|OpenSent) *$|^Connect .*{_ENDED}")


def is_silent(session: Session) -> bool:
    """True if nothing at all comes back from the peer."""
    return _SILENT.search(_text(session)) is not None


def has_just_ended(session: Session) -> bool:
    """True if all that is known is how the connection before ended, and the next one is still to come."""
    return _OVER.search(_text(session)) is not None


def _text(session: Session) -> str:
    return f"{session.bgp_state} {session.last_error}"


def meaning(session: Session, node: str, ends: Ends) -> tuple[str, str]:
    """Return what the state of a session that is not established means, and what to do. `node`: whose it is, if
    anybody's.
    """
    text = _text(session)
    found = next((one for pattern, one in _MEANINGS if pattern.search(text)), _UNTOLD)
    cure = found.cure if node else found.cure_of_router
    words = {
        "NODE": node,
        "ADDRESS": str(session.peer),
        "PORT": str(ends.peer),
        "OWN": ends.address,
        "OWNPORT": str(ends.own),
        "LOGS": ends.logs,
        "ROUTER": f"the router {ends.router} never" if ends.router else "no router",
    }
    sentence, cure = (_WORDS.sub(lambda word: words[word[0]], said) for said in (found.sentence, cure))
    return sentence, cure


def described(session: Session) -> str:
    """Return the session as BIRD prints it."""
    words = (session.name, session.protocol_state, session.bgp_state, session.last_error)
    since = f"since {session.since}" if session.since else ""
    return " ".join(word for word in (*words, since) if word)
