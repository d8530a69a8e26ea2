"""What calico-agent would have said, moment by moment, about the hosts of a recorded hour of trouble.

A timeline (`tests/data/calico-v3.31.7/timelines/`) has a line whenever the sessions or the IPv4 routes of a host differ
from the last look, and one for what was done to the cluster. The rest of the world is that of the recording
`dual-stack` of the same cluster, without its IPv6. Neighbour entries were not recorded, nor was BIRD's `show status`:
its recovery shows only in sessions that `wait`.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from calico_agent.checks.assessment import assess
from calico_agent.identity.select import identify_host
from calico_agent.model.calico.bird import Bird
from calico_agent.model.calico.node import Datastore
from calico_agent.model.container.container import ContainerState, Docker
from calico_agent.model.finding import Condition
from calico_agent.model.network.address import Family
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.network.neighbor import Neighbour
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.model.report import TimedProblem
from calico_agent.model.settings import IdentitySettings
from calico_agent.report.timeline import Sightings, advance
from calico_agent.sources.bird.decode.replies import PROTOCOLS_COMMAND, STATUS_COMMAND, decode_bird
from tests.places import DATA
from tests.replay import CONTAINER, endpoints, read_capture
from tests.replay.kernel import kernel_from

DATA = DATA / "calico-v3.31.7"
HOLD_DOWN = timedelta(seconds=10)
_SOON, _LATER = 0.5, 2.0
_AT_REST = 15.0
_HEADING = "2002-name     proto    table    state  since       info\n"
_STATUS = "1000-BIRD v0.3.3+birdv1.6.8\n0013 Daemon is up and running\n"
_KERNEL = "1002-kernel1  Kernel   master   up     00:31:30    \n"


@dataclass(frozen=True)
class Said:
    """What was said at one moment, `at` seconds into the recording."""

    at: float
    conditions: dict[str, Condition]
    problems: tuple[TimedProblem, ...]

    @property
    def confirmed(self) -> set[str]:
        """The confirmed problems as `CODE subject`."""
        return {f"{one.problem.cause.code} {one.problem.cause.subject}" for one in self.problems if one.confirmed}

    @property
    def findings(self) -> set[str]:
        """Everything that was found, causes and consequences, confirmed or not."""
        return {
            f"{one.code} {one.subject}"
            for timed in self.problems
            for one in (timed.problem.cause, *timed.problem.consequences)
        }


@dataclass(frozen=True)
class Timeline:
    """One recording. `stopped` is when the container of `patient` did not run, as seconds from and to."""

    name: str
    patient: str = "host2"
    stopped: tuple[float, float] = (0.0, 0.0)
    lines: list[dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        text = (DATA / "timelines" / f"{self.name}.jsonl").read_text()
        object.__setattr__(self, "lines", [json.loads(line) for line in text.splitlines()])

    @property
    def event(self) -> float:
        """When it was done to the cluster."""
        return next(float(line["t"]) for line in self.lines if "event" in line)

    def watch(self, host: str, unanswered: tuple[Neighbour, ...] = (), unanswered_from: float = 0.0) -> Iterator[Said]:
        """Every look at one host until things have been at rest for more than the hold-down.

        Looks come twice a second for the hold-down after a change, and every two seconds otherwise.

        `unanswered` are neighbour entries that the kernel is to have had from `unanswered_from` on.
        """
        world = _world(host)
        rows = [line for line in self.lines if line.get("host") == host]
        sightings, at, changed = Sightings(), 0.0, 0.0
        recorded = _recorded(world, host, rows[0])
        while at <= float(self.lines[-1]["t"]) + _AT_REST:
            while len(rows) > 1 and rows[1]["t"] <= at:
                rows.pop(0)
                recorded, changed = _recorded(world, host, rows[0]), at
            neighbours = unanswered if at >= unanswered_from else ()
            seen = self._observe(recorded, host, at, neighbours)
            sightings, said = _say(sightings, seen, at)
            yield said
            at += _SOON if at - changed < HOLD_DOWN.total_seconds() else _LATER

    def _observe(self, recorded: Observation, host: str, at: float, neighbours: tuple[Neighbour, ...]) -> Observation:
        assert isinstance(recorded.kernel, Kernel)
        return replace(
            recorded,
            at=recorded.at + timedelta(seconds=at),
            kernel=replace(recorded.kernel, neighbours=neighbours, fdb=()),
            docker=self._docker(recorded, host, at),
        )

    def _docker(self, world: Observation, host: str, at: float) -> Docker:
        assert isinstance(world.docker, Docker)
        start, end = self.stopped
        if host != self.patient or at < start or start == end:
            return world.docker
        (container,) = world.docker.containers
        if at < end:
            ended = world.at + timedelta(seconds=start)
            stopped = replace(container, state=ContainerState.EXITED, exit_code=137, finished_at=ended)
            return replace(world.docker, containers=(stopped,))
        started = replace(container, started_at=world.at + timedelta(seconds=end))
        return replace(world.docker, containers=(started,))


def _world(host: str) -> Observation:
    """The recording that the timelines continue, without IPv6."""
    seen = read_capture(DATA / "dual-stack", host)
    assert isinstance(seen.datastore, Datastore)
    assert isinstance(seen.docker, Docker)
    (container,) = seen.docker.containers
    stored = replace(
        seen.datastore,
        nodes=tuple(replace(node, ipv6=None) for node in seen.datastore.nodes),
        pools=tuple(pool for pool in seen.datastore.pools if pool.cidr.version == 4),
        blocks=tuple(block for block in seen.datastore.blocks if block.cidr.version == 4),
        affinities=tuple(claim for claim in seen.datastore.affinities if claim.cidr.version == 4),
    )
    return replace(
        seen,
        datastore=stored,
        docker=replace(seen.docker, containers=(replace(container, knocks=()),)),
        bird6=None,
        held=None,  # the links of pods are those of the recording, and not of the time
    )


def _recorded(world: Observation, host: str, row: dict[str, Any]) -> Observation:
    """The world with the routes and sessions of one line."""
    assert isinstance(world.kernel, Kernel)
    addresses = json.loads((DATA / "dual-stack" / host / "ip-addr.json").read_text())
    recorded = kernel_from(addresses, row["routes"], [one.destination for one in world.kernel.lookups])
    return replace(world, kernel=recorded, bird=_bird(row["bird"]))


def _bird(rows: list[str]) -> Bird | Unreadable:
    """The daemon as its rows of `show protocols` tell; the neighbour's address is in the protocol's name."""
    if rows and rows[0].startswith("error:"):
        return Unreadable("BIRD", rows[0], "refused")
    replies = _HEADING + _KERNEL
    for row in rows:
        address = row.split()[0].removeprefix("Mesh_").replace("_", ".")
        replies += f"1002-{row.strip()}\n1006-    Neighbor address: {address}\n"
    return decode_bird(Family.IPV4, {STATUS_COMMAND: _STATUS, PROTOCOLS_COMMAND: f"{replies}0000 \n"})


def _say(sightings: Sightings, seen: Observation, at: float) -> tuple[Sightings, Said]:
    settings = IdentitySettings()
    birds = (seen.bird, seen.bird6)
    identity = identify_host(
        seen.host, seen.kernel, seen.docker, seen.datastore, settings, endpoints(seen.docker), birds=birds
    )
    sightings, conditions, problems = advance(
        sightings, assess(seen, identity, container_name=CONTAINER), seen.at, HOLD_DOWN
    )
    return sightings, Said(at, {one.condition.type.value: one.condition for one in conditions}, problems)
