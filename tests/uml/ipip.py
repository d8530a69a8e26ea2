"""What the tests of IPIP ask of the lab that runs in the same guest as they do; each host has one pod."""

import json
import re
import signal
import time
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.lab.image.keys import POOLS
from tests.lab.lab import Lab
from tests.patience import until

HOSTS = ("host1", "host2", "host3")
UNSEEN = ({"code": "", "subject": "", "confirmed": False},)
PATIENCE = 120.0
"""Seconds. One processor for three hosts, and every system call costs thirteen times what it costs outside."""


def text(lab: Lab, host: str) -> str:
    """The status as one line, however the terminal wraps it."""
    return " ".join(lab.exec(host, "calico-agent", "status").stdout.split())


def texts(lab: Lab) -> str:
    return "\n".join(lab.exec(host, "calico-agent", "status").stdout for host in HOSTS)


def problems(lab: Lab, host: str) -> dict[str, bool]:
    """Each problem as `CODE subject`, and whether it is confirmed; one without a code until the agent has looked."""
    answer: dict[str, Any] = json.loads(lab.exec(host, "calico-agent", "status", "--json").stdout)
    return {f"{one['code']} {one['subject']}": one["confirmed"] for one in answer.get("problems", UNSEEN)}


def await_problems(lab: Lab, wanted: Mapping[str, str]) -> None:
    """Until each host has exactly its problem, confirmed; an empty one stands for none."""
    expected = {host: {problem: True} if problem else {} for host, problem in wanted.items()}
    until(
        f"{wanted}",
        lambda: all(problems(lab, host) == problem for host, problem in expected.items()),
        lambda: texts(lab),
        PATIENCE,
    )


def await_all_good(lab: Lab) -> None:
    until(
        "all hosts are good",
        lambda: all(lab.exec(host, "calico-agent", "status").returncode == 0 for host in HOSTS),
        lambda: texts(lab),
        PATIENCE,
    )


def block_of(lab: Lab, host: str) -> str:
    return lab.exec(host, "ip", "route", "show", "type", "blackhole", check=True).stdout.split()[1]


def ways(lab: Lab, host: str) -> dict[str, tuple[str, str]]:
    """The routes to the blocks of other hosts: next hop and device, by block."""
    found = json.loads(lab.exec(host, "ip", "-json", "route", "show", "proto", "bird").stdout)
    return {route["dst"]: (route["gateway"], route["dev"]) for route in found if "gateway" in route}


def await_ways(lab: Lab, host: str, wanted: Mapping[str, tuple[str, str]]) -> None:
    until(f"{host}: {wanted}", lambda: ways(lab, host) == wanted, lambda: str(ways(lab, host)), PATIENCE)


def routes_by(lab: Lab, host: str, device: str, *others: str) -> dict[str, tuple[str, str]]:
    """The routes that a host must have through a device, to these hosts, or to all others."""
    to = others or tuple(other for other in HOSTS if other != host)
    return {block_of(lab, other): (str(lab.options.address(other).ip), device) for other in to}


def cure(lab: Lab, host: str, *patterns: str) -> None:
    """Type what the status of a host says, word for word: each command stands on a line of its own."""
    said = text(lab, host)
    found = [re.search(pattern, said) for pattern in patterns]
    for command in found:
        assert command is not None, said
        lab.exec(host, "sh", "-c", command[0], check=True)


def unreached(lab: Lab) -> list[str]:
    """Which pod does not reach which."""
    addresses = {host: pod(lab, host) for host in HOSTS}
    pairs = ((host, other) for host in HOSTS for other in HOSTS if other != host)
    return [f"{host} to {other}" for host, other in pairs if not answers(lab, host, addresses[other])]


def pod(lab: Lab, host: str) -> str:
    """The address of a host's pod."""
    show = ("ip", "-netns", f"pod{host[-1]}", "-brief", "-4", "address", "show", "dev", "eth0")
    return lab.exec(host, *show, check=True).stdout.split()[2].removesuffix("/32")


def answers(lab: Lab, host: str, address: str) -> bool:
    """Whether it does to the pod of a host."""
    ping = ("ip", "netns", "exec", f"pod{host[-1]}", "busybox", "ping", "-c", "1", "-W", "10", address)
    return lab.exec(host, *ping).returncode == 0


def set_mode(lab: Lab, mode: str) -> None:
    """Switch the pool: Always, CrossSubnet, Never."""
    (pair,) = json.loads(lab.datastore.get(POOLS, prefix=True))["kvs"]
    pool = json.loads(b64decode(pair["value"]))
    pool["spec"]["ipipMode"] = mode
    lab.datastore.put(b64decode(pair["key"]).decode(), json.dumps(pool))


@contextmanager
def felix_held(lab: Lab, host: str) -> Iterator[None]:
    """calico/node's process 1 is stopped, and with it what puts tunl0 right; BIRD runs on."""
    process = lab.engine(host).inspect("{{.State.Pid}}")
    lab.exec(host, "kill", f"-{signal.SIGSTOP}", process, check=True)
    try:
        yield
    finally:
        lab.exec(host, "kill", f"-{signal.SIGCONT}", process, check=True)


def stays_good(lab: Lab, seconds: float = 15.0) -> None:
    """Longer than a fault has to last to be told."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for host in HOSTS:
            assert problems(lab, host) == {}, text(lab, host)
