"""What a session's state means, and where to look."""

import re

from calico_agent.model.bgp import Session

# What the state and the last error of a session mean, and where to look. The first pattern that matches
# "STATE ERROR" wins. Measured with BIRD 1.6.8, or read in its proto/bgp.
_NO_ANSWER = (
    "its address does not answer: a firewall drops TCP port 179, or the session passwords differ",
    "try `nc -vz ADDRESS 179` from this host; look at the firewalls of both",
)
_MEANINGS = tuple(
    (re.compile(pattern), meaning, cure)
    for pattern, meaning, cure in (
        (
            r"Bad peer AS",
            "the two sides disagree about an AS number",
            "compare spec.bgp.asNumber of both nodes and BGPConfiguration default",
        ),
        (
            r"Bad BGP identifier",
            "the two sides have the same router id, or one of them has none",
            "compare `router id` in BIRD's configuration of both: CALICO_ROUTER_ID, else the registered IPv4 address",
        ),
        (
            r"Hold timer expired",
            "the peer fell silent: its host is off, cut off or overloaded",
            "look at that host and the network between",
        ),
        (
            r"Connection refused",
            "nothing listens on its BGP port: calico/node or its BIRD does not run there",
            "start calico/node there; `calico-agent status` there says more",
        ),
        (
            r"No route to host",
            "its address does not answer ARP: the host is off, cut off, or has another address",
            "look at that host and the network between",
        ),
        (
            r"Network is unreachable",
            "this host has no route to its address",
            "`ip route get` its address; the registered address may be wrong",
        ),
        (
            r"^Passive",
            "this host waits for it to connect, and it does not",
            "see that calico/node runs there with a session to this host, and that TCP port 179 is open to here",
        ),
        # In this state BIRD waits for the answer to a SYN; the error is that of the connection before.
        (r"^Connect .*Connection (closed|reset by peer)", *_NO_ANSWER),
        (
            r"Connection (closed|reset by peer)",
            "it accepts the connection and closes it: it does not expect a session from this host's address",
            "compare the registered address of this node with the sessions of BIRD there",
        ),
        (
            r"Received:",
            "the peer refuses or ended the session",
            "look at BIRD's log on that host",
        ),
        (
            r"Kernel MD5 auth failed",
            "the kernel cannot do the password check that is configured",
            "remove the password, or use a kernel with TCP MD5",
        ),
        (r"^(Connect|Active|OpenSent)", *_NO_ANSWER),
    )
)


_SILENT = re.compile(r"Hold timer expired|^(Connect|Active|OpenSent) *$|^Connect .*Connection (closed|reset by peer)")


def is_silent(session: Session) -> bool:
    """Whether nothing at all comes back from the peer."""
    return _SILENT.search(_text(session)) is not None


def _text(session: Session) -> str:
    return f"{session.bgp_state} {session.last_error}"


def meaning(session: Session) -> tuple[str, str]:
    """What the state of a session that is not established means, and what to do."""
    text = _text(session)
    for pattern, sentence, cure in _MEANINGS:
        if pattern.search(text):
            return sentence, cure
    return "BIRD gives no reason", "look at BIRD's log on both hosts"


def described(session: Session) -> str:
    """The session as BIRD prints it."""
    words = (session.name, session.protocol_state, session.bgp_state, session.last_error)
    since = f"since {session.since}" if session.since else ""
    return " ".join(word for word in (*words, since) if word)
