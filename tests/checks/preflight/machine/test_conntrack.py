"""The kernel's table of connections."""

import pytest

from calico_agent.checks.preflight.machine.conntrack import check_conntrack
from calico_agent.model.host.kernel_modules import Modules
from calico_agent.model.host.sysctl import Sysctls
from calico_agent.model.observation import Unreadable
from calico_agent.model.preflight import Verdict
from tests.checks.preflight.case import CheckCase, check, prepared

LINE = "HOST-CONNTRACK"


def table(used: int, size: int) -> Sysctls:
    return Sysctls({"net.netfilter.nf_conntrack_max": str(size), "net.netfilter.nf_conntrack_count": str(used)})


CASES = {
    "as the kernel makes it, with room": CheckCase(
        prepared(sysctls=table(1200, 65536)), {LINE: Verdict.OK}, says=("1200 of 65536",)
    ),
    "without a limit": CheckCase(prepared(sysctls=table(1200, 0)), {LINE: Verdict.OK}),
    "nearly full": CheckCase(
        prepared(sysctls=table(210000, 262144)), {LINE: Verdict.WARNING}, says=("(80%)", "nf_conntrack_max=1000000")
    ),
    "full": CheckCase(prepared(sysctls=table(65530, 65536)), {LINE: Verdict.FAILURE}),
    "a large one is full: twice as large": CheckCase(
        prepared(sysctls=table(999999, 1000000)), {LINE: Verdict.FAILURE}, says=("nf_conntrack_max=2000000",)
    ),
    "not in use yet": CheckCase(
        prepared(sysctls=Sysctls(), modules=Modules("6.1", {"nf_conntrack": "loadable"})), {LINE: Verdict.OK}
    ),
    "not there, and whether it could be is not known": CheckCase(prepared(sysctls=Sysctls()), {LINE: Verdict.UNKNOWN}),
    "it may not be read": CheckCase(
        prepared(sysctls=Sysctls(unread={"net.netfilter.nf_conntrack_max": "Permission denied"})),
        {LINE: Verdict.UNKNOWN},
        says=("Permission denied",),
    ),
    "nothing could be read": CheckCase(
        prepared(sysctls=Unreadable("sysctls", "late", "timeout")), {LINE: Verdict.UNKNOWN}
    ),
    "nothing was read": CheckCase(prepared(), {LINE: Verdict.UNKNOWN}),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_conntrack(case: CheckCase) -> None:
    check(case, check_conntrack)
