"""Whether the kernel forwards packets.

Felix switches it on for all links when it starts, since v3.15 (dataplane/linux/int_dataplane.go of
projectcalico/felix@v3.15.0), unless ipForwarding is Disabled (felix/config/config_params.go of
projectcalico/calico@v3.32.0), and never looks again. Before, it did so for the links of pods only
(intdataplane/endpoint_mgr.go@2.3.0): packets for them, which come in by the host's links, are dropped unless somebody
else has switched it on, as dockerd does by default.
"""

from collections.abc import Iterator, Mapping

from calico_agent.checks.preflight.known import known
from calico_agent.checks.preflight.release import running_release
from calico_agent.checks.preflight.uses import felix, runs, uses_family
from calico_agent.expected.view import View
from calico_agent.faults.preflight.network import HOST_FORWARD
from calico_agent.model.calico.release import shown_release
from calico_agent.model.host.sysctl import IP_FORWARD, IPV6_FORWARDING
from calico_agent.model.network.address import Family
from calico_agent.model.observation import Unreadable
from calico_agent.model.preflight import Check, Verdict

_SETTINGS: Mapping[Family, str] = {Family.IPV4: IP_FORWARD, Family.IPV6: IPV6_FORWARDING}
_WHY = "without it the kernel drops every packet between pods and other hosts"
_SINCE = (3, 15)


def check_forwarding(view: View) -> Iterator[Check]:
    """Yield one line for each family."""
    sysctls = known(view.preparation.sysctls)
    for family, setting in _SETTINGS.items():
        if not uses_family(view, family):
            what = f"forwarding of IPv{family.value} packets: not used here"
            yield Check(HOST_FORWARD, Verdict.NOT_APPLICABLE, what, subject=setting)
        elif isinstance(sysctls, Unreadable):
            yield _unknown(setting, sysctls.reason)
        elif (value := sysctls.number(setting)) is None:
            absent = f"this kernel has no IPv{family.value}"
            yield _unknown(setting, sysctls.unread.get(setting) or absent)
        elif value:
            what = f"IPv{family.value} packets are forwarded ({setting} is {value})"
            yield Check(HOST_FORWARD, Verdict.OK, what, subject=setting)
        else:
            yield _off(view, family, setting)


def _off(view: View, family: Family, setting: str) -> Check:
    """What is said of a host that does not forward now."""
    of, working = running_release(view), runs(view)
    what = f"IPv{family.value} packets are not forwarded: {setting} is 0"
    if not felix(view).enables_forwarding:
        verdict, why = Verdict.FAILURE, f"{_WHY}; Felix is told not to switch it on (ipForwarding is Disabled)"
    elif of is not None and of < _SINCE:
        verdict, why = Verdict.FAILURE, f"{_WHY}; Calico {shown_release(of)} does not switch it on for the host's links"
    elif working:
        verdict, why = Verdict.FAILURE, f"{_WHY}; what has switched it on when calico/node started was undone"
    elif working is False and of is not None:
        return Check(
            HOST_FORWARD, Verdict.OK, f"{setting} is 0 until calico/node starts: Felix sets it to 1", subject=setting
        )
    else:
        verdict, why = (
            Verdict.WARNING,
            f"{_WHY}; Calico before v3.15 does not switch it on when it starts",
        )
    cure = f"sysctl -w {setting}=1; grep -rs forward /etc/sysctl.conf /etc/sysctl.d  # what sets it to 0"
    return Check(HOST_FORWARD, verdict, what, why, cure, setting)


def _unknown(setting: str, reason: str) -> Check:
    return Check(HOST_FORWARD, Verdict.UNKNOWN, f"{setting}: {reason}", _WHY, f"sysctl {setting}", setting)
