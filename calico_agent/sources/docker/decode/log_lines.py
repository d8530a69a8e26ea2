"""calico/node's log -> what explains an exit or a stall, who knocks on BIRD without being known, and when Felix ended
by design.

calico/node's programs share one log. Its start-up program prints the reason, then `Terminating`, and the script around
it `Calico node failed to start`; the container then exits with 1. Without an answer from the datastore start-up waits
for ever and prints nothing more. Outside Kubernetes the program `complete-startup` fails and is restarted every second
once the node is ready (`Failed to build Kubernetes config`): its lines mean nothing and are left out.

Where a start begins: v3 has a first line. v1.3.0's start-up writes its own words to one stream and those of its library
to the other, so their order is open: `Loading config from environment` (again by allocate-ipip-addr, when start-up is
over), and once in each start `Skipping datastore connection test` or, with WAIT_FOR_DATASTORE=true, `Checking ...`. An
error has two lines there, the second of which is a lone quotation mark.

What a line proves, and for how long: a hint (`log_rules`) explains a fault that was seen elsewhere, for as long as the
start lasts in which the line stands. It is no evidence that there is one, as a line outlives its cause. That somebody
knocked is evidence by itself, so it has its moment; how long that counts is said in `model.evidence`.

Most programs write no time, or one of their own form. The Engine's is before every line; without it (a log that was
kept as a file) a line is taken to be as old as the last one that has a time.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import NamedTuple

from calico_agent.model.calico.refused_peers import Knocks
from calico_agent.model.container.container import LogHint
from calico_agent.model.network.address import IPAddress
from calico_agent.secret import masked
from calico_agent.sources.docker.decode.log_rules import RULES, WAITS, LogRule

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
# What Felix says before it ends with code 129, to be started again with other settings (felix/daemon/daemon.go,
# monitorAndManageShutdown, of projectcalico/calico@v3.32.1; felix.go of projectcalico/felix@2.3.0): over two seconds.
_BY_DESIGN = re.compile(r'Exiting for (config|encapsulation) change|reason="(license )?(config|encapsulation) changed"')
_ONE_END = timedelta(seconds=5)
# The Engine writes down that it started a container some moments after it did.
START_TAKES = timedelta(seconds=2)
# RFC3339NanoFixed of the Engine (Docker Engine API, ContainerLogs, `timestamps`); it is taken off the line.
_ENGINES_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{1,9}(?:Z|[+-][0-9]{2}:[0-9]{2})) ?")
# Felix, confd and start-up of v3; start-up and confd of 2.x; svlogd's files. All of them in UTC.
_OWN_TIME = re.compile(r'(?:time=")?([0-9]{4}-[0-9]{2}-[0-9]{2})[ T_]([0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]{1,6})?')


class LogLine(NamedTuple):
    """One line, and when it was written; None where that is not known."""

    text: str
    at: datetime | None = None


def decode_log(stream: bytes, *, tty: bool) -> tuple[LogLine, ...]:
    """The answer of the Engine's `logs` call -> lines, each cut at 1,000 characters; no secrets.

    Without a terminal stdout and stderr come as frames: stream, three zero bytes, length (big endian), text
    (Docker Engine API, ContainerAttach). A frame that is cut off is left out.
    """
    text = stream if tty else b"".join(_frames(stream))
    return log_lines(masked(text.decode(errors="replace")).splitlines())


def log_lines(lines: Iterable[str]) -> tuple[LogLine, ...]:
    """Lines of a log with the times that they carry."""
    return tuple(_timed(lines))


def of_last_run(
    log: tuple[LogLine, ...], started_at: datetime | None, finished_at: datetime | None
) -> tuple[LogLine, ...]:
    """The lines of the container's last run, by the Engine's own times: all its runs share one log."""
    if started_at is None:
        return log
    restarted = finished_at is not None and finished_at < started_at
    begun = finished_at if restarted and finished_at else started_at - START_TAKES
    first = next((number for number, line in enumerate(log) if line.at is None or line.at >= begun), 0)
    return log[first:]


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


def knocks(log: Iterable[LogLine]) -> tuple[Knocks, ...]:
    """Who connected to BIRD without being a configured peer, and when; the most frequent first."""
    moments: dict[IPAddress, list[datetime | None]] = {}
    for address, at in _knocks(log):
        moments.setdefault(address, []).append(at)
    found = sorted(moments.items(), key=lambda each: -len(each[1]))
    return tuple(Knocks(address, tuple(at for at in times if at is not None)) for address, times in found)


def felix_ends(log: Iterable[LogLine]) -> tuple[datetime, ...]:
    """When Felix ended because its settings changed, oldest first; ends of which the time is not known are left out."""
    ends: list[datetime] = []
    for line in log:
        if line.at is not None and _BY_DESIGN.search(line.text) and not (ends and line.at - ends[-1] < _ONE_END):
            ends.append(line.at)
    return tuple(ends)


def _timed(lines: Iterable[str]) -> Iterator[LogLine]:
    last: datetime | None = None
    for line in lines:
        text = line
        if match := _ENGINES_TIME.match(line):
            text, last = line[match.end() :], _moment(match[1]) or last
        elif match := _OWN_TIME.match(line):
            last = _moment(f"{match[1]}T{match[2]}{match[3] or ''}+00:00") or last
        yield LogLine(text[:_LONGEST_LINE], last)


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


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
    return LogHint(
        rule.code,
        rule.sentence.format(**found),
        line.strip()[:_LONGEST_QUOTE],
        rule.cure.format(**found),
        found.get("address", ""),
        found.get("node", ""),
    )


def _knocks(log: Iterable[LogLine]) -> Iterator[tuple[IPAddress, datetime | None]]:
    for line in log:
        if match := _KNOCK.search(line.text):
            try:
                yield ip_address(match[1]), line.at
            except ValueError:  # a line that was cut off
                continue
