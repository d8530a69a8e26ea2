"""A node that works stays who it is: another host name, a virtual address, a lost memory and a second agent."""

import json
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.lab.conftest import named_lab
from tests.lab.engine import CONTAINER
from tests.lab.lab import Lab
from tests.lab.options import Options
from tests.patience import until

pytestmark = [pytest.mark.lab, pytest.mark.real]

HOST = "host2"
SETTINGS = {"CALICO_AGENT_AGENT_HOLD_DOWN_SECONDS": "2"}
PROMOTE = "/proc/sys/net/ipv4/conf/eth0/promote_secondaries"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Two hosts that are well, with an agent on the second which confirms after two seconds."""
    with named_lab("stays") as lab:
        lab.up(Options(hosts=2))
        restart(lab)
        yield lab


@pytest.fixture(autouse=True)
def well(lab: Lab) -> None:
    until("all is good", lambda: not report(lab)["problems"] and established(lab) == 1, partial(text, lab))


def restart(lab: Lab) -> None:
    lab.agent_stop(HOST)
    lab.agent_start(HOST, SETTINGS)
    until("the first pass is made", lambda: "identity" in report(lab), partial(text, lab))


def report(lab: Lab) -> dict[str, Any]:
    return dict(json.loads(lab.exec(HOST, "calico-agent", "status", "--json").stdout or "{}"))


def text(lab: Lab) -> str:
    return " ".join(lab.exec(HOST, "calico-agent", "status").stdout.split())


def established(lab: Lab) -> int:
    return sum(one["established"] for one in report(lab).get("sessions", ()))


def codes(lab: Lab) -> set[str]:
    return {one["code"] for problem in report(lab)["problems"] for one in (problem, *problem["consequences"])}


def container(lab: Lab) -> tuple[str, ...]:
    """Id, start, name and address of calico-node."""
    form = "{{.Id}} {{.State.StartedAt}} {{range .Config.Env}}{{println .}}{{end}}"
    words = lab.engine(HOST).inspect(form).split()
    return (*words[:2], *(word for word in words[2:] if word.startswith(("NODENAME=", "IP="))))


def looks(lab: Lab, times: int) -> None:
    """The agent makes so many more passes; in them whatever was waited for has come."""
    seen: set[str] = set()

    def all_made() -> bool:
        seen.add(report(lab)["at"])
        return len(seen) > times

    until(f"{times} more passes are made", all_made, partial(text, lab), seconds=180)


def call_host(lab: Lab, name: str) -> None:
    lab.exec(HOST, "sh", "-c", f"hostname {name}; echo {name} >/etc/hostname", check=True)


def test_a_second_agent_is_refused_whatever_its_socket(lab: Lab) -> None:
    second = {"CALICO_AGENT_HTTP_SOCKET": "/run/calico-agent/b.sock", "CALICO_AGENT_HTTP_LISTEN": ""}
    refused = lab.exec(HOST, "calico-agent", "run", environment=second, timeout=20)
    assert refused.returncode == 1
    assert "uses the state directory /var/lib/calico-agent" in refused.stderr
    beside = {**second, "CALICO_AGENT_AGENT_STATE_DIR": "/var/lib/another"}
    refused = lab.exec(HOST, "calico-agent", "run", environment=beside, timeout=20)
    assert refused.returncode == 1
    assert "supervises the container calico-node" in refused.stderr


def test_another_host_name_changes_nothing_and_is_told(lab: Lab) -> None:
    before = container(lab)
    call_host(lab, "edge-9")
    try:
        until(
            "the other name is told",
            lambda: any("edge-9" in json.dumps(one) for one in report(lab)["problems"]),
            partial(text, lab),
        )
        looks(lab, 3)
        time.sleep(3)  # longer than the hold-down: it would have been replaced by now
        looks(lab, 1)
        assert container(lab) == before
        assert not codes(lab) & {"IP-CONFLICT", "NAME-CLAIMED"}, "nothing is barred"
        assert "delete node host2" in text(lab), "how it is renamed on purpose"
        restart(lab)
        looks(lab, 2)
        assert container(lab) == before
        lab.exec(HOST, "docker", "kill", CONTAINER, check=True)
        until("it is started again", lambda: established(lab) == 1, partial(text, lab))
        assert (container(lab)[0], container(lab)[2:]) == (before[0], before[2:]), "as the node that it was"
    finally:
        call_host(lab, HOST)


def test_a_virtual_address_that_becomes_the_first_one_changes_nothing(lab: Lab) -> None:
    before = container(lab)
    lab.exec(HOST, "sh", "-c", f"echo 1 >{PROMOTE}", check=True)
    lab.host(HOST).ip(
        "addr add 10.77.0.100/24 dev eth0", "addr del 10.77.0.12/24 dev eth0", "addr add 10.77.0.12/24 dev eth0"
    )
    try:
        until("it is seen", lambda: "10.77.0.100" in json.dumps(report(lab)["identity"]), partial(text, lab))
        time.sleep(3)  # longer than the hold-down
        looks(lab, 3)
        assert container(lab) == before
        assert report(lab)["identity"]["ipv4"]["chosen"] == "10.77.0.12/24"
        lab.agent_stop(HOST)
        Path(lab.host(HOST).root, "var/lib/calico-agent/identity.json").unlink()
        lab.agent_start(HOST, SETTINGS)
        until("the first pass is made", lambda: "identity" in report(lab), partial(text, lab))
        looks(lab, 2)
        assert container(lab) == before, "nor does it without its memory"
    finally:
        lab.host(HOST).ip("addr del 10.77.0.100/24 dev eth0")
        lab.exec(HOST, "docker", "restart", CONTAINER)  # BIRD has missed that its address was away (BIRD-LINK)
