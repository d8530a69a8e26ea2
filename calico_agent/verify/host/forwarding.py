"""Whether the kernel forwards packets. Felix switches it on when it starts, for all links
(felix/dataplane/linux/int_dataplane.go@v3.32.1), and never looks again."""

from collections.abc import Iterator, Mapping

from calico_agent.model.address import Family
from calico_agent.model.observation import Unreadable
from calico_agent.model.preflight import Check, Verdict
from calico_agent.model.sysctl import IP_FORWARD, IPV6_FORWARDING, Sysctls
from calico_agent.verify.host.uses import runs, uses_family
from calico_agent.verify.view import View

_SETTINGS: Mapping[Family, str] = {Family.IPV4: IP_FORWARD, Family.IPV6: IPV6_FORWARDING}
_WHY = "without it the kernel drops every packet between pods and other hosts"


def check_forwarding(view: View) -> Iterator[Check]:
    """One line for each family."""
    preparation = view.observation.preparation
    sysctls = preparation.sysctls if preparation is not None else None
    for family, setting in _SETTINGS.items():
        if not uses_family(view, family):
            what = f"forwarding of IPv{family.value} packets: not used here"
            yield Check("HOST-FORWARD", Verdict.NOT_APPLICABLE, what, subject=setting)
        elif sysctls is None or isinstance(sysctls, Unreadable):
            reason = "it was not read" if sysctls is None else sysctls.reason
            yield _unknown(setting, f"{setting}: {reason}")
        else:
            yield _check(view, family, setting, sysctls)


def _check(view: View, family: Family, setting: str, sysctls: Sysctls) -> Check:
    value = sysctls.number(setting)
    if value is None:
        reason = sysctls.unread.get(setting) or f"this kernel has no such setting: it has no IPv{family.value}"
        return _unknown(setting, f"{setting} cannot be read: {reason}")
    if value:
        what = f"IPv{family.value} packets are forwarded ({setting} is {value})"
        return Check("HOST-FORWARD", Verdict.OK, what, subject=setting)
    working = runs(view)
    if working is None:
        return _unknown(setting, f"{setting} is 0, which Felix sets to 1: whether calico/node runs is not known")
    if working:
        return Check(
            "HOST-FORWARD",
            Verdict.FAILURE,
            f"IPv{family.value} packets are not forwarded: {setting} is 0",
            f"{_WHY}; Felix set it to 1 when it started, and something set it back",
            f"sysctl -w {setting}=1; what set it to 0: grep -rs forward /etc/sysctl.conf /etc/sysctl.d",
            setting,
        )
    what = f"{setting} is 0 until calico/node starts: Felix sets it to 1"
    return Check("HOST-FORWARD", Verdict.OK, what, subject=setting)


def _unknown(setting: str, what: str) -> Check:
    return Check("HOST-FORWARD", Verdict.UNKNOWN, what, _WHY, f"sysctl {setting}", setting)
