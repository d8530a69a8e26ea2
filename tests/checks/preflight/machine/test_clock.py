"""This host's clock and those of etcd's members."""

import pytest

from calico_agent.checks.preflight.machine.clock import check_clock
from calico_agent.model.host.clocks import ClockAnswer, Clocks
from calico_agent.model.observation import Unreadable
from calico_agent.model.preflight import Verdict
from tests.checks.preflight.case import CheckCase, check, prepared

LINE = "HOST-CLOCK"


def ahead(*seconds: float, uncertainty: float = 0.5) -> Clocks:
    return Clocks(tuple(ClockAnswer(f"https://e{index}:2379", one, uncertainty) for index, one in enumerate(seconds)))


CASES = {
    "in step": CheckCase(prepared(clocks=ahead(0.4, -0.3, 0.1)), {LINE: Verdict.OK}),
    "just within what is not known": CheckCase(prepared(clocks=ahead(5.4)), {LINE: Verdict.OK}),
    "an answer that took long proves nothing": CheckCase(
        prepared(clocks=ahead(6.0, uncertainty=2.5)), {LINE: Verdict.OK}
    ),
    "ahead": CheckCase(
        prepared(clocks=ahead(61.0)), {LINE: Verdict.WARNING}, says=("60 s or more ahead of", "https://e0:2379")
    ),
    "behind by an hour": CheckCase(prepared(clocks=ahead(-3600.0)), {LINE: Verdict.FAILURE}, says=("behind",)),
    "one member of three is wrong: this host is not": CheckCase(
        prepared(clocks=ahead(-900.0, 0.1, 0.2)), {LINE: Verdict.OK}
    ),
    "nobody answered": CheckCase(
        prepared(clocks=Clocks(silent=("https://e0:2379: refused",))), {LINE: Verdict.UNKNOWN}, says=("refused",)
    ),
    "nobody said where etcd is": CheckCase(
        prepared(clocks=Unreadable("etcd", "where etcd is, is not known", "unset")), {LINE: Verdict.UNKNOWN}
    ),
    "nobody was asked": CheckCase(prepared(clocks=Clocks()), {LINE: Verdict.UNKNOWN}),
    "nothing was read": CheckCase(prepared(), {LINE: Verdict.UNKNOWN}),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_clock(case: CheckCase) -> None:
    check(case, check_clock)
