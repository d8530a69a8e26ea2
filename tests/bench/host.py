"""The daemon on a host of a cluster of 1,000 nodes: how soon it sees a fault, and what it costs to have it."""

import random
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from tests.bench.cluster import ME, BigCluster
from tests.bench.entry import Entry
from tests.bench.world import PROGRAM, Program, World, big_host
from tests.docker_engine import IMAGE, docker_engine

_NODES = 1000
_SAMPLES, _POLL = 50, 0.005
_IDLE_SECONDS, _OUTAGE_SECONDS, _CHURN_SECONDS = 60, 600, 60
_BLOCK_WRITES_A_SECOND, _POD_EVERY = 5, 20
_ROUTE_CHANGES_A_SECOND = 10_000
_STATUS_RUNS = 15
_LOOKS = 2000
_LOST_SECONDS = 10  # the interval: a fault that no wake-up led to is found by then


def measure(folder: Path) -> Iterator[Entry]:
    """All of it with one daemon, on a host where all is well."""
    with _healthy(folder, BigCluster(nodes=_NODES, blocks=_NODES)) as (world, agent):
        yield from _suspects(world)
        yield _status(world)
        idle = yield from _idle(world, agent)
        yield from _page(world, agent)
        yield from _outage(world, agent, idle)
        yield from churn(world, agent, _CHURN_SECONDS, _ROUTE_CHANGES_A_SECOND)


@contextmanager
def _healthy(folder: Path, cluster: BigCluster) -> Iterator[tuple[World, Program]]:
    with docker_engine(folder / "docker") as engine:
        container = engine.docker("run", "--detach", "--name", "calico-node", "--env", f"NODENAME={ME}", IMAGE).stdout
        with big_host(folder / "host", cluster, engine.socket) as world, world.bird() as bird:
            _put_into(container.strip(), bird.process.pid)
            with world.agent() as agent:
                world.wait_for_routes()
                yield world, agent


def _put_into(container: str, pid: int) -> None:
    """Make a process part of a container in the way by which the agent tells that: one outside would be a problem."""
    for group in Path("/sys/fs/cgroup").rglob(f"*{container}"):
        (group / "cgroup.procs").write_text(str(pid))


def _suspects(world: World) -> Iterator[Entry]:
    seconds = sorted(_until_seen(world) for _ in range(_SAMPLES))
    how = (
        f"{_SAMPLES} times one of {_NODES} routes deleted at a random moment, until /metrics of the running daemon "
        f"counts it as missing (asked every {_POLL * 1000:g} ms)"
    )
    yield Entry("suspect_p50", median(seconds) * 1000, "ms", 250, f"{how}: the median")
    yield Entry(
        "suspect_p99",
        seconds[int(0.99 * _SAMPLES)] * 1000,
        "ms",
        250,
        f"{how}: the slowest",
        "a pass that had just begun when the route went ends first, and passes are at least 0.2 s apart",
    )


def _until_seen(world: World) -> float:
    block = random.randrange(world.cluster.blocks)
    time.sleep(random.uniform(0.3, 1.0))
    world.write_routes([block], delete=True)
    begun = time.monotonic()
    _wait_for_missing(world, 1, 10)
    taken = time.monotonic() - begun
    world.write_routes([block])
    _wait_for_missing(world, 0, 10)
    return taken


def _wait_for_missing(world: World, number: int, seconds: float) -> bool:
    """Whether the daemon came to count so many missing routes."""
    end = time.monotonic() + seconds
    while world.metric("calico_agent_routes_missing") != number:
        if time.monotonic() > end:
            return False
        time.sleep(_POLL)
    return True


def _status(world: World) -> Entry:
    command = (str(PROGRAM), "status", "--socket", world.socket_path)
    times = []
    for _ in range(_STATUS_RUNS):
        begun = time.perf_counter()
        done = subprocess.run(command, capture_output=True, check=False)
        times.append(time.perf_counter() - begun)
        assert done.returncode == 0, done.stdout
    how = f"median wall time of {_STATUS_RUNS} runs of `calico-agent status` beside the daemon of {_NODES} nodes"
    return Entry("status_command", median(times) * 1000, "ms", 50, how)


def _idle(world: World, agent: Program) -> Generator[Entry, None, float]:
    time.sleep(2 * 10)  # until nothing of what was before is suspected any more
    with _ordinary_life(world):
        share = _share(agent, _IDLE_SECONDS)
    how = (
        f"over {_IDLE_SECONDS} s at {_NODES} nodes with as many BGP sessions: {_BLOCK_WRITES_A_SECOND} blocks a second "
        f"written for pods that come and go elsewhere, a pod here every {_POD_EVERY} s"
    )
    yield Entry(
        "idle_cpu",
        share * 100,
        "% of a core",
        0.5,
        how,
        "nearly half is gRPC's watch with that many writes; a third of a pass is asking dockerd",
    )
    yield Entry(
        "idle_rss",
        agent.rss_mib(),
        "MiB",
        80,
        "resident memory at the end of that",
        "gRPC, protobuf and docker are more than 50 of it before the first node is read",
    )
    return share


def _page(world: World, agent: Program) -> Iterator[Entry]:
    """What people look at, asked for again and again while passes are made."""
    memory, times, sizes = agent.rss_mib(), [], []
    with _ordinary_life(world):
        for _ in range(_LOOKS):
            begun = time.perf_counter()
            sizes.append(len(world.page("/").encode()))
            times.append(time.perf_counter() - begun)
            time.sleep(_POLL)
    how = f"the page at / of {_NODES} nodes, asked for {_LOOKS} times, with the life of before beside it"
    yield Entry("page_p99", sorted(times)[int(0.99 * _LOOKS)] * 1000, "ms", 20, f"{how}: all but the slowest hundredth")
    yield Entry("page_size", max(sizes) / 1000, "kB", 150, f"{how}: the largest")
    yield Entry("page_rss", agent.rss_mib() - memory, "MiB more", 4, f"{how}: resident memory, after over before")


@contextmanager
def _ordinary_life(world: World) -> Iterator[None]:
    ended = threading.Event()

    def live() -> None:
        for second in range(10**6):
            for _ in range(_BLOCK_WRITES_A_SECOND):
                world.host.run(world.cluster.rewrite_block, world.etcd, random.randrange(world.cluster.blocks))
            if second % _POD_EVERY == 0:
                verb = "replace" if second % (2 * _POD_EVERY) == 0 else "del"
                world.host.ip(f"route {verb} 192.168.0.7/32 dev lo")
            if ended.wait(1):
                return

    thread = threading.Thread(target=live)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _outage(world: World, agent: Program, idle: float) -> Iterator[Entry]:
    threads = agent.threads()
    world.etcd.stop()
    time.sleep(10)
    share = _share(agent, _OUTAGE_SECONDS)
    grown = agent.threads() - threads
    world.host.run(world.etcd.start)
    world.wait(lambda said: bool(said["unreadable"] == [] and said["routes"]["missing"] == 0))
    how = f"etcd stopped, {_OUTAGE_SECONDS} s for an hour, after which the daemon finds back"
    yield Entry(
        "outage_cpu",
        share * 100,
        "% of a core",
        0.1,
        f"{how}; {idle * 100:.2g} % before that",
        "the passes go on while etcd is down, at first every two seconds; every ten they cost about that alone",
    )
    yield Entry("outage_threads", grown, "threads more", 0, how)


def churn(world: World, agent: Program, seconds: int, rate: int) -> Iterator[Entry]:
    """Route changes at that rate, and now and then a fault among them."""
    before, lost, faults, memory = agent.cpu_seconds(), 0, 0, [agent.rss_mib()]
    begun = time.monotonic()
    arguments = (sys.executable, "-m", "tests.bench.churn", str(seconds), str(rate))
    with subprocess.Popen(world.host.command(*arguments), stdout=subprocess.PIPE, text=True) as writer:
        try:
            while writer.poll() is None:
                block = random.randrange(world.cluster.blocks)
                world.write_routes([block], delete=True)
                faults += 1
                lost += not _wait_for_missing(world, 1, _LOST_SECONDS)
                world.write_routes([block])
                _wait_for_missing(world, 0, _LOST_SECONDS)
                memory.append(agent.rss_mib())
                time.sleep(1)
        finally:
            writer.kill()
        assert writer.stdout is not None
        written = int(writer.stdout.read())
    taken = time.monotonic() - begun
    how = f"{written / seconds:.0f} route changes a second for {seconds} s, and {faults} faults among them"
    yield Entry("churn_rate_lacking", max(0.0, rate - written / seconds) / rate * 100, "% of the rate", 5, how)
    yield Entry("churn_faults_lost", lost, "faults", 0, f"{how}, each to be seen within {_LOST_SECONDS} s")
    yield Entry("churn_cpu", (agent.cpu_seconds() - before) / taken, "cores", 1, how)
    third = max(1, len(memory) // 3)
    grown = median(memory[-third:]) - median(memory[third : 2 * third])
    yield Entry("churn_memory_growth", grown, "MiB", 5, f"{how}: resident memory, last third over second third")


def _share(agent: Program, seconds: float) -> float:
    """The part of one core that the agent uses."""
    before = agent.cpu_seconds()
    time.sleep(seconds)
    return (agent.cpu_seconds() - before) / seconds
