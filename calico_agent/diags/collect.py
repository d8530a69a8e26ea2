"""All parts, read side by side, each lane within the same time: one that hangs keeps nobody else's parts away."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, SimpleQueue

from calico_agent import __version__
from calico_agent.config import Config
from calico_agent.diags.agent_parts import Ask, agent_parts
from calico_agent.diags.bird_parts import bird_parts
from calico_agent.diags.bundle import MOST_BYTES, Bundle, BundlePart
from calico_agent.diags.datastore_parts import datastore_parts
from calico_agent.diags.docker_parts import docker_parts
from calico_agent.diags.host_parts import host_parts, kernel_name, recorded_parts
from calico_agent.diags.look_parts import look_parts
from calico_agent.diags.scrub import hidden_values
from calico_agent.small_file import read_small
from calico_agent.worker import Task

READ_SECONDS = 20.0
"""For reading. What is hidden and packed then takes a few more."""

_NODENAME = Path("/var/lib/calico/nodename")

Lane = Callable[[], Iterator[BundlePart]]


@dataclass(frozen=True, slots=True)
class Made:
    """A bundle, the name of its folder, how many files it has and how many it lacks."""

    content: bytes
    folder: str
    files: int
    missing: int


def make_bundle(
    config: Config, file: Path | None, ask: Ask, *, seconds: float = READ_SECONDS, most: int = MOST_BYTES
) -> Made:
    """The bundle of this host. `file` is the configuration that was named, `ask` asks the running agent."""
    hostname, now = socket.gethostname(), datetime.now(UTC)
    lanes: dict[str, Lane] = {
        "agent": lambda: agent_parts(config, file, ask),
        "recorded": lambda: recorded_parts(hostname),
        "bird": lambda: bird_parts(hostname, config.bird.socket, config.bird.socket6),
        "docker": lambda: docker_parts(hostname, config),
        "datastore": lambda: datastore_parts(config, _node_names(config, hostname)),
        "look": lambda: look_parts(config),
        "host": host_parts,
    }
    parts = _read(lanes, seconds)
    known = hidden_values(entry for part in parts for entry in part.secrets)
    folder = f"calico-agent-diags-{hostname}-{now:%Y%m%dT%H%M%SZ}"
    bundle = Bundle(folder, most)
    for part in sorted(parts, key=lambda part: part.name.startswith(("host/", "service/", "log/", "network/"))):
        bundle.add(part, known)
    return Made(bundle.finish(_head(hostname, now)), folder, bundle.files, bundle.missing)


def _read(lanes: dict[str, Lane], seconds: float) -> list[BundlePart]:
    """What comes in time; the lanes are threads that end with the process."""
    arrived: SimpleQueue[BundlePart | str] = SimpleQueue()
    for name, lane in lanes.items():
        Task(f"diags {name}", lambda name=name, lane=lane: _run(name, lane, arrived)).start()  # type: ignore[misc]
    running, found, deadline = set(lanes), [], time.monotonic() + seconds
    while running:
        try:
            came = arrived.get(timeout=max(0.0, deadline - time.monotonic()))
        except Empty:
            break
        if isinstance(came, BundlePart):
            found.append(came)
        else:
            running.discard(came)
    late = [BundlePart(f"({name})", trouble=f"the rest was not read within {seconds:g} s") for name in sorted(running)]
    return [*found, *late]


def _run(name: str, lane: Lane, arrived: "SimpleQueue[BundlePart | str]") -> None:
    try:
        for part in lane():
            arrived.put(part)
    except Exception as error:  # noqa: BLE001 - whatever is broken on this host, the other parts explain it
        arrived.put(BundlePart(f"({name})", trouble=f"the rest could not be read: {error!r}"))
    arrived.put(name)


def _node_names(config: Config, hostname: str) -> frozenset[str]:
    """What this host's node may be called."""
    names = {config.identity.name, hostname, hostname.lower()}
    with suppress(OSError):
        names.add(read_small(_NODENAME, 256).decode(errors="replace").strip())
    return frozenset(names - {""})


def _head(hostname: str, now: datetime) -> str:
    return f"""\
What calico-agent {__version__} found on {hostname} at {now:%Y-%m-%d %H:%M:%S} UTC (kernel {kernel_name()}).

Passwords, keys and tokens were taken out. Names and addresses of the cluster are in it: look it through before you send
it to others.

look/       what `status --once`, `preflight` and `routes --once` say
agent/      what the running agent said
history.jsonl   what happened here, oldest first
config/     the configuration in effect, and the file
{hostname}/     the host as recorded: the kernel's tables, BIRD, Docker, calico/node's logs and programs
datastore.jsonl, pods.jsonl   Calico's records, and those of this host's pods
network/, host/, service/, log/   what the host's own programs say

In a checkout of calico-agent, `python -m tests.replay BUNDLE` says what the agent makes of it.
"""
