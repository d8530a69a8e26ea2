"""What the size of the cluster costs: the first reading of the datastore, and memory."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from calico_agent.model.calico.node import Datastore
from calico_agent.sources.datastore.reading import read_datastore
from tests.bench.cluster import BigCluster
from tests.bench.entry import Entry
from tests.bench.world import PROGRAM, World, big_host
from tests.etcd_server import EtcdServer

_SIZES = (100, 1000, 5000)
_BLOCKS_A_NODE = 5
_ROUNDS = 3
_PAGE = 500


def measure(folder: Path) -> Iterator[Entry]:
    """One host for each size; the first reading on the largest."""
    memory: dict[int, float] = {}
    for size in _SIZES:
        with big_host(folder / str(size), BigCluster(size, size * _BLOCKS_A_NODE)) as world:
            if size == max(_SIZES):
                yield from _first_reading(world)
            world.write_routes()
            with world.agent() as agent:
                world.wait_for_routes()
                time.sleep(5)
                memory[size] = agent.rss_mib()
                if size == max(_SIZES):
                    yield _routes_command(world)
    small, middle, large = memory.values()
    a_node = (middle - small) / (_SIZES[1] - _SIZES[0]), (large - middle) / (_SIZES[2] - _SIZES[1])
    sizes = ", ".join(f"{mib:.0f} MiB at {size}" for size, mib in memory.items())
    how = (
        f"resident memory with {_BLOCKS_A_NODE} blocks a node and all routes, without BIRD: {sizes} nodes; a further "
        f"node costs {a_node[0] * 1024:.1f} KiB, then {a_node[1] * 1024:.1f} KiB"
    )
    yield Entry("memory_growth", a_node[1] / a_node[0], "x the growth before", 1.2, how)
    yield Entry("memory_5000_nodes", large, "MiB", 200, "of the same daemon at its largest")


def _routes_command(world: World) -> Entry:
    command = (str(PROGRAM), "routes", "--socket", world.socket_path)
    times = []
    for _ in range(_ROUNDS):
        begun = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        times.append(time.perf_counter() - begun)
        assert len(done.stdout.splitlines()) == world.cluster.blocks + 2
    how = f"median of {_ROUNDS}: `calico-agent routes` lists {world.cluster.blocks} blocks of the running daemon"
    return Entry("routes_command", median(times), "s", 2, how)


def _first_reading(world: World) -> Iterator[Entry]:
    ours, raw = [], []
    for _ in range(_ROUNDS):
        begun = time.perf_counter()
        read = world.host.run(read_datastore, world.etcd.settings(), timeout=60)
        ours.append(time.perf_counter() - begun)
        assert isinstance(read, Datastore), read
        assert len(read.blocks) == world.cluster.blocks
        begun = time.perf_counter()
        found = world.host.run(_raw_range, world.etcd)
        raw.append(time.perf_counter() - begun)
        assert found >= 2 * world.cluster.blocks + world.cluster.nodes
    how = (
        f"medians of {_ROUNDS}, {world.cluster.nodes} nodes and {world.cluster.blocks} blocks: first reading "
        f"{median(ours):.2f} s, a paged Range of the same keys with json.loads of every value {median(raw):.2f} s"
    )
    yield Entry("first_sync", median(ours), "s", 3, how)
    yield Entry("first_sync_vs_raw", median(ours) / median(raw), "x raw Range and JSON", 2, how)


def _raw_range(etcd: EtcdServer) -> int:
    """How many keys there are below /calico/, every value decoded."""
    import grpc  # noqa: PLC0415 - calico_agent chooses the protobuf implementation before the messages are imported
    from etcd3 import etcdrpc  # noqa: PLC0415

    found, start, more = 0, b"/calico/", True
    with grpc.insecure_channel(f"127.0.0.1:{etcd.port}", [("grpc.max_receive_message_length", -1)]) as channel:
        kv = etcdrpc.KVStub(channel)
        while more:
            page = kv.Range(etcdrpc.RangeRequest(key=start, range_end=b"/calico0", limit=_PAGE), timeout=30)
            found += len([json.loads(pair.value) for pair in page.kvs])
            start, more = page.kvs[-1].key + b"\0", page.more
    return found
