"""What the Kubernetes API as datastore costs a host, and what a host costs the API, in a cluster of 5,000 nodes."""

import json
import random
import ssl
import subprocess
import sys
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from calico_agent.model.calico.node import Datastore
from calico_agent.model.settings import DatastoreSettings, KubernetesSettings
from tests.bench.api_world import ApiWorld, api_of
from tests.bench.cluster import BigCluster
from tests.bench.entry import Entry
from tests.bench.world import World, big_host

_CLUSTER = BigCluster(nodes=5000, blocks=25_000)
_ROUNDS = 5
_MINUTES = 6  # Nodes are listed every 200 to 400 s
_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_KINDS = ("ippools", "blockaffinities", "bgpconfigurations", "bgppeers", "bgpfilters", "clusterinformations")
_BLOCKS_A_SECOND = 20
_NODES_A_SECOND = 17  # every kubelet writes its Node once in five minutes


def measure(folder: Path) -> Iterator[Entry]:
    """One host: the first reading beside bare requests, memory beside etcd's, and what is asked for in some minutes."""
    with big_host(folder, _CLUSTER) as world:
        world.write_routes()
        with world.agent() as agent:
            world.wait_for_routes()
            time.sleep(5)
            by_etcd = agent.rss_mib()
        with api_of(world) as api:
            yield from _first_reading(world, api)
            with world.agent(datastore={"kubeconfig": str(api.kubeconfig)}) as agent:
                world.wait_for_routes()
                time.sleep(5)
                by_api = agent.rss_mib()
                how = f"resident memory of the daemon with all routes: {by_api:.0f} MiB, with etcd {by_etcd:.0f} MiB"
                yield Entry("kubernetes_memory_vs_etcd", by_api / by_etcd, "x with etcd", 1.1, how)
                yield from _traffic(api, "idle", lambda: None)
                yield from _traffic(api, "churn", lambda: _live(api))


def _first_reading(world: World, api: ApiWorld) -> Iterator[Entry]:
    wall: dict[str, list[float]] = {"ours": [], "bare": []}
    cpu: dict[str, list[float]] = {"ours": [], "bare": []}
    for _ in range(_ROUNDS):
        for name, seconds in wall.items():
            taken, used = _alone(world, name, api.kubeconfig)
            seconds.append(taken)
            cpu[name].append(used)
    ours, bare = median(wall["ours"]), median(wall["bare"])
    how = (
        f"medians of {_ROUNDS} processes each, {world.cluster.nodes} nodes and {world.cluster.blocks} blocks: first "
        f"reading {ours:.2f} s, the same requests with msgspec decoding what is read {bare:.2f} s; of that the "
        f"client's own processor time {median(cpu['ours']):.2f} s and {median(cpu['bare']):.2f} s"
    )
    yield Entry("kubernetes_first_sync_vs_bare", ours / bare, "x bare requests", 1.5, how)


def _alone(world: World, what: str, kubeconfig: Path) -> tuple[float, float]:
    """Seconds and processor seconds of a reading in a process of its own, without the loading of its modules."""
    command = world.host.command(sys.executable, "-m", "tests.bench.kubernetes", what, str(kubeconfig))
    wall, cpu = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return float(wall), float(cpu)


def _traffic(api: ApiWorld, name: str, begin: Callable[[], Callable[[], None] | None]) -> Iterator[Entry]:
    end = begin()
    asked, received = api.requests(), api.counter.received
    time.sleep(_MINUTES * 60)
    asked, received = api.requests() - asked, api.counter.received - received
    if end is not None:
        end()
    changes = f"{_BLOCKS_A_SECOND} blocks and {_NODES_A_SECOND} Nodes change a second"
    life = "nothing changes" if end is None else changes
    how = f"over {_MINUTES} minutes, one host of {_CLUSTER.nodes}, while {life}; most of it is the list of Nodes"
    yield Entry(f"kubernetes_requests_{name}", asked / _MINUTES, "requests a minute", 30, how)
    yield Entry(f"kubernetes_bytes_{name}", received / _MINUTES / 2**20, "MiB a minute", 2, how)


def _live(api: ApiWorld) -> Callable[[], None]:
    """Pods come and go, and kubelets report, until the returned function is called."""
    ended = threading.Event()

    def live() -> None:
        while not ended.wait(1):
            for _ in range(_BLOCKS_A_SECOND):
                api.change_block(random.randrange(_CLUSTER.blocks))
            for _ in range(_NODES_A_SECOND):
                api.beat(random.choice(_CLUSTER.names))

    thread = threading.Thread(target=live)
    thread.start()

    def end() -> None:
        ended.set()
        thread.join()

    return end


def _ours(kubeconfig: Path) -> None:
    from calico_agent.sources.datastore.reading import read_datastore  # noqa: PLC0415 - not in the other process

    settings = DatastoreSettings((), kubernetes=KubernetesSettings(kubeconfig=str(kubeconfig)))
    _begin()
    read = read_datastore(settings, timeout=60)
    assert isinstance(read, Datastore), read
    assert len(read.blocks) == _CLUSTER.blocks


def _bare(kubeconfig: Path) -> None:
    import msgspec  # noqa: PLC0415
    import urllib3  # noqa: PLC0415

    class Metadata(msgspec.Struct):
        name: str
        resourceVersion: str = ""  # noqa: N815 - as the API has it
        annotations: dict[str, str] | None = None
        labels: dict[str, str] | None = None

    class Spec(msgspec.Struct):
        node: str = ""
        cidr: str = ""
        state: str = ""

    class Object(msgspec.Struct):
        metadata: Metadata
        spec: Spec | None = None

    class Objects(msgspec.Struct):
        items: list[Object]

    decoder = msgspec.json.Decoder(Objects)
    document = json.loads(kubeconfig.read_text())
    cluster, user = document["clusters"][0]["cluster"], document["users"][0]["user"]
    context = ssl.create_default_context(cadata=b64decode(cluster["certificate-authority-data"]).decode())
    server = urlsplit(cluster["server"])
    _begin()
    pool = urllib3.HTTPSConnectionPool(str(server.hostname), server.port, ssl_context=context)
    headers = {"Authorization": f"Bearer {user['token']}"}
    found = {}
    for path, accept in (
        ("/api/v1/nodes", _METADATA),
        *((f"/apis/crd.projectcalico.org/v1/{kind}", "application/json") for kind in _KINDS),
    ):
        answer = pool.request("GET", f"{path}?resourceVersion=0", headers={**headers, "Accept": accept})
        found[path] = decoder.decode(answer.data).items
    assert sum(map(len, found.values())) > _CLUSTER.blocks + _CLUSTER.nodes


_BEGUN = [0.0, 0.0]


def _begin() -> None:
    _BEGUN[:] = time.perf_counter(), time.process_time()


if __name__ == "__main__":
    {"ours": _ours, "bare": _bare}[sys.argv[1]](Path(sys.argv[2]))
    print(time.perf_counter() - _BEGUN[0], time.process_time() - _BEGUN[1])
