"""A backend that is no etcd: the mirror follows it, and a whole pass is judged by what it holds."""

from dataclasses import replace

from calico_agent.model.calico.node import Datastore
from calico_agent.model.settings import DatastoreSettings
from calico_agent.sources.datastore.etcd3.decode import RESOURCES
from calico_agent.sources.datastore.etcd3.encode import encode_datastore
from calico_agent.sources.datastore.mirror import Mirror
from tests.checks.cluster import DATASTORE, HEALTHY, findings_of
from tests.patience import until
from tests.sources.datastore.memory_backend import MemoryBackend


def codes(mirror: Mirror) -> set[str]:
    read = mirror.snapshot()
    return {one.code for one in findings_of(replace(HEALTHY, datastore=read))} if isinstance(read, Datastore) else {"-"}


def test_the_mirror_and_all_checks_run_on_a_backend_that_is_polled() -> None:
    store = MemoryBackend(dict(encode_datastore(DATASTORE)))
    mirror = Mirror(DatastoreSettings(("http://127.0.0.1:1",)), lambda _: None, heartbeat=0.05, backend=store)
    mirror.start()
    try:
        until("the first list is there, and all is well", lambda: codes(mirror) == set())
        store.put(f"{RESOURCES}nodes/host3", b"junk")
        until("a change is told and judged", lambda: "DS-BAD-KEY" in codes(mirror))
    finally:
        mirror.stop()
