"""The programs inside calico/node: does each stay up, and do anything at all.

runit starts a program again a second after it ended and says nothing about it, so the container looks well while Felix
dies every few seconds. The age of the process tells: one that is young although its supervisor is not was started
again. A single restart is over before the hold-down is, so it is never confirmed. That Felix ends itself to take over
other settings (a pool with another encapsulation, WireGuard, its tunnel's address) is no fault: its log says so.

Felix does one thing after the other, so an iptables-restore that never ends is the end of all its work, while it runs,
and looks well. Its health port says so where it has one. Else what it waits for tells, by the same measure; so it does
of confd, which waits for `sv hup bird`.
"""

from collections.abc import Iterator
from datetime import timedelta

from calico_agent.checks.commands import inside, logs_here, restart_here
from calico_agent.expected.view import View, in_words
from calico_agent.faults.node.programs import SV_CONFD, SV_FELIX, SV_RESTARTING
from calico_agent.model.container.container import Container
from calico_agent.model.container.program import Program
from calico_agent.model.finding import Finding

# Shorter than the usual hold-down of 10 s, so that one restart stays a suspicion; longer than a program that fails
# at its start lives.
_YOUNG = timedelta(seconds=8)

# runit starts the program as soon as its supervisor runs.
_FIRST_START = timedelta(seconds=5)

# After that long without a report Felix itself calls its dataplane hung: DataplaneWatchdogTimeout, 90 s by default
# (felix/config/config_params.go@v3.32.1).
_HUNG = timedelta(seconds=90)

# From Felix's word that it ends for other settings: two seconds in which it still runs, one of its supervisor, and some
# for a slow machine. One whose settings change again and again is no good either.
_ENDS_WITHIN = timedelta(seconds=15)
_FLAPS = timedelta(minutes=2)
_MOST_ENDS = 3

_FAULTS = {"felix": SV_FELIX, "confd": SV_CONFD}
_EFFECTS = {
    "felix": "policies, and the routes to this host's own pods, are not kept up to date",
    "confd": "BIRD's configuration does not follow the cluster: new nodes get no session",
    "bird": "each time its sessions go down; peers keep the routes only for the graceful restart",
    "bird6": "each time its sessions go down; peers keep the routes only for the graceful restart",
}
_WHILE_IT_HANGS = {
    "felix": "new pods get no connection, and policies are not kept up to date; what was there before goes on"
}


def find_programs(view: View) -> Iterator[Finding]:
    """Yield programs that do not run, were started again just now, or are held; BIRD's socket tells of BIRD."""
    container = view.local.container
    if container is None or not container.running or view.starting:
        return
    for program in container.programs or ():
        if program.name == "bird6" and view.observation.bird6 is None:
            continue  # this host has no IPv6: nobody needs it
        if _restarting(view, program):
            if program.name == "felix" and _by_design(view, container, program):
                continue
            yield _does_not_stay(view, container, program)
        elif program.stopped and program.name in _FAULTS:
            yield _is_held(view, container, program)
        elif program.name in _FAULTS and _hangs(view, program):
            yield _is_hung(view, program)


def _restarting(view: View, program: Program) -> bool:
    if program.pid == 0:
        return True
    if program.started_at is None or program.kept_since is None:
        return False
    young = abs(view.observation.at - program.started_at) < _YOUNG
    return young and program.started_at - program.kept_since > _FIRST_START


def _by_design(view: View, container: Container, felix: Program) -> bool:
    at = felix.started_at or view.observation.at
    ends = [end for end in container.felix_ends if abs(at - end) < _FLAPS]
    return len(ends) <= _MOST_ENDS and any(abs(at - end) < _ENDS_WITHIN for end in ends)


def _does_not_stay(view: View, container: Container, program: Program) -> Finding:
    if program.pid == 0:
        what = f"{program.name} does not run inside container {container.name}"
        why = "its supervisor is there, the program is not"
    else:
        what = f"{program.name} inside container {container.name} was started again"
        age = view.observation.at - program.started_at if program.started_at else timedelta(0)
        why = f"process {program.pid} was started {in_words(age)}, its supervisor long before"
    ends = f"{logs_here(view)} says why it ends"
    up = f"{inside(view)} sv up /etc/service/enabled/{program.name} where somebody put it down; else "
    return _FAULTS.get(program.name, SV_RESTARTING).finding(
        program.name,
        what,
        why=why,
        effect=_EFFECTS[program.name],
        cure=f"{'' if program.pid else up}{ends} (where it logs to files: /var/log/calico/{program.name}/current)",
        node=view.me,
    )


def _is_held(view: View, container: Container, program: Program) -> Finding:
    return _FAULTS[program.name].finding(
        program.name,
        f"{program.name} inside container {container.name} is stopped: it runs, and does nothing",
        why=f"a signal (SIGSTOP) holds process {program.pid}",
        effect=_EFFECTS[program.name],
        cure=f"kill -CONT {program.pid} on this host, or {restart_here(view)}",
        node=view.me,
    )


def _hangs(view: View, program: Program) -> bool:
    """Felix's own word counts, where there is one; that it is not ready is not that it hangs."""
    return not program.health.live if program.health is not None else _waits_long(view, program)


def _waits_long(view: View, program: Program) -> bool:
    return program.child is not None and view.observation.at - program.child.started_at >= _HUNG


def _is_hung(view: View, program: Program) -> Finding:
    hung = program.health.hung if program.health is not None else ()
    child = program.child if _waits_long(view, program) else None
    evidence = [f"its health port says: {one.name} {one.state}{one.timeout and f' ({one.timeout})'}" for one in hung]
    if program.health is not None and not hung:
        evidence.append("its health port says that it is not live")
    timeout = next((one.timeout for one in hung if one.timeout), "")
    since = f" for more than {timeout}" if timeout else ""
    cure = f"{restart_here(view)} starts it anew"
    if child is not None:
        since = f" since {child.started_at:%Y-%m-%d %H:%M:%S} UTC"
        evidence.append(f"it waits for {child.name}, process {child.pid} of this host")
        cure = f"`cat /proc/{child.pid}/stack` and `ls -l /proc/{child.pid}/fd` show what that waits for; {cure}"
    return _FAULTS[program.name].finding(
        program.name,
        f"{program.name} hangs: it has not finished its work{since}",
        why="; ".join(evidence),
        effect=_WHILE_IT_HANGS.get(program.name, _EFFECTS[program.name]),
        cure=cure,
        node=view.me,
    )
