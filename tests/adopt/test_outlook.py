"""In which order a host is taken over: the agent waits beside what runs, so nothing is pulled while nothing runs."""

from dataclasses import replace

import pytest

from calico_agent.adopt.described import Translation
from calico_agent.adopt.outlook import render_outlook
from calico_agent.model.container.container import Container, ContainerState
from calico_agent.model.container.supervision import DesiredContainer
from calico_agent.model.container.waiting_command import Client
from calico_agent.report.pages.config_diff import Outlook
from tests.model.container.test_drift import SAME, SPEC

FOREIGN = replace(SAME, labels=())
POD = replace(FOREIGN, name="k8s_calico-node_calico-node-x7k2p_kube-system_4f1e_0")

CASES: dict[str, tuple[Container | None, tuple[str, ...]]] = {
    "nothing is there": (
        None,
        ("write", "systemctl enable calico-agent; systemctl reload-or-restart calico-agent", "calico-agent makes"),
    ),
    "a unit runs it": (
        replace(FOREIGN, client=Client(1, "calico-node.service")),
        ("write", "systemctl reload-or-restart", "systemctl disable --now calico-node.service", "calico-agent makes"),
    ),
    "a pod runs it": (
        POD,
        (
            "write",
            "systemctl reload-or-restart",
            "kubectl -n kube-system delete pod calico-node-x7k2p",
            "calico-agent makes",
        ),
    ),
    "somebody runs it": (
        FOREIGN,
        ("write", "systemctl reload-or-restart", "docker stop calico-node, or [supervise] take_over", "makes"),
    ),
    "one that somebody made does not run": (
        replace(FOREIGN, state=ContainerState.EXITED),
        ("write", "systemctl reload-or-restart calico-agent", "sets container calico-node", "calico-agent makes"),
    ),
}


@pytest.mark.parametrize(("container", "steps"), CASES.values(), ids=CASES.keys())
def test_the_steps_and_their_order(container: Container | None, steps: tuple[str, ...]) -> None:
    told = render_outlook(Translation({}), Outlook(DesiredContainer(SPEC), container))
    lines = [line for line in told.splitlines() if line.startswith("  ")][: len(steps)]
    assert [f"  {number}. " for number in range(1, len(steps) + 1)] == [line[:5] for line in lines]
    assert all(step in line for step, line in zip(steps, lines, strict=True)), told
