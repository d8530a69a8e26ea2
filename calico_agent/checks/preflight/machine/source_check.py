"""Whether the kernel's check of source addresses (rp_filter) suits Felix.

Before v3.12 Felix relied on it to keep pods from sending with addresses of others: it set 1 for each pod's link, and it
ends at its start where net.ipv4.conf.all.rp_filter is 2, which would overrule that, unless IgnoreLooseRPF is true
(intdataplane/int_dataplane.go and endpoint_mgr.go of projectcalico/felix@2.3.0 to v3.11.0). Since v3.12 it checks
sources by iptables (rules/static.go@v3.12.0), and any value does.
"""

from collections.abc import Iterator

from calico_agent.checks.preflight.known import known
from calico_agent.checks.preflight.release import running_release
from calico_agent.checks.preflight.uses import felix, runs
from calico_agent.expected.view import View
from calico_agent.faults.preflight.kernel import HOST_RPFILTER
from calico_agent.model.calico.release import shown_release
from calico_agent.model.host.sysctl import Sysctls
from calico_agent.model.observation import Unreadable
from calico_agent.model.preflight import Check, Verdict
from calico_agent.text import counted

_ALL = "net.ipv4.conf.all.rp_filter"
_BY_IPTABLES = (3, 12)
_LOOSE = 2


def check_source_check(view: View) -> Iterator[Check]:
    """Yield one line for the host, and one for the links of pods where an old Felix is used."""
    sysctls = known(view.preparation.sysctls)
    if isinstance(sysctls, Unreadable):
        yield _unknown(sysctls.reason)
    elif (value := sysctls.rp_filters.get("all")) is None:
        yield _unknown("it cannot be read")
    else:
        yield _check(view, value)
        yield from _links(view, sysctls)


def _unknown(reason: str) -> Check:
    return Check(
        HOST_RPFILTER, Verdict.UNKNOWN, f"{_ALL}: {reason}", "Felix before v3.12 relies on it", f"sysctl {_ALL}"
    )


def _check(view: View, value: int) -> Check:
    of = running_release(view)
    if value < _LOOSE:
        return Check(HOST_RPFILTER, Verdict.OK, f"{_ALL} is {value}, which suits every release of Calico")
    if of is not None and of >= _BY_IPTABLES:
        what = f"{_ALL} is {value}: Calico {shown_release(of)} checks the sources of pods itself"
        return Check(HOST_RPFILTER, Verdict.OK, what)
    set_back = (
        f"sysctl -w {_ALL}=1; grep -rs rp_filter /etc/sysctl.conf /etc/sysctl.d /usr/lib/sysctl.d  # what sets it"
    )
    what = f"{_ALL} is {value} (loose)"
    if felix(view).takes_loose_rpf:
        why = "IgnoreLooseRPF is true, so Felix starts, but pods may send with the addresses of others"
        return Check(HOST_RPFILTER, Verdict.WARNING, what, why, set_back)
    why = "Felix before v3.12 ends at its start: pods could send with the addresses of others"
    if of is None:
        return Check(HOST_RPFILTER, Verdict.UNKNOWN, f"{what}, and which Calico is used is not known", why, set_back)
    return Check(HOST_RPFILTER, Verdict.FAILURE, what, why, set_back)


def _links(view: View, sysctls: Sysctls) -> Iterator[Check]:
    """Old Felix sets its pods' links to 1 when they come up; udev and systemd-sysctl may set them to 2 after that."""
    of = running_release(view)
    if of is None or of >= _BY_IPTABLES or not runs(view) or sysctls.rp_filters.get("all", 0) >= _LOOSE:
        return
    links = sorted(link for link in sysctls.rp_filters if link.startswith("cali"))
    loose = [link for link in links if max(sysctls.rp_filters[link], sysctls.rp_filters["all"]) != 1]
    if not loose:
        if links:
            what = f"rp_filter is 1 on {'the link' if len(links) == 1 else 'all links'} of pods ({len(links)})"
            yield Check(HOST_RPFILTER, Verdict.OK, what, subject="cali")
        return
    yield Check(
        HOST_RPFILTER,
        Verdict.WARNING,
        f"rp_filter is not 1 on {counted(len(loose), 'link')} of pods, for example {loose[0]}",
        "those pods may send with the addresses of others; Felix has set 1, and something set another value after that",
        f"sysctl -w net/ipv4/conf/{loose[0]}/rp_filter=1; grep -rs rp_filter /etc/sysctl.d "
        "/usr/lib/sysctl.d  # what sets it",
        "cali",
    )
