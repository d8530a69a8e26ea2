"""Nothing is started under an address or name that is not proved."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from calico_agent.faults.registry import FAULTS
from calico_agent.model.assessment import Assessment
from calico_agent.model.calico.node import Datastore
from calico_agent.model.container.action import Action, StartContainer
from calico_agent.model.container.supervision import Attempts, Plan
from calico_agent.model.finding import Condition, ConditionType, Finding, Problem, Severity, Status
from calico_agent.model.identity import NameChoice
from calico_agent.model.name_lease import LeaseStatus, NameState
from calico_agent.model.observation import Unreadable
from calico_agent.plan.start_gates import apply_start_gates, decide_wanted, forewarned
from tests.plan.test_desired_container import ETCD, IDENTITY, NODE

AWAY = Unreadable("etcd", "connection refused", "refused")


def test_a_name_of_our_own_is_proved() -> None:
    wanted = decide_wanted(NODE, ETCD, IDENTITY, Datastore(), name=NameState(LeaseStatus.KEPT))
    assert wanted.spec is not None
    assert not wanted.unproved


@pytest.mark.parametrize("standing", [LeaseStatus.FREE, LeaseStatus.LAPSED])
def test_a_name_that_is_not_claimed_yet_is_waited_for(standing: LeaseStatus) -> None:
    waiting = decide_wanted(NODE, ETCD, IDENTITY, Datastore(), name=NameState(standing, trouble="no space"))
    assert waiting.unproved == "the node name is being claimed in etcd: no space"


def test_who_may_not_claim_goes_on_without() -> None:
    denied = NameState(LeaseStatus.FREE, trouble="permission denied", denied=True)
    assert not decide_wanted(NODE, ETCD, IDENTITY, Datastore(), name=denied).unproved
    assert not decide_wanted(NODE, ETCD, IDENTITY, Datastore(), name=None).unproved


def test_an_unreadable_datastore_proves_nothing() -> None:
    wanted = decide_wanted(NODE, ETCD, IDENTITY, AWAY)
    assert "connection refused" in wanted.unproved
    assert "identity.start_without_datastore = true" in wanted.unproved


def test_the_administrator_may_answer_for_it() -> None:
    assert not decide_wanted(NODE, ETCD, IDENTITY, AWAY, without_datastore=True).unproved


def test_no_datastore_no_container() -> None:
    assert decide_wanted(NODE, None, IDENTITY, Datastore()).why_not == "no datastore is configured"


def test_a_refused_name_is_the_reason() -> None:
    nameless = replace(IDENTITY, name=NameChoice(None, refusal="localhost is the name of every host"))
    wanted = decide_wanted(NODE, ETCD, nameless, Datastore())
    assert (wanted.spec, wanted.why_not) == (None, "localhost is the name of every host")


def finding(code: str, *, bars: bool) -> Finding:
    condition = ConditionType.CONTAINER_RUNNING
    return Finding(FAULTS[code], "x", Severity.ERROR, condition, f"what {code}", cure=f"cure {code}", bars_start=bars)


def test_a_finding_that_bars_a_start_refuses_it_even_as_a_consequence() -> None:
    wanted = decide_wanted(NODE, ETCD, IDENTITY, Datastore())
    at = datetime(2026, 11, 23, tzinfo=UTC)
    harmless = Assessment(at, IDENTITY, (), (Problem(finding("SV-ABSENT", bars=False)),))
    assert apply_start_gates(wanted, harmless) == wanted
    folded = Problem(finding("NODE-NO-RECORD", bars=False), (finding("SV-PORT", bars=True),))
    assert apply_start_gates(wanted, replace(harmless, problems=(folded,))).refused == "what SV-PORT; cure SV-PORT"


@pytest.mark.parametrize(
    ("status", "action", "doing"),
    [
        (Status.FALSE, StartContainer("c1", "absent"), "starting, although this host is not prepared: it lacks x"),
        (Status.TRUE, StartContainer("c1", "absent"), "starting"),
        (Status.FALSE, None, "starting"),
    ],
    ids=["a start on a host that is not prepared", "a start on one that is", "nothing is done"],
)
def test_what_the_host_lacks_is_said_and_bars_nothing(status: Status, action: Action | None, doing: str) -> None:
    prepared = Condition(ConditionType.HOST_PREPARED, status, "HostModule", "it lacks x")
    assessment = Assessment(datetime(2026, 11, 23, tzinfo=UTC), IDENTITY, (prepared,), ())
    told = forewarned(Plan(action, "starting", Attempts()), assessment)
    assert (told.action, told.doing) == (action, doing)
