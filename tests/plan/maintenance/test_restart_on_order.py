"""A restart that somebody asks for: once, at once, of what is ours, and never against a guard."""

from dataclasses import replace
from datetime import timedelta

import pytest

from calico_agent.model.container.action import RestartContainer, StartContainer
from calico_agent.model.container.container import Container, ContainerState, Docker
from calico_agent.model.container.image import LocalImage
from calico_agent.model.container.supervision import Attempts, DesiredContainer, Plan, Succession
from calico_agent.model.maintenance import Deed, Order
from calico_agent.model.settings import SuperviseSettings
from calico_agent.plan.remediation import plan_supervision
from tests.plan.test_remediation import EXITED, FOREIGN, NOW, OURS, SPEC

ORDER = Order("0af1", Deed.RESTART, "alice (uid 1000)", "new certificate")
WANTED = DesiredContainer(SPEC)
WAITS = Attempts(failures=4, not_before=NOW + timedelta(minutes=5), spec=SPEC.hash, last_failure="exited with code 1")


def planned(
    *containers: Container,
    wanted: DesiredContainer = WANTED,
    attempts: Attempts = Attempts(),  # noqa: B008 - a frozen value
    order: Order | None = ORDER,
    settings: SuperviseSettings = SuperviseSettings(),  # noqa: B008 - a frozen value
) -> Plan:
    return plan_supervision(
        Docker(containers=containers, image=LocalImage(SPEC.image, "sha256:0")),
        wanted,
        attempts,
        settings,
        order=order,
        now=NOW,
        hold_down=timedelta(seconds=10),
        jitter=0,
    )


def test_one_that_runs_is_restarted_and_who_asked_is_said() -> None:
    plan = planned(OURS)
    assert plan.action == RestartContainer(OURS.id, "alice (uid 1000) asked: new certificate")
    assert plan.doing == "restarting calico-node on demand"
    assert (plan.attempts.order, plan.attempts.failures, plan.attempts.last_failure) == ("0af1", 1, "")


def test_it_is_done_once() -> None:
    done = planned(OURS).attempts
    assert planned(OURS, attempts=done).action is None
    again = planned(OURS, attempts=done, order=replace(ORDER, id="0af2"))
    assert isinstance(again.action, RestartContainer)


def test_one_that_waits_for_its_next_attempt_is_started_at_once() -> None:
    assert planned(EXITED, attempts=WAITS, order=None).action is None
    plan = planned(EXITED, attempts=WAITS)
    assert isinstance(plan.action, StartContainer)
    assert plan.attempts.failures == 1


def test_one_that_somebody_stopped_is_started_again() -> None:
    settings = SuperviseSettings(respect_stop=True)
    stopped = replace(EXITED, stopped_by_hand=True)
    assert planned(stopped, order=None, settings=settings).action is None
    assert isinstance(planned(stopped, settings=settings).action, StartContainer)


NOT_NOW = {
    "a guard forbids its start": (replace(WANTED, refused="another node has its address"), (OURS,)),
    "whether something forbids it is not known": (replace(WANTED, unproved="etcd cannot be asked"), (OURS,)),
    "its own address is not here any more": (
        replace(WANTED, succession=Succession(own_barred="it was made for 10.0.0.9, which no link of this host has")),
        (replace(EXITED, env=(("IP", "10.0.0.9/24"), ("NODENAME", "host1"))),),
    ),
    "calico-agent did not make": (WANTED, (FOREIGN,)),
    "it is paused": (WANTED, (replace(OURS, state=ContainerState.PAUSED),)),
    "it is being replaced": (WANTED, (OURS, replace(OURS, id="b", name="calico-node-previous"))),
    "another": (WANTED, (OURS, replace(FOREIGN, id="c", name="other"))),
}


@pytest.mark.parametrize("case", NOT_NOW)
def test_it_is_not_done_and_the_reason_is_said(case: str) -> None:
    wanted, containers = NOT_NOW[case]
    plan = planned(*containers, wanted=wanted)
    assert not isinstance(plan.action, RestartContainer | StartContainer)
    assert plan.attempts.order == "", "it may be done at the next pass"
    assert "starting calico-node on demand" in plan.doing


def test_where_there_is_none_one_is_made_as_ever() -> None:
    plan = planned()
    assert plan.doing == (
        "not restarting calico-node on demand: there is no container calico-node; creating calico-node"
    )
    assert plan.action is not None
