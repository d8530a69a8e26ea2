"""A backend that is no etcd: the mirror follows it, names are claimed in it, and a whole pass is judged by it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from calico_agent.act.name_lease import NameLeaseKeeper
from calico_agent.config import Config
from calico_agent.config.schema import AgentSection, DatastoreSection, DockerSection
from calico_agent.model.calico.node import Datastore
from calico_agent.model.host.claimant import Machine
from calico_agent.model.name_lease import ALIVE, OWNERS, ClaimName
from calico_agent.model.settings import DatastoreSettings
from calico_agent.runtime.collector import Collector
from calico_agent.runtime.memory import Memory
from calico_agent.runtime.pipeline import make_pass
from calico_agent.sources.datastore.etcd3.decode import RESOURCES
from calico_agent.sources.datastore.etcd3.encode import encode_datastore
from calico_agent.sources.datastore.mirror import Mirror
from calico_agent.sources.datastore.single_reads import read_blocks
from tests.checks.cluster import DATASTORE, HEALTHY, findings_of
from tests.patience import until
from tests.sources.datastore.memory_backend import MemoryBackend

SETTINGS = DatastoreSettings(("http://127.0.0.1:1",))
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
ONE, TWO = (Machine(letter * 32, f"boot-{letter}", hostname=letter) for letter in "ab")


def codes(mirror: Mirror) -> set[str]:
    read = mirror.snapshot()
    return {one.code for one in findings_of(replace(HEALTHY, datastore=read))} if isinstance(read, Datastore) else {"-"}


def claims(mirror: Mirror) -> tuple[object, ...]:
    read = mirror.snapshot()
    return read.claims if isinstance(read, Datastore) else ()


@contextmanager
def mirrored(store: MemoryBackend) -> Iterator[Mirror]:
    mirror = Mirror(SETTINGS, lambda _: None, heartbeat=0.05, backend=store)
    mirror.start()
    try:
        yield mirror
    finally:
        mirror.stop()


def test_the_mirror_and_all_checks_run_on_a_backend_that_is_polled() -> None:
    store = MemoryBackend(dict(encode_datastore(DATASTORE)))
    with mirrored(store) as mirror:
        until("the first list is there, and all is well", lambda: codes(mirror) == set())
        store.put(f"{RESOURCES}nodes/host3", b"junk")
        until("a change is told and judged", lambda: "DS-BAD-KEY" in codes(mirror))


def test_names_are_claimed_in_it_and_one_of_two_has_it() -> None:
    store = MemoryBackend({})
    woken = threading.Event()
    with (
        NameLeaseKeeper(lambda _: woken.set(), lease_seconds=1, backends=lambda _: store) as first,
        NameLeaseKeeper(lambda _: None, lease_seconds=1, backends=lambda _: store) as second,
        mirrored(store) as mirror,
    ):
        first.want(SETTINGS, ClaimName("host1", ONE, NOW))
        until("the first one has it", lambda: f"{ALIVE}host1" in store.records)
        second.want(SETTINGS, ClaimName("host1", TWO, NOW))
        until("the second one is told", lambda: second.error() is not None)
        trouble = second.error()
        assert trouble is not None
        assert (trouble.source, trouble.code) == ("memory", "changed")
        assert first.error() is None
        until("the mirror shows the claim", lambda: bool(claims(mirror)))
        written = store.records[f"{OWNERS}host1"]
        store.leases.clear()
        until("a lease that ran out is made anew", lambda: store.leases != set())
        assert store.records[f"{OWNERS}host1"] == written


def test_single_blocks_are_read_when_asked_for() -> None:
    store = MemoryBackend(dict(encode_datastore(DATASTORE)))
    block = DATASTORE.blocks[1]
    assert read_blocks(store, SETTINGS, [block.cidr]) == (block,)


@pytest.mark.real
@pytest.mark.parametrize("one_shot", [False, True], ids=["the daemon", "one look"])
def test_a_pass_of_the_whole_agent_goes_by_the_backend_that_is_handed_in(tmp_path: Path, *, one_shot: bool) -> None:
    store = MemoryBackend(dict(encode_datastore(DATASTORE)))
    store.put(f"{RESOURCES}nodes/host3", b"junk")
    config = Config(
        agent=AgentSection(state_dir=str(tmp_path / "state")),
        datastore=DatastoreSection(endpoints=("http://127.0.0.1:1",), timeout_seconds=1.0),
        docker=DockerSection(url=f"unix://{tmp_path}/no-docker.sock"),
    )
    sources = Collector(config, lambda _: None, one_shot=one_shot, backends=lambda _: store)
    try:
        made = make_pass(sources, config, Memory(), datetime.now(UTC))
    finally:
        sources.close()
    assert made.report.nodes == len(DATASTORE.nodes) - 1
    assert "DS-BAD-KEY" in {one.problem.cause.code for one in made.report.problems}
