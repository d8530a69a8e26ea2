"""What several faults do to a lab."""

import json
import os
import signal
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.lab.agent import Agent
from tests.lab.engine import CONTAINER
from tests.lab.errors import LabError
from tests.lab.image.keys import NODES
from tests.lab.lab import Lab
from tests.lab.namespaces import Sandbox
from tests.lab.options import address
from tests.lab.program import process

SETTINGS = {"CALICO_AGENT_SUPERVISE_STABLE_AFTER_SECONDS": "15"}
"""A calico/node that has run so long lasted: the second fault of a host does not wait for the backoff of the first."""

FOREIGN = "10.77.0.1"
"""The wire: a next hop that is no node's."""


def on(lab: Lab, host: str, command: str) -> str:
    """Run a command, its words parted by spaces, which must succeed; returns its output."""
    return lab.exec(host, *command.split(), check=True).stdout


def wire(lab: Lab) -> Sandbox:
    """The network between the hosts."""
    return Sandbox("wire", lab.directory / "wire")


def block_of(lab: Lab, owner: str, host: str = "host1") -> str:
    """The block of one host, by the route that another one has to it."""
    rows = json.loads(on(lab, host, "ip -j route show"))
    gateway = str(address(owner).ip)
    found = [str(row["dst"]) for row in rows if row.get("gateway") == gateway and "/" in row["dst"]]
    if not found:
        raise LabError(f"{host} has no route through {owner}")
    return found[0]


def own_block(lab: Lab, host: str) -> str:
    """A host's own block, by its blackhole."""
    return on(lab, host, "ip route show type blackhole").split()[1]


def pod_route(lab: Lab, host: str) -> tuple[str, str]:
    """The address and the link of the pod of a host."""
    rows = json.loads(on(lab, host, "ip -j route show"))
    return next((str(row["dst"]), str(row["dev"])) for row in rows if str(row.get("dev", "")).startswith("cali"))


@contextmanager
def route_in_the_place_of(lab: Lab, host: str, block: str, route: str, kind: str = "") -> Iterator[None]:
    """A route by hand where BIRD's was, for as long as the block runs; BIRD writes its own again then."""
    words = f"{kind} {block} {route}"
    on(lab, host, f"ip route replace {words}")
    yield
    on(lab, host, f"ip route del {words}")


@contextmanager
def again_and_again(lab: Lab, host: str, command: str) -> Iterator[None]:
    """A command ten times a second, so that nobody mends what it breaks; its failures do not matter."""
    script = f"while :; do {command}; sleep 0.1; done"
    with process(lab, host, "sh", "-c", script):
        yield


def signal_all(lab: Lab, host: str, program: str, number: signal.Signals) -> None:
    """Send every process of a host that has this program's name a signal."""
    found = [one.pid for one in lab.host(host).processes() if one.name == program]
    if not found:
        raise LabError(f"no {program} runs on {host}")
    for pid in found:
        os.kill(pid, number)


def agent_pid(lab: Lab, host: str) -> int:
    """The process of a host's agent, by the machine's number."""
    found = Agent(lab.host(host)).process()
    if found is None:
        raise LabError(f"no agent runs on {host}")
    return found.pid


def start_agent(lab: Lab, host: str) -> None:
    """Start the agent of a host."""
    lab.agent_start(host, SETTINGS)


@contextmanager
def configured(lab: Lab, host: str, old: str, new: str) -> Iterator[None]:
    """A host's agent is told to read another configuration, in which `new` is in the place of `old`."""
    file = Path(lab.host(host).root, "etc/calico-agent/calico-agent.toml")
    before = file.read_text()
    if old not in before:
        raise LabError(f"{old!r} is not in the configuration of {host}")
    file.write_text(before.replace(old, new, 1))
    os.kill(agent_pid(lab, host), signal.SIGHUP)
    yield
    file.write_text(before)
    os.kill(agent_pid(lab, host), signal.SIGHUP)


@contextmanager
def paused(lab: Lab, host: str) -> Iterator[None]:
    """A host's agent does nothing about its container."""
    on(lab, host, "calico-agent pause --for 1h --why campaign")
    yield
    on(lab, host, "calico-agent resume")


@contextmanager
def held(lab: Lab, host: str) -> Iterator[None]:
    """Process 1 of calico/node is stopped: nobody starts BIRD again, nor gives it another configuration."""
    pid = lab.engine(host).inspect("{{.State.Pid}}")
    on(lab, host, f"kill -STOP {pid}")
    yield
    on(lab, host, f"kill -CONT {pid}")


def signal_bird(lab: Lab, host: str, name: str) -> None:
    """Send BIRD inside the container a signal: KILL, STOP, CONT. None may run."""
    find = 'for d in /proc/[0-9]*; do read -r n <$d/comm; [ "$n" = bird ] && echo ${d#/proc/}; done'
    lab.engine(host).docker("exec", CONTAINER, "sh", "-c", f"kill -{name} $({find})", check=name != "CONT")


def birdc(lab: Lab, host: str, *words: str) -> None:
    """Tell BIRD something."""
    lab.engine(host).docker("exec", CONTAINER, "birdcl", *words)


def protocol(lab: Lab, host: str, kind: str) -> str:
    """The name of BIRD's protocol that is of a kind, such as `Kernel`."""
    said = lab.engine(host).docker("exec", CONTAINER, "birdcl", "show", "protocols").stdout
    rows = (line.split() for line in said.splitlines())
    return next(row[0] for row in rows if len(row) > 1 and row[1] == kind)


# --- records ---


def records(lab: Lab, prefix: str) -> dict[str, str]:
    """All keys below a prefix with their values."""
    found = json.loads(lab.datastore.get(prefix, prefix=True)).get("kvs", [])
    return {b64decode(one["key"]).decode(): b64decode(one.get("value", "")).decode() for one in found}


@contextmanager
def record(lab: Lab, key: str, value: str | None) -> Iterator[None]:
    """A key has another value, or is gone, for as long as the block runs."""
    before = records(lab, key).get(key)
    if value is None:
        lab.datastore.delete(key)
    else:
        lab.datastore.put(key, value)
    yield
    if before is None:
        lab.datastore.delete(key)
    else:
        lab.datastore.put(key, before)


@contextmanager
def node_with(lab: Lab, host: str, **bgp: Any) -> Iterator[None]:
    """A node's record has other values below spec.bgp; None takes one away."""
    key = NODES + host
    value = json.loads(records(lab, key)[key])
    value["spec"]["bgp"].update(bgp)
    value["spec"]["bgp"] = {name: one for name, one in value["spec"]["bgp"].items() if one is not None}
    with record(lab, key, json.dumps(value)):
        yield
