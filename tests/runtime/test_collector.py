"""The datastore as the pass sees it, with a real etcd that is killed, wiped and started again between readings."""

import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from calico_agent.config import Config
from calico_agent.config.schema import AgentSection, BirdSection, DatastoreSection, DockerSection
from calico_agent.model.calico.bird import Bird
from calico_agent.model.calico.node import Datastore
from calico_agent.model.container.container import Container, ContainerState, Docker
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.model.settings import DatastoreSettings, EtcdApi, KubernetesSettings
from calico_agent.runtime import datastore as datastore_module
from calico_agent.runtime.collector import PARTS, Collector
from calico_agent.runtime.datastore import settings_from
from calico_agent.sources.datastore import replica as replica_module
from calico_agent.sources.datastore.cache import SnapshotFile
from calico_agent.sources.datastore.reading import read_datastore
from tests.etcd_server import EtcdServer, running_etcd
from tests.patience import eventually
from tests.sources.bird.test_client import Daemon
from tests.sources.datastore.etcd2.test_decode import CLUSTER
from tests.sources.datastore.etcd2.test_reader import send
from tests.sources.datastore.test_mirror import HEALTHY, with_password

pytestmark = pytest.mark.real


@pytest.fixture
def etcd(tmp_path: Path) -> Iterator[EtcdServer]:
    with running_etcd(tmp_path / "etcd") as server:
        server.load_capture(HEALTHY)
        yield server


@pytest.fixture
def sources_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Collector]]:
    """Opens sources that read this etcd and no Docker, and closes them."""
    monkeypatch.setattr(replica_module, "_PATIENCE_SECONDS", 0.2)
    opened: list[Collector] = []

    def make(etcd: EtcdServer, *, one_shot: bool = False, api: EtcdApi = EtcdApi.V3) -> Collector:
        config = Config(
            agent=AgentSection(state_dir=str(tmp_path / "state")),
            datastore=DatastoreSection(endpoints=(etcd.url,), timeout_seconds=1.0, api=api),
            docker=DockerSection(url=f"unix://{tmp_path}/no-docker.sock"),
        )
        opened.append(Collector(config, lambda _: None, one_shot=one_shot))
        return opened[-1]

    yield make
    for sources in opened:
        sources.close()


def observed(sources: Collector, holds: Callable[[Observation], bool]) -> Observation:
    """The first observation that is so."""
    observation = eventually(lambda: sources.observe(datetime.now(UTC)), holds)
    assert holds(observation), observation.datastore_trouble
    return observation


def nodes(observation: Observation) -> int:
    return len(observation.datastore.nodes) if isinstance(observation.datastore, Datastore) else -1


def trouble(observation: Observation) -> str:
    return observation.datastore_trouble.code if observation.datastore_trouble else ""


def test_an_outage_leaves_the_last_reading_with_its_age(etcd: EtcdServer, sources_of: Callable[..., Collector]) -> None:
    sources = sources_of(etcd)
    before = observed(sources, lambda seen: nodes(seen) == 3)
    assert (trouble(before), before.snapshot_trouble) == ("", None)
    etcd.kill()
    during = observed(sources, lambda seen: trouble(seen) == "refused")
    assert isinstance(before.datastore, Datastore)
    assert isinstance(during.datastore, Datastore)
    assert during.datastore.nodes == before.datastore.nodes
    assert during.datastore.read_at is not None
    assert during.datastore.read_at < during.at
    assert during.current_datastore is during.datastore_trouble
    assert during.datastore_trouble in during.unreadable()
    etcd.start()
    after = observed(sources, lambda seen: not trouble(seen))
    assert after.current_datastore is after.datastore


@pytest.mark.parametrize("one_shot", [False, True], ids=["the daemon", "one look"])
def test_after_a_restart_in_an_outage_the_reading_on_disk_counts(
    etcd: EtcdServer, sources_of: Callable[..., Collector], *, one_shot: bool
) -> None:
    first = sources_of(etcd)
    before = observed(first, lambda seen: nodes(seen) == 3)
    first.close()
    etcd.kill()
    during = observed(sources_of(etcd, one_shot=one_shot), lambda seen: trouble(seen) == "refused")
    assert isinstance(before.datastore, Datastore)
    assert isinstance(during.datastore, Datastore)
    assert during.datastore.blocks == before.datastore.blocks
    assert during.datastore.revision == before.datastore.revision
    assert isinstance(during.current_datastore, Unreadable)


@pytest.mark.parametrize(
    ("age", "counts"),
    [
        pytest.param(timedelta(hours=3), True, id="of this night"),
        pytest.param(timedelta(days=30), False, id="of last month"),
        pytest.param(timedelta(hours=-9), True, id="of a time that the clock has yet to reach"),
    ],
)
@pytest.mark.parametrize("one_shot", [False, True], ids=["the daemon", "one look"])
def test_in_an_outage_routes_are_held_against_a_reading_on_disk(
    etcd: EtcdServer,
    sources_of: Callable[..., Collector],
    tmp_path: Path,
    age: timedelta,
    *,
    counts: bool,
    one_shot: bool,
) -> None:
    read = read_datastore(etcd.settings(), timeout=5)
    assert isinstance(read, Datastore)
    file = SnapshotFile(tmp_path / "state" / "datastore.snapshot", etcd.settings())
    file.save(replace(read, read_at=datetime.now(UTC) - age))
    etcd.kill()
    seen = sources_of(etcd, one_shot=one_shot).observe(datetime.now(UTC))
    assert isinstance(seen.current_datastore, Unreadable)
    assert (nodes(seen) == 3) is counts
    assert seen.snapshot_trouble is None


def test_a_wiped_datastore_is_held_also_over_a_restart(etcd: EtcdServer, sources_of: Callable[..., Collector]) -> None:
    first = sources_of(etcd)
    observed(first, lambda seen: nodes(seen) == 3)
    etcd.ctl("del", "--prefix", "/calico/")
    wiped = observed(first, lambda seen: trouble(seen) == "shrunk")
    assert nodes(wiped) == 3
    first.close()
    again = observed(sources_of(etcd), lambda seen: trouble(seen) == "shrunk")
    assert nodes(again) == 3
    assert again.snapshot_trouble is None


def test_a_password_file_that_comes_late_is_waited_for_and_one_that_goes_later_ends_nothing(
    etcd: EtcdServer, tmp_path: Path
) -> None:
    password = tmp_path / "password"
    datastore = DatastoreSection(endpoints=(etcd.url,), username="agent", password_file=str(password))
    with_password(etcd)
    sources = Collector(
        Config(agent=AgentSection(state_dir=""), datastore=datastore, docker=DockerSection(url="unix:///none")),
        lambda _: None,
    )
    try:
        late = sources.observe(datetime.now(UTC))
        missing = f"the password file {password} cannot be read: No such file or directory"
        assert late.current_datastore == Unreadable("etcd", missing, "file")
        password.write_bytes(b"caf\xe9\n")
        other = sources.observe(datetime.now(UTC))
        assert "is not UTF-8 text" in getattr(other.current_datastore, "reason", "")
        password.write_text("secret-of-agent\n")
        observed(sources, lambda seen: nodes(seen) == 3 and seen.files_trouble is None)
        password.unlink()
        gone = sources.observe(datetime.now(UTC))
        assert isinstance(gone.current_datastore, Datastore)
        assert gone.files_trouble == Unreadable("etcd", missing, "file")
    finally:
        sources.close()


def test_a_reading_on_disk_that_is_of_no_use_is_told_while_etcd_is_away(
    etcd: EtcdServer, sources_of: Callable[..., Collector], tmp_path: Path
) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "datastore.snapshot").write_text("junk")
    etcd.kill()
    sources = sources_of(etcd)
    during = observed(sources, lambda seen: trouble(seen) == "" and isinstance(seen.datastore, Unreadable))
    assert during.snapshot_trouble is not None
    assert "is of no use" in during.snapshot_trouble.reason
    etcd.start()
    observed(sources, lambda seen: nodes(seen) == 3 and seen.snapshot_trouble is None)


def test_the_reading_of_the_v2_api_is_kept_too_and_is_not_that_of_v3(
    tmp_path: Path, sources_of: Callable[..., Collector]
) -> None:
    with running_etcd(tmp_path / "etcd v2", None, "--enable-v2") as etcd:
        for key, value in CLUSTER.items():
            send(etcd, "PUT", key, value)
        first = sources_of(etcd, api=EtcdApi.V2)
        before = observed(first, lambda seen: nodes(seen) == 2)
        first.close()
    during = observed(sources_of(etcd, api=EtcdApi.V2), lambda seen: trouble(seen) == "refused")
    assert isinstance(before.datastore, Datastore)
    assert isinstance(during.datastore, Datastore)
    assert during.datastore.nodes == before.datastore.nodes
    other = sources_of(etcd, api=EtcdApi.V3).observe(datetime.now(UTC))
    assert isinstance(other.datastore, Unreadable)
    assert other.snapshot_trouble is not None
    assert "it is the reading of another datastore" in other.snapshot_trouble.reason


ENDPOINTS = (("DATASTORE_TYPE", "etcdv3"), ("ETCD_ENDPOINTS", "http://10.77.0.1:2379"))
NODE = Container("c1", "calico-node", "calico/node:v3.31.7", ContainerState.RUNNING, env=ENDPOINTS)
EXITED = Container("c2", "calico-node", "calico/node:v3.31.7", ContainerState.EXITED, env=ENDPOINTS)
OTHER = Container("c3", "new", "calico/node:v3.31.7", ContainerState.RUNNING, env=(("DATASTORE_TYPE", "kubernetes"),))


@pytest.mark.parametrize(
    ("docker", "found"),
    [
        pytest.param(Docker(containers=(NODE,)), "container calico-node", id="of the one that runs"),
        pytest.param(Docker(containers=(EXITED,)), "container calico-node", id="of one that exited"),
        pytest.param(Docker(containers=(OTHER, NODE)), "container calico-node", id="of the one with the name"),
        pytest.param(Docker(containers=(EXITED, OTHER)), "kubernetes", id="one that runs counts more than the name"),
        pytest.param(Docker(), "unset", id="without one nobody says"),
        pytest.param(Unreadable("Docker", "gone", "absent"), "unset", id="nor without Docker"),
    ],
)
def test_the_datastore_is_that_of_the_container_that_counts(docker: Docker | Unreadable, found: str) -> None:
    settings = settings_from(docker, "calico-node")
    assert (settings.code if isinstance(settings, Unreadable) else settings.origin) == found


@pytest.mark.parametrize(
    ("docker", "found"),
    [
        pytest.param(Docker(containers=(NODE,)), "container calico-node", id="Docker has it"),
        pytest.param(Docker(), "process 7", id="Docker has none"),
        pytest.param(Unreadable("Docker", "no socket", "absent"), "process 7", id="there is no Docker"),
        pytest.param(Unreadable("Docker", "no answer", "timeout"), "unset", id="Docker hangs, and may have it"),
    ],
)
def test_the_process_of_calico_node_tells_where_no_container_does(
    monkeypatch: pytest.MonkeyPatch, docker: Docker | Unreadable, found: str
) -> None:
    there = DatastoreSettings((), origin="process 7", kubernetes=KubernetesSettings(server="https://10.96.0.1"))
    monkeypatch.setattr(datastore_module, "datastore_of_process", lambda: there)
    settings = settings_from(docker, "calico-node")
    assert (settings.code if isinstance(settings, Unreadable) else settings.origin) == found


def test_a_bird_that_does_not_tell_its_routes_in_time_is_no_bird_that_hangs(tmp_path: Path) -> None:
    """Its table is huge, or it is busy with all that came at once: what it said a moment ago stays."""
    daemon = Daemon(tmp_path)
    config = Config(
        agent=AgentSection(state_dir="", probe_next_hops=False),
        docker=DockerSection(url=f"unix://{tmp_path}/no-docker.sock"),
        bird=BirdSection(socket=str(daemon.socket)),
    )
    sources = Collector(config, lambda _: None, one_shot=True)
    try:
        seen = sources.observe(datetime.now(UTC))
        assert isinstance(seen.bird, Bird)
        asked = sources.with_routes(seen, (ip_network("10.9.0.0/26"),)).bird
        assert isinstance(asked, Bird)
        assert asked.routes
        daemon.process.send_signal(signal.SIGSTOP)  # the one thread of BIRD does something else
        assert sources.with_routes(seen, (ip_network("10.9.0.0/26"),)).bird is seen.bird
        assert isinstance(sources.observe(datetime.now(UTC)).bird, Unreadable), "one that hangs is still noticed"
    finally:
        daemon.stop()
        sources.close()


def test_the_deadline_of_the_configuration_holds_for_the_mirror_and_the_one_look(
    etcd: EtcdServer, sources_of: Callable[..., Collector]
) -> None:
    etcd.freeze()
    try:
        daemon, once = sources_of(etcd), sources_of(etcd, one_shot=True)
        told = "it accepts connections but does not answer"
        observed(daemon, lambda seen: told in getattr(seen.current_datastore, "reason", ""))
        assert told in getattr(once.observe(datetime.now(UTC)).current_datastore, "reason", "")
        for sources in (daemon, once):
            settings = sources.observe(datetime.now(UTC)).datastore_settings
            assert settings is not None
            assert settings.timeout == 1.0
    finally:
        etcd.thaw()


def test_each_part_that_works_beside_the_passes_gives_a_sign_of_life(
    etcd: EtcdServer, sources_of: Callable[..., Collector]
) -> None:
    sources = sources_of(etcd)
    before = time.monotonic()
    assert all(sources.heartbeat(part) >= before for part in PARTS), "nothing runs yet, and nothing is missed"
    observed(sources, lambda seen: nodes(seen) == 3)
    assert all(time.monotonic() - sources.heartbeat(part) < 60 for part in PARTS)
