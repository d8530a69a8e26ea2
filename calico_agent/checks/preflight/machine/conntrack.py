"""Whether the kernel's table of connections has room.

calicoctl sets its size to 1,000,000 before it starts calico/node (calicoctl/commands/node/run.go@v3.32.1), kube-proxy
to 32,768 for each processor and to 131,072 at least. A smaller one is no fault while it has room.
"""

from collections.abc import Iterator

from calico_agent.checks.preflight.known import known
from calico_agent.expected.view import View
from calico_agent.faults.preflight.kernel import HOST_CONNTRACK
from calico_agent.model.host.kernel_modules import Modules
from calico_agent.model.host.sysctl import CONNTRACK_COUNT, CONNTRACK_MAX
from calico_agent.model.observation import Unreadable
from calico_agent.model.preflight import Check, Verdict

_CALICOCTL = 1_000_000
_NEARLY_FULL, _FULL = 0.8, 0.98
_WHY = "the first packets of connections that find no room are dropped, of pods and of this host alike"


def check_conntrack(view: View) -> Iterator[Check]:
    """Yield one line."""
    sysctls = known(view.preparation.sysctls)
    if isinstance(sysctls, Unreadable):
        yield _unknown(sysctls.reason)
        return
    size, used = sysctls.number(CONNTRACK_MAX), sysctls.number(CONNTRACK_COUNT)
    if size is not None and used is not None:
        yield _check(size, used)
    elif reason := sysctls.unread.get(CONNTRACK_MAX) or sysctls.unread.get(CONNTRACK_COUNT, ""):
        yield _unknown(reason)
    else:
        yield _unused(view.preparation.modules)


def _unknown(reason: str) -> Check:
    return Check(
        HOST_CONNTRACK, Verdict.UNKNOWN, f"the table of connections: {reason}", _WHY, f"sysctl {CONNTRACK_MAX}"
    )


def _check(size: int, used: int) -> Check:
    share = used / size if size > 0 else 0.0  # 0: without a limit
    fill = f"{used} of {size} connections are in the kernel's table ({share:.0%})"
    if share < _NEARLY_FULL:
        return Check(HOST_CONNTRACK, Verdict.OK, fill)
    larger = max(_CALICOCTL, 2 * size)
    cure = f"sysctl -w {CONNTRACK_MAX}={larger}, and in a file of /etc/sysctl.d (kube-proxy: --conntrack-min={larger})"
    return Check(HOST_CONNTRACK, Verdict.FAILURE if share >= _FULL else Verdict.WARNING, fill, _WHY, cure)


def _unused(modules: Modules | Unreadable | None) -> Check:
    """Nothing tracks connections yet: the first rule of Felix or kube-proxy that needs it loads it."""
    if isinstance(modules, Modules) and "nf_conntrack" in modules.present:
        return Check(HOST_CONNTRACK, Verdict.OK, "connections are not tracked until Felix has its first rule")
    what = "nothing tracks connections here, and whether the kernel could is not known"
    return Check(HOST_CONNTRACK, Verdict.UNKNOWN, what, _WHY, "modprobe nf_conntrack")
