"""Whether this host's clock goes as those of etcd's members do."""

from collections.abc import Iterator
from statistics import median_low

from calico_agent.checks.preflight.known import known
from calico_agent.expected.view import View
from calico_agent.faults.preflight.kernel import HOST_CLOCK
from calico_agent.model.host.clocks import Clocks
from calico_agent.model.observation import Unreadable
from calico_agent.model.preflight import Check, Verdict

# An answer that took long, and whole seconds, are told apart by its uncertainty. NTP keeps hosts within some
# milliseconds; five minutes are what Kubernetes and Kerberos allow at most.
_ODD_SECONDS, _WRONG_SECONDS = 5.0, 300.0
_WHY = "certificates and tokens are judged by this clock, and logs of several hosts cannot be laid side by side"


def check_clock(view: View) -> Iterator[Check]:
    """Yield one line: by the member in the middle, so that one of three with a wrong clock accuses nobody."""
    clocks = known(view.preparation.clocks, "no other was asked")
    cure = "timedatectl; systemctl status chronyd ntpd systemd-timesyncd"
    if isinstance(clocks, Unreadable) or not clocks.answers:
        yield Check(HOST_CLOCK, Verdict.UNKNOWN, f"the clock: {_silence(clocks)}", _WHY, cure)
        return
    middle = median_low(one.ahead for one in clocks.answers)
    one = next(answer for answer in clocks.answers if answer.ahead == middle)
    apart = max(0.0, abs(one.ahead) - one.uncertainty)
    if apart < _ODD_SECONDS:
        yield Check(
            HOST_CLOCK, Verdict.OK, f"the clock is within {_ODD_SECONDS:.0f} s of that of etcd at {one.endpoint}"
        )
        return
    direction = "ahead of" if one.ahead > 0 else "behind"
    what = f"the clock is {apart:.0f} s or more {direction} that of etcd at {one.endpoint}"
    yield Check(HOST_CLOCK, Verdict.FAILURE if apart >= _WRONG_SECONDS else Verdict.WARNING, what, _WHY, cure)


def _silence(clocks: Clocks | Unreadable) -> str:
    if isinstance(clocks, Unreadable):
        return f"not compared with that of etcd: {clocks.reason}"
    return f"not compared with that of etcd: {clocks.silent[0]}" if clocks.silent else "no member of etcd was asked"
