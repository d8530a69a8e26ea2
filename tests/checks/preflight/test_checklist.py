"""From checks to findings and the condition."""

from dataclasses import replace

from calico_agent.checks.preflight.checklist import checks_of, find_unprepared
from calico_agent.faults.preflight.network import HOST_FORWARD
from calico_agent.model.finding import ConditionType, Severity, Status
from calico_agent.model.host.sysctl import Sysctls
from calico_agent.model.network.address import Family
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.observation import Unreadable
from calico_agent.model.preflight import Check, Verdict, tally
from tests.checks.cluster import HEALTHY, findings_of, look, problems_of, statuses_of
from tests.checks.preflight.case import prepared, view

FORWARDING = Sysctls({"net.ipv4.ip_forward": "1"})
NOT_FORWARDING = Sysctls({"net.ipv4.ip_forward": "0"})


def test_of_a_host_of_which_nothing_was_read_nothing_is_said() -> None:
    assert checks_of(view(HEALTHY)) == ()
    found = look(HEALTHY)
    assert ConditionType.HOST_PREPARED not in {one.type for one in found.conditions}
    assert found.checks == ()


def test_a_healthy_host_is_prepared_and_no_problem() -> None:
    found = look(prepared(sysctls=FORWARDING))
    assert found.problems == ()
    last = found.conditions[-1]
    assert (last.type, last.status) == (ConditionType.HOST_PREPARED, Status.TRUE)
    assert last.message == tally(found.checks)


def test_a_failure_is_an_error_and_the_host_is_not_prepared() -> None:
    broken = prepared(sysctls=NOT_FORWARDING)
    assert problems_of(broken) == {"HOST-FORWARD net.ipv4.ip_forward": set()}
    assert statuses_of(broken) == {"HostPrepared": Status.FALSE}
    assert not any(one.bars_start for one in findings_of(broken))


def test_a_warning_leaves_the_host_prepared_and_what_is_not_known_is_no_finding() -> None:
    checks = tuple(Check(HOST_FORWARD, verdict, "what", "why", "cure", verdict.name) for verdict in Verdict)
    found = {one.subject: one for one in find_unprepared(view(HEALTHY), checks)}
    assert {subject: one.severity for subject, one in found.items()} == {
        "WARNING": Severity.WARNING,
        "FAILURE": Severity.ERROR,
    }
    assert (found["WARNING"].what, found["WARNING"].effect, found["WARNING"].cure) == ("what", "why", "cure")
    assert tally(checks) == "1 ok, 1 warning, 1 failure, 1 cannot be told, 1 does not apply"


def test_what_cannot_be_told_is_never_called_prepared() -> None:
    unread = prepared(replace(HEALTHY, datastore=Unreadable("etcd", "no")))
    assert statuses_of(unread)["HostPrepared"] is Status.UNKNOWN


def test_routes_without_forwarding_explain_what_the_preflight_says_of_it() -> None:
    assert isinstance(HEALTHY.kernel, Kernel)
    kernel = replace(HEALTHY.kernel, ip_forward={Family.IPV4: {"all": False, "eth0": False}})
    assert problems_of(prepared(replace(HEALTHY, kernel=kernel), sysctls=NOT_FORWARDING)) == {
        "RT-NO-FORWARDING net.ipv4.ip_forward": {"HOST-FORWARD net.ipv4.ip_forward"}
    }
