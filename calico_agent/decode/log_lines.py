"""calico/node's log -> what explains an exit or a stall, and who knocks on BIRD without being known.

calico/node's programs share one log. Its start-up program prints the reason, then `Terminating`, and the script around
it `Calico node failed to start`; the container then exits with 1. Without an answer from the datastore start-up waits
for ever and prints nothing more. Outside Kubernetes the program `complete-startup` fails and is restarted every second
once the node is ready (`Failed to build Kubernetes config`): its lines mean nothing and are left out.

Where a start begins: v3 has a first line. v1.3.0's start-up writes its own words to one stream and those of its library
to the other, so their order is open: `Loading config from environment` (again by allocate-ipip-addr, when start-up is
over), and once in each start `Skipping datastore connection test` or, with WAIT_FOR_DATASTORE=true, `Checking ...`. An
error has two lines there, the second of which is a lone quotation mark.

A hint explains a fault that was seen elsewhere. It is no evidence that there is one: a line stays in the log after its
cause is gone, and most of these lines carry no usable time.
"""

import re
from collections import Counter
from collections.abc import Iterator
from ipaddress import ip_address

from calico_agent.decode.log_rules import RULES, WAITS, LogRule
from calico_agent.model.address import IPAddress
from calico_agent.model.container import LogHint
from calico_agent.model.secret import masked

_LOADING = 'msg="Loading config from environment"'
_NOISE = (" complete-startup/", "calico/node is not ready", _LOADING)
_FIRST_LINE = re.compile(r"startup/startup\.go .*Early log level set to")  # of each start of v3
_DATASTORE_TEST = frozenset({"Skipping datastore connection test", "Checking datastore connection"})
_UNTESTED = "ERROR: Error accessing the Calico datastore"  # it ends before that
_OVER = frozenset({"Calico node failed to start", "Calico node started successfully"})
_LONGEST_LINE = 1000
_LONGEST_QUOTE = 400
_FRAME_HEADER = 8
_KNOCK = re.compile(r"BGP: Unexpected connect from unknown address ([0-9a-fA-F:.]+)")


def decode_log(stream: bytes, *, tty: bool) -> tuple[str, ...]:
    """The answer of the Engine's `logs` call -> lines, each cut at 1,000 characters; no secrets.

    Without a terminal stdout and stderr come as frames: stream, three zero bytes, length (big endian), text
    (Docker Engine API, ContainerAttach). A frame that is cut off is left out.
    """
    text = stream if tty else b"".join(_frames(stream))
    return tuple(line[:_LONGEST_LINE] for line in masked(text.decode(errors="replace")).splitlines())


def telling_line(log_tail: tuple[str, ...]) -> LogHint | None:
    """The line of the last start that explains why calico/node exited or does not get on, or None."""
    lines = _last_start(log_tail)
    for rule in RULES:
        for line in reversed(lines):
            if match := rule.pattern.search(line):
                return _hint(rule, match, line)
    if lines and (match := WAITS.pattern.search(lines[-1])):
        return _hint(WAITS, match, lines[-1])
    return None


def unexpected_peers(log_tail: tuple[str, ...]) -> tuple[tuple[IPAddress, int], ...]:
    """Who connected to BIRD without being a configured peer, and how often; the most frequent first."""
    return tuple(Counter(_knocks(log_tail)).most_common())


def _frames(stream: bytes) -> Iterator[bytes]:
    start = _FRAME_HEADER
    while start <= len(stream):
        end = start + int.from_bytes(stream[start - 4 : start])
        if end > len(stream):
            return
        yield stream[start:end]
        start = end + _FRAME_HEADER


def _last_start(log_tail: tuple[str, ...]) -> list[str]:
    """The lines that mean something, from the last start on: a container that is started again keeps its log."""
    began = 0
    tested = over = False
    for number, line in enumerate(log_tail):
        if _FIRST_LINE.search(line) or (_LOADING in line and over) or (line.strip() in _DATASTORE_TEST and tested):
            began, tested, over = number, False, False
        tested = tested or line.strip() in _DATASTORE_TEST or line.startswith(_UNTESTED)
        over = over or line.strip() in _OVER
    return [line for line in log_tail[began:] if line.strip(' "') and not any(noise in line for noise in _NOISE)]


def _hint(rule: LogRule, match: re.Match[str], line: str) -> LogHint:
    found = {name: text or "" for name, text in match.groupdict().items()}
    return LogHint(rule.code, rule.sentence.format(**found), line.strip()[:_LONGEST_QUOTE], rule.cure.format(**found))


def _knocks(log_tail: tuple[str, ...]) -> Iterator[IPAddress]:
    for line in log_tail:
        if match := _KNOCK.search(line):
            try:
                yield ip_address(match[1])
            except ValueError:  # a line that was cut off
                continue
