"""Whether the TCP ports that calico/node listens on are its own.

BIRD listens for its peers on every address, or with bindMode NodeIP (v3.28) on the node's. Felix answers on localhost
where healthEnabled is true, since v2.4, and on every address where prometheusMetricsEnabled is
(config/config_params.go of projectcalico/felix@2.4.0).
"""

from collections.abc import Iterator
from typing import NamedTuple

from calico_agent.checks.preflight.known import known
from calico_agent.checks.preflight.release import running_release
from calico_agent.checks.preflight.uses import felix, runs
from calico_agent.expected.view import View
from calico_agent.faults.preflight.network import HOST_PORT
from calico_agent.model.calico.node import BgpSettings
from calico_agent.model.network.listener import Listener, Listeners
from calico_agent.model.observation import Unreadable
from calico_agent.model.preflight import Check, Verdict

_HEALTH_SINCE = (2, 4)


class _Port(NamedTuple):
    """A port, the program that wants it, what becomes of that without it, and how grave this is."""

    number: int
    program: str
    use: str
    why: str
    verdict: Verdict
    local: bool = False


def check_ports(view: View) -> Iterator[Check]:
    """Yield one line for each port that is used here."""
    listeners = known(view.preparation.listeners)
    for port in _ports(view):
        subject = f"TCP {port.number}"
        if isinstance(listeners, Unreadable):
            what = f"port {port.number}, {port.use}: who listens is not known: {listeners.reason}"
            yield Check(HOST_PORT, Verdict.UNKNOWN, what, port.why, f"ss -ltnp 'sport = :{port.number}'", subject)
        else:
            yield _check(view, port, listeners, subject)


def _ports(view: View) -> Iterator[_Port]:
    told, of = felix(view), running_release(view)
    bgp = view.cluster.bgp if view.cluster is not None else BgpSettings()
    if view.local.uses_bird or view.local.uses_gobgp:
        why = "BIRD cannot listen: only sessions that it opens itself come up"
        yield _Port(bgp.port_of(view.me), "BIRD", "on which BIRD waits for its peers", why, Verdict.FAILURE)
    if told.health and told.health_port and (of is None or of >= _HEALTH_SINCE):
        why = "Felix cannot tell whether it is well: probes ask the other program, or nobody"
        yield _Port(told.health_port, "Felix", "on which Felix tells its health", why, Verdict.WARNING, local=True)
    if told.metrics and told.metrics_port:
        why = "Felix cannot give its metrics"
        yield _Port(told.metrics_port, "Felix", "on which Felix gives its metrics", why, Verdict.WARNING)


def _check(view: View, port: _Port, listeners: Listeners, subject: str) -> Check:
    there = [one for one in listeners.sockets if one.port == port.number and _meets(one, port)]
    strange = [one for one in there if not _is_own(view, one, port)]
    if not strange:
        holder = "calico/node has it" if there else "nobody else has it"
        return Check(HOST_PORT, Verdict.OK, f"port {port.number}, {port.use}: {holder}", subject=subject)
    one = strange[0]
    look = f"ss -ltnp 'sport = :{port.number}'"
    if not one.pid:
        what = f"port {port.number}, {port.use}, is taken, and by whom cannot be seen by this user"
        return Check(HOST_PORT, Verdict.UNKNOWN, what, port.why, look, subject)
    what = f"port {port.number}, {port.use}, is taken by {one.command} (pid {one.pid})"
    return Check(HOST_PORT, port.verdict, what, port.why, _stop(one), subject)


def _meets(one: Listener, port: _Port) -> bool:
    """Whether it is in the way of a program that listens on localhost, or on every address."""
    return not port.local or one.address.is_unspecified or one.address.is_loopback


def _is_own(view: View, one: Listener, port: _Port) -> bool:
    """Whether it is calico/node's; where Docker does not run that, its programs are known by their names."""
    if one.ours:
        return True
    if one.program != port.program:
        return False
    elsewhere = isinstance(view.observation.docker, Unreadable) or (view.local.container is None and bool(runs(view)))
    return elsewhere or view.starting  # its container may be younger than what was asked of Docker


def _stop(one: Listener) -> str:
    if one.container:
        return f"docker stop {one.container[:12]}, and whatever starts it again"
    if one.unit.endswith(".service"):
        return f"systemctl disable --now {one.unit}"
    return f"kill {one.pid}, and whatever starts it again"
