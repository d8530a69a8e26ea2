"""The mirror and the one-shot reading, against a real etcd that is killed, frozen, wiped and filled with junk."""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from calico_agent.model.calico.node import Datastore
from calico_agent.model.observation import Unreadable
from calico_agent.model.settings import DatastoreSettings
from calico_agent.sources.datastore import mirror as datastore_module
from calico_agent.sources.datastore import reconnect_pace as pace
from calico_agent.sources.datastore import replica as replica_module
from calico_agent.sources.datastore.etcd3 import reader as etcd_module
from calico_agent.sources.datastore.etcd3.backend import Etcd3
from calico_agent.sources.datastore.etcd3.decode import PREFIXES
from calico_agent.sources.datastore.etcd3.reader import ConnectionV3
from calico_agent.sources.datastore.mirror import Mirror
from calico_agent.sources.datastore.reading import read_datastore
from calico_agent.sources.datastore.replica import Replica
from calico_agent.sources.datastore.server.endpoints import parse_endpoint
from calico_agent.sources.datastore.server.error import DatastoreError
from tests.etcd_server import Certificates, EtcdServer, free_port, jwt_option, running_cluster, running_etcd
from tests.patience import PATIENCE, until
from tests.places import DATA
from tests.slow_link import slow_link

pytestmark = pytest.mark.real

HEALTHY = DATA / "calico-v3.31.7" / "healthy" / "etcd.jsonl"
_OTHER_NAME = "the server's certificate is not for 127.0.0.1, but for etcd.example"
NODES = "/calico/resources/v3/projectcalico.org/nodes/"
Wakes = list[str]


@pytest.fixture
def etcd(tmp_path: Path) -> Iterator[EtcdServer]:
    """A plain etcd that holds the healthy cluster."""
    with running_etcd(tmp_path / "etcd") as server:
        server.load_capture(HEALTHY)
        yield server


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates.issue(tmp_path / "certificates")


@pytest.fixture
def secure_etcd(tmp_path: Path, certificates: Certificates) -> Iterator[EtcdServer]:
    """An etcd with TLS and client certificates that holds the healthy cluster."""
    with running_etcd(tmp_path / "etcd", certificates) as server:
        server.load_capture(HEALTHY)
        yield server


@pytest.fixture
def mirror_of() -> Iterator[Callable[..., tuple[Mirror, Wakes]]]:
    """Makes started mirrors, and stops them."""
    mirrors: list[Mirror] = []

    def make(settings: DatastoreSettings, **timing: Any) -> tuple[Mirror, Wakes]:
        wakes: Wakes = []
        within = timing.pop("answer_within", settings.timeout)
        mirror = Mirror(replace(settings, timeout=within), wakes.append, **timing)
        mirrors.append(mirror)
        mirror.start()
        return mirror, wakes

    yield make
    for mirror in mirrors:
        mirror.stop()
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("etcd ")]


def connection_of(mirror: Mirror) -> object:
    """The connection that it follows etcd on now."""
    connection, watch = mirror._engaged.now()
    return connection if watch is not None else None


def position_of(mirror: Mirror) -> dict[str, int]:
    """From where its watch would go on."""
    position = mirror._position
    assert position is not None
    return {prefix: known + 1 for prefix, known in position._known.items()}


def revision_of(etcd: EtcdServer) -> int:
    return int(etcd.ctl("get", "x", "--write-out=fields").split('"Revision" : ')[1].split()[0])


def names(read: Datastore | Unreadable) -> list[str]:
    return [node.name for node in read.nodes] if isinstance(read, Datastore) else []


def reason(read: Datastore | Unreadable) -> str:
    return read.reason if isinstance(read, Unreadable) else ""


def code(read: Datastore | Unreadable) -> str:
    return read.code if isinstance(read, Unreadable) else ""


def test_a_mirror_lists_and_then_follows(etcd: EtcdServer, mirror_of: Callable[..., tuple[Mirror, Wakes]]) -> None:
    mirror, wakes = mirror_of(etcd.settings())
    until("the first list", lambda: names(mirror.snapshot()) == ["host1", "host2", "host3"], seconds=5)
    etcd.put(f"{NODES}host4", "{}")
    until("a new node", lambda: "host4" in names(mirror.snapshot()), seconds=5)
    etcd.ctl("del", f"{NODES}host1")
    until("a deleted node", lambda: names(mirror.snapshot()) == ["host2", "host3", "host4"], seconds=5)
    assert wakes == ["etcd read", "etcd changed", "etcd changed"]
    last = mirror.last_good()
    assert last is not None
    assert names(last) == ["host2", "host3", "host4"]
    assert last.read_at is not None
    assert datetime.now(UTC) - last.read_at < timedelta(seconds=5)


def test_tls_with_a_client_certificate(secure_etcd: EtcdServer, mirror_of: Callable[..., tuple[Mirror, Wakes]]) -> None:
    mirror, _ = mirror_of(secure_etcd.settings())
    until("the first list", lambda: len(names(mirror.snapshot())) == 3, seconds=5)
    secure_etcd.put(f"{NODES}host4", "{}")
    until("a new node", lambda: len(names(mirror.snapshot())) == 4, seconds=5)


def test_what_does_not_matter_wakes_nobody(etcd: EtcdServer, mirror_of: Callable[..., tuple[Mirror, Wakes]]) -> None:
    mirror, wakes = mirror_of(etcd.settings())
    until("the first list", lambda: len(names(mirror.snapshot())) == 3, seconds=5)
    same = etcd.ctl("get", "--print-value-only", f"{NODES}host1").strip()
    etcd.put(f"{NODES}host1", same)
    etcd.put("/calico/ipam/v2/handle/a-new-pod", "{}")
    etcd.put(f"{NODES}host4", "{}")
    until("the one change that matters", lambda: len(names(mirror.snapshot())) == 4, seconds=5)
    assert wakes == ["etcd read", "etcd changed"]


def test_more_keys_than_fit_a_page_are_read_at_one_revision(etcd: EtcdServer) -> None:
    for number in range(1200):
        etcd.put(f"{NODES}many-{number:04}", "{}")
    read = read_datastore(etcd.settings(), timeout=10)
    assert isinstance(read, Datastore)
    assert len(read.nodes) == 1203
    assert read.bad_keys == ()
    assert read.revision == revision_of(etcd)


def test_bad_values_are_told_and_the_rest_goes_on(
    tmp_path: Path, mirror_of: Callable[..., tuple[Mirror, Wakes]]
) -> None:
    with running_etcd(tmp_path / "etcd", None, "--max-request-bytes=20000000") as etcd:
        etcd.load_capture(HEALTHY)
        etcd.put(f"{NODES}junk", "junk")
        etcd.put(f"{NODES}large-at-first", b" " * 10_000_000)
        mirror, _ = mirror_of(etcd.settings())
        until("the first list", lambda: len(names(mirror.snapshot())) == 3, seconds=10)
        etcd.put(f"{NODES}large-later", b" " * 10_000_000)
        etcd.put(f"{NODES}host4", "{}")
        until("a node after the large value", lambda: len(names(mirror.snapshot())) == 4, seconds=10)
        read = mirror.snapshot()
        assert isinstance(read, Datastore)
        assert [bad.key.removeprefix(NODES) for bad in read.bad_keys] == ["junk", "large-at-first", "large-later"]


def listed(wakes: Wakes) -> int:
    """How often everything was read."""
    return wakes.count("etcd read")


def test_what_happened_while_etcd_was_away_is_followed_and_not_read_anew(
    etcd: EtcdServer, mirror_of: Callable[..., tuple[Mirror, Wakes]]
) -> None:
    mirror, wakes = mirror_of(etcd.settings(), heartbeat=0.3)
    until("the first list", lambda: len(names(mirror.snapshot())) == 3, seconds=5)
    for round_trip in range(3):
        etcd.kill()
        until("the loss noticed", lambda times=round_trip: wakes.count("etcd lost") > times, seconds=5)  # type: ignore[misc]
        etcd.start()
        etcd.put(f"{NODES}new-{round_trip}", "{}")
        etcd.ctl("del", f"{NODES}host{round_trip + 1}")
        left = [f"host{number}" for number in range(round_trip + 2, 4)]
        new = [f"new-{number}" for number in range(round_trip + 1)]
        until("both changes", lambda expected=[*left, *new]: names(mirror.snapshot()) == expected, seconds=PATIENCE)  # type: ignore[misc]
        until("the failures are forgotten", lambda: not mirror._replica._failures, seconds=PATIENCE)
    assert listed(wakes) == 1


def test_what_happened_before_a_compaction_is_read_anew(
    etcd: EtcdServer, mirror_of: Callable[..., tuple[Mirror, Wakes]]
) -> None:
    mirror, wakes = mirror_of(etcd.settings(), heartbeat=0.3)
    until("the first list", lambda: len(names(mirror.snapshot())) == 3, seconds=5)
    etcd.kill()
    until("the loss noticed", lambda: wakes[-1] == "etcd lost", seconds=5)
    etcd.port, port = free_port(), etcd.port  # where the mirror does not find it yet
    etcd.start()
    etcd.ctl("del", f"{NODES}host1")
    etcd.ctl("compact", str(revision_of(etcd)))
    etcd.kill()
    etcd.port = port
    etcd.start()
    until(
        "what is there after the compaction", lambda: names(mirror.snapshot()) == ["host2", "host3"], seconds=PATIENCE
    )
    assert listed(wakes) == 2


def test_a_quiet_prefix_is_never_behind_a_compaction(
    etcd: EtcdServer, mirror_of: Callable[..., tuple[Mirror, Wakes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(etcd_module, "SETTLED_V3", 0.5)
    mirror, wakes = mirror_of(etcd.settings(), heartbeat=0.2)
    until("the first list", lambda: len(names(mirror.snapshot())) == 3, seconds=5)
    for number in range(5):
        etcd.put("/calico/ipam/v2/handle/a-pod", str(number))
    now = revision_of(etcd)
    until("all prefixes are known up to now", lambda: min(position_of(mirror).values()) > now, seconds=PATIENCE)
    etcd.ctl("compact", str(now))
    etcd.kill()
    etcd.start()
    etcd.put(f"{NODES}host4", "{}")
    until("the change", lambda: len(names(mirror.snapshot())) == 4, seconds=PATIENCE)
    assert listed(wakes) == 1


def test_an_etcd_that_lost_its_data_is_read_anew(
    etcd: EtcdServer, mirror_of: Callable[..., tuple[Mirror, Wakes]]
) -> None:
    mirror, wakes = mirror_of(etcd.settings(), heartbeat=0.3)
    until("the first list", lambda: len(names(mirror.snapshot())) == 3, seconds=5)
    etcd.kill()
    shutil.rmtree(etcd.folder / "data")
    etcd.start()
    etcd.put(f"{NODES}host1", "{}")
    until("a list", lambda: listed(wakes) == 2, seconds=PATIENCE)
    until("the loss doubted", lambda: reason(mirror.snapshot()).startswith("3 of 3 blocks vanished"), seconds=PATIENCE)


def test_killed_and_started_again(etcd: EtcdServer, mirror_of: Callable[..., tuple[Mirror, Wakes]]) -> None:
    mirror, _ = mirror_of(etcd.settings(), stale_after=1.0, heartbeat=0.3)
    until("the first list", lambda: len(names(mirror.snapshot())) == 3, seconds=5)
    etcd.kill()
    until("the loss noticed", lambda: code(mirror.snapshot()) == "refused", seconds=5)
    read = mirror.snapshot()
    assert isinstance(read, Unreadable)
    assert read.reason.startswith("no sign of life since ")
    assert read.reason.endswith(f"; {etcd.url}: connection refused: nothing listens there")
    last = mirror.last_good()
    assert last is not None
    assert len(last.nodes) == 3
    etcd.start()
    etcd.put(f"{NODES}host4", "{}")
    until("the list after the restart", lambda: len(names(mirror.snapshot())) == 4, seconds=8)


def test_a_mirror_outlives_many_restarts_without_a_thread_or_descriptor_more(
    etcd: EtcdServer, mirror_of: Callable[..., tuple[Mirror, Wakes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "_LAST_DELAY", 0.3)
    mirror, _ = mirror_of(etcd.settings())
    process = psutil.Process()
    counts = []
    for restart in range(12):
        etcd.kill()
        etcd.start()
        etcd.put(f"{NODES}after-{restart}", "{}")
        until("the list after a restart", lambda name=f"after-{restart}": name in names(mirror.snapshot()), seconds=15)  # type: ignore[misc]
        counts.append((process.num_threads(), process.num_fds()))
    early, late = counts[3:6], counts[-3:]
    assert max(threads for threads, _ in late) <= max(threads for threads, _ in early) + 1
    assert max(descriptors for _, descriptors in late) <= max(descriptors for _, descriptors in early) + 2


def test_an_outage_costs_next_to_nothing(etcd: EtcdServer, mirror_of: Callable[..., tuple[Mirror, Wakes]]) -> None:
    mirror, wakes = mirror_of(etcd.settings())
    until("the first list", lambda: len(names(mirror.snapshot())) == 3, seconds=5)
    etcd.kill()
    until("the loss noticed", lambda: "etcd lost" in wakes, seconds=5)
    before = time.process_time()
    time.sleep(5)
    assert time.process_time() - before < 0.1
    assert wakes == ["etcd read", "etcd lost"]


def test_a_frozen_etcd_is_noticed_about_as_soon_as_one_that_is_gone_and_a_thawed_one_is_followed_again(
    etcd: EtcdServer, mirror_of: Callable[..., tuple[Mirror, Wakes]]
) -> None:
    mirror, wakes = mirror_of(etcd.settings())
    until("the first list", lambda: len(names(mirror.snapshot())) == 3, seconds=5)
    etcd.freeze()
    try:
        until("the reading called stale", lambda: code(mirror.snapshot()) == "timeout", seconds=PATIENCE)
        until("that it has to be told now", lambda: wakes == ["etcd read", "etcd lost", "etcd silent"], seconds=2)
    finally:
        etcd.thaw()
    etcd.put(f"{NODES}host4", "{}")
    until("the change after the thaw", lambda: len(names(mirror.snapshot())) == 4, seconds=PATIENCE)
    assert listed(wakes) == 1


@pytest.mark.parametrize(
    ("error", "silent_for", "told_after"),
    [
        pytest.param(DatastoreError("no answer", "timeout"), 7.0, 3.0, id="silent since it was last heard"),
        pytest.param(DatastoreError("no answer", "timeout"), 12.0, 2.0, id="silent for longer: one may take over"),
        pytest.param(DatastoreError("connection refused", "refused"), 7.0, 10.0, id="refusing since just now"),
    ],
)
def test_how_soon_a_failure_is_told(
    error: DatastoreError, silent_for: float, told_after: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.monotonic()
    monkeypatch.setattr(replica_module, "_now", lambda: (now - silent_for, datetime.now(UTC)))
    replica = Replica(Etcd3(), 60.0)
    replica.load(1, [])
    assert replica.patience() is None
    replica.fail("http://a:2379", error)
    assert replica.patience() == pytest.approx(told_after, abs=1.0)


def test_a_slow_link_is_enough_to_read_everything(
    etcd: EtcdServer, mirror_of: Callable[..., tuple[Mirror, Wakes]]
) -> None:
    for number in range(150):
        etcd.put(f"{NODES}many-{number:03}", b"{}" + b" " * 8000)
    with slow_link(etcd.port, 200_000) as port:
        # All of it takes six times as long as one call may.
        settings = etcd.settings(f"http://127.0.0.1:{port}")
        mirror, _ = mirror_of(settings, answer_within=1.0)
        until("the whole list", lambda: len(names(mirror.snapshot())) == 153, seconds=2 * PATIENCE)
        read = read_datastore(settings, timeout=30.0)
        assert len(names(read)) == 153


def test_a_bug_is_told_and_does_not_end_the_mirror(etcd: EtcdServer, monkeypatch: pytest.MonkeyPatch) -> None:
    class Unlucky(Etcd3):
        @staticmethod
        def decode(key: str, value: bytes) -> Any:
            if key.endswith("/unlucky"):
                raise ZeroDivisionError("a bug")
            return Etcd3.decode(key, value)

    monkeypatch.setattr(datastore_module, "_AFTER_A_BUG_SECONDS", 0.5)
    mirror = Mirror(etcd.settings(), lambda _: None, heartbeat=0.2, backend=Unlucky())
    try:
        etcd.put(f"{NODES}unlucky", "{}")
        mirror.start()
        told = Unreadable("etcd", "this is a bug of calico-agent: ZeroDivisionError: a bug", "bug")
        until("the bug told", lambda: mirror.snapshot() == told, seconds=5)
        etcd.ctl("del", f"{NODES}unlucky")
        until("the list without the value", lambda: len(names(mirror.snapshot())) == 3, seconds=PATIENCE)
    finally:
        mirror.stop()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_mirror_whose_thread_has_ended_gives_no_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*_: object) -> Any:
        raise ZeroDivisionError("a bug outside of all that is foreseen")

    monkeypatch.setattr(Etcd3, "endpoints", nothing)
    mirror = Mirror(DatastoreSettings(("http://127.0.0.1:1",)), lambda _: None, heartbeat=0.05)
    mirror.start()
    try:
        until("the thread has ended", lambda: not mirror._mirroring.alive)
        last = mirror.heartbeat()
        time.sleep(0.5)  # ten heartbeats
        assert mirror.heartbeat() == last
    finally:
        mirror.stop()


def test_a_frozen_etcd_does_not_hold_up_the_one_shot_reading(etcd: EtcdServer) -> None:
    etcd.freeze()
    try:
        began = time.monotonic()
        read = read_datastore(etcd.settings(), timeout=1.0)
    finally:
        etcd.thaw()
    assert time.monotonic() - began < PATIENCE
    assert code(read) == "timeout"


def test_a_watch_from_a_compacted_revision_ends(etcd: EtcdServer) -> None:
    etcd.ctl("compact", str(revision_of(etcd)))
    endpoint = parse_endpoint(etcd.url, tls_by_default=False)
    with (
        ConnectionV3(endpoint, etcd.settings(), 5.0) as connection,
        connection.watch(dict.fromkeys(PREFIXES, 2)) as watch,
        pytest.raises(DatastoreError) as caught,
    ):
        next(watch.changes())
    assert caught.value.code == "compacted"


def test_a_dead_first_member_does_not_matter(etcd: EtcdServer, mirror_of: Callable[..., tuple[Mirror, Wakes]]) -> None:
    settings = etcd.settings(f"http://127.0.0.1:{free_port()}", etcd.url)
    assert len(names(read_datastore(settings, timeout=5))) == 3
    mirror, _ = mirror_of(settings)
    until("the list from the second member", lambda: len(names(mirror.snapshot())) == 3, seconds=5)


def test_all_members_dead_are_all_named() -> None:
    urls = (f"http://127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}")
    read = read_datastore(DatastoreSettings(urls), timeout=2)
    assert isinstance(read, Unreadable)
    assert read.reason == "; ".join(f"{url}: connection refused: nothing listens there" for url in urls)


def test_a_frozen_member_is_left_for_another_one_and_nothing_is_told(
    tmp_path: Path, mirror_of: Callable[..., tuple[Mirror, Wakes]]
) -> None:
    with running_cluster(tmp_path, 3) as members:
        members[0].load_capture(HEALTHY)
        mirror, wakes = mirror_of(members[0].settings(*(member.url for member in members)))
        until("the first list", lambda: len(names(mirror.snapshot())) == 3, seconds=10)
        before = connection_of(mirror)
        members[0].freeze()
        deadline = time.monotonic() + 2 * PATIENCE
        while "etcd back" not in wakes:
            assert isinstance(mirror.snapshot(), Datastore), "no false alarm"
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert connection_of(mirror) not in {None, before}
        assert wakes == ["etcd read", "etcd lost", "etcd back"]


def test_a_lost_majority_is_noticed_and_the_new_one_is_read(
    tmp_path: Path, mirror_of: Callable[..., tuple[Mirror, Wakes]]
) -> None:
    with running_cluster(tmp_path, 3) as (one, two, three):
        one.load_capture(HEALTHY)
        mirror, wakes = mirror_of(one.settings(), stale_after=4.0, heartbeat=1.0, answer_within=2.0)
        until("the first list", lambda: len(names(mirror.snapshot())) == 3, seconds=10)
        two.kill()
        three.kill()
        until("the lost majority noticed", lambda: "etcd lost" in wakes, seconds=20)
        until("the reading called stale", lambda: isinstance(mirror.snapshot(), Unreadable), seconds=20)
        two.start()
        until("the list of the new majority", lambda: len(names(mirror.snapshot())) == 3, seconds=20)


def test_a_wiped_datastore_is_not_believed(etcd: EtcdServer, mirror_of: Callable[..., tuple[Mirror, Wakes]]) -> None:
    mirror, _ = mirror_of(etcd.settings())
    until("the first list", lambda: len(names(mirror.snapshot())) == 3, seconds=5)
    etcd.ctl("del", "--prefix", "/calico/")
    doubt = "3 of 3 nodes and 3 of 3 blocks vanished at once, which is not believed for another "
    until("the loss doubted", lambda: reason(mirror.snapshot()).startswith(doubt), seconds=5)
    assert code(mirror.snapshot()) == "shrunk"
    last = mirror.last_good()
    assert last is not None
    assert len(last.nodes) == 3
    etcd.load_capture(HEALTHY)
    until("the keys back", lambda: len(names(mirror.snapshot())) == 3, seconds=5)


def test_renewed_certificates_are_used_without_a_restart(
    secure_etcd: EtcdServer, certificates: Certificates, mirror_of: Callable[..., tuple[Mirror, Wakes]]
) -> None:
    mirror, wakes = mirror_of(secure_etcd.settings(), heartbeat=0.3)
    until("the first list", lambda: len(names(mirror.snapshot())) == 3, seconds=5)
    before = connection_of(mirror)
    certificates.client.write_bytes(certificates.client.read_bytes() + b"\n")
    until("a new connection", lambda: connection_of(mirror) not in {None, before}, seconds=10)
    secure_etcd.put(f"{NODES}host9", "{}")
    until("what changes is followed", lambda: len(names(mirror.snapshot())) == 4, seconds=10)
    assert wakes == ["etcd read", "etcd changed"], "nothing was read anew"
    Certificates.issue(certificates.ca.parent)
    secure_etcd.kill()
    secure_etcd.start()
    secure_etcd.put(f"{NODES}host4", "{}")
    until("the changes, with certificates of the new authority", lambda: len(names(mirror.snapshot())) == 5, seconds=10)


def test_a_certificate_that_comes_late_is_waited_for(
    secure_etcd: EtcdServer, certificates: Certificates, mirror_of: Callable[..., tuple[Mirror, Wakes]]
) -> None:
    key = certificates.client_key.read_bytes()
    certificates.client_key.unlink()
    mirror, _ = mirror_of(secure_etcd.settings(secure_etcd.url, secure_etcd.url.replace("127.0.0.1", "localhost")))
    missing = f"the file of the client key, {certificates.client_key}, does not exist"
    until("the missing file named, once", lambda: mirror.snapshot() == Unreadable("etcd", missing, "file"), seconds=5)
    certificates.client_key.write_bytes(key[:100])
    unfit = f"{certificates.client} and {certificates.client_key} are not a certificate and its key"
    until("the half key named", lambda: unfit in reason(mirror.snapshot()), seconds=10)
    assert missing not in reason(mirror.snapshot())
    certificates.client_key.write_bytes(key)
    until("the list with the whole key", lambda: len(names(mirror.snapshot())) == 3, seconds=15)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(Path.unlink, "the file of the client key, {}, does not exist", id="gone"),
        pytest.param(
            lambda key: key.write_bytes(key.read_bytes()[:100]),
            "client.crt and {} are not a certificate and its key",
            id="half written",
        ),
    ],
)
def test_a_certificate_that_is_spoilt_later_ends_no_connection_and_is_told(
    secure_etcd: EtcdServer,
    certificates: Certificates,
    mirror_of: Callable[..., tuple[Mirror, Wakes]],
    change: Callable[[Path], object],
    said: str,
) -> None:
    mirror, wakes = mirror_of(secure_etcd.settings(), heartbeat=0.2)
    until("the first list", lambda: len(names(mirror.snapshot())) == 3, seconds=5)
    assert mirror.files_trouble is None
    whole = certificates.client_key.read_bytes()
    change(certificates.client_key)
    until(
        said,
        lambda: getattr(mirror.files_trouble, "reason", "").endswith(said.format(certificates.client_key)),
        seconds=5,
    )
    certificates.client_key.write_bytes(whole)
    until("all good again", lambda: mirror.files_trouble is None, seconds=5)
    secure_etcd.put(f"{NODES}host4", "{}")
    until("what changes is followed", lambda: len(names(mirror.snapshot())) == 4, seconds=5)
    assert wakes == ["etcd read", "etcd changed"]


def test_a_key_with_a_password_is_named_and_nobody_is_asked_for_it(
    secure_etcd: EtcdServer, certificates: Certificates
) -> None:
    encrypt = ["openssl", "pkey", "-aes128", "-passout", "pass:secret", "-in", str(certificates.client_key)]
    done = subprocess.run(encrypt, capture_output=True, check=True, timeout=30)
    certificates.client_key.write_bytes(done.stdout)
    assert refused_by(secure_etcd.settings()).endswith(
        f"{certificates.client_key} is encrypted, and nobody is there to give its password"
    )


def test_a_token_that_expires_costs_a_login_and_nothing_else(
    tmp_path: Path, mirror_of: Callable[..., tuple[Mirror, Wakes]]
) -> None:
    with running_etcd(tmp_path / "etcd", None, jwt_option(tmp_path, seconds=1)) as server:
        server.load_capture(HEALTHY)
        mirror, wakes = mirror_of(with_password(server), heartbeat=0.3)
        until("the first list", lambda: len(names(mirror.snapshot())) == 3, seconds=5)
        until("the watch", lambda: connection_of(mirror) is not None, seconds=5)
        connection = connection_of(mirror)
        time.sleep(3)  # three times as long as a token lives
        server.ctl("put", f"{NODES}host4", value=b"{}", user="root:secret-of-root")
        until("the change", lambda: len(names(mirror.snapshot())) == 4, seconds=5)
        # A change of users voids all tokens that are older.
        server.ctl("role", "add", "another", user="root:secret-of-root")
        time.sleep(1)
        server.ctl("put", f"{NODES}host5", value=b"{}", user="root:secret-of-root")
        until("the next change", lambda: len(names(mirror.snapshot())) == 5, seconds=5)
        # With a new token the watch begins anew, on the same connection.
        until("the watch on the connection of before", lambda: connection_of(mirror) is connection, seconds=5)
        assert wakes == ["etcd read", "etcd changed", "etcd changed"]


def with_password(server: EtcdServer, write: str = "") -> DatastoreSettings:
    """Turn on authentication; the settings of a user who may read Calico's keys, and `write` those of one prefix."""
    server.ctl("user", "add", "root:secret-of-root")
    server.ctl("user", "add", "agent:secret-of-agent")
    server.ctl("role", "add", "reader")
    server.ctl("role", "grant-permission", "--prefix=true", "reader", "read", "/calico/")
    if write:
        server.ctl("role", "grant-permission", "--prefix=true", "reader", "readwrite", write)
    server.ctl("user", "grant-role", "agent", "reader")
    server.ctl("auth", "enable")
    return replace(server.settings(), username="agent", password="secret-of-agent")


def test_a_user_and_password_and_a_token_that_etcd_forgot(
    etcd: EtcdServer, mirror_of: Callable[..., tuple[Mirror, Wakes]]
) -> None:
    mirror, _ = mirror_of(with_password(etcd), heartbeat=0.5)
    until("the first list", lambda: len(names(mirror.snapshot())) == 3, seconds=5)
    etcd.kill()
    etcd.start()  # tokens live in memory
    etcd.ctl("put", f"{NODES}host4", value=b"{}", user="root:secret-of-root")
    until("the change, with a new token", lambda: len(names(mirror.snapshot())) == 4, seconds=PATIENCE)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param({"password": "wrong"}, "etcd refuses the user name or password", id="a wrong password"),
        pytest.param(
            {"username": ""},
            "etcd demands a user name and password (user name is empty)",
            id="no user",
        ),
    ],
)
def test_who_may_not_read_is_told_so(etcd: EtcdServer, change: dict[str, str], told: str) -> None:
    settings = replace(with_password(etcd), **change)  # type: ignore[arg-type]
    read = read_datastore(settings, timeout=5)
    assert read == Unreadable("etcd", f"{etcd.url}: {told}", "denied")
    assert "secret" not in repr(settings)


def refused_by(settings: DatastoreSettings) -> str:
    read = read_datastore(settings, timeout=5)
    assert isinstance(read, Unreadable)
    assert len(read.reason.splitlines()) == 1
    return read.reason.removeprefix(f"{settings.endpoints[0]}: ")


def test_certificates_that_do_not_fit_are_told_apart(secure_etcd: EtcdServer, tmp_path: Path) -> None:
    right = secure_etcd.settings()
    others = Certificates.issue(tmp_path / "others")
    junk = tmp_path / "junk"
    junk.write_text("junk")
    reasons = {
        "other authority": refused_by(replace(right, ca_file=str(others.ca))),
        "no client certificate": refused_by(replace(right, cert_file="", key_file="")),
        "client certificate of another authority": refused_by(
            replace(right, cert_file=str(others.client), key_file=str(others.client_key))
        ),
        "key of another certificate": refused_by(replace(right, key_file=str(others.client_key))),
        "certificate without its key": refused_by(replace(right, key_file="")),
        "missing file": refused_by(replace(right, ca_file=str(tmp_path / "missing"))),
        "file that is no certificate": refused_by(replace(right, ca_file=str(junk))),
        "http": refused_by(replace(right, endpoints=(secure_etcd.url.replace("https", "http"),))),
    }
    assert reasons == {
        "other authority": f"the server's certificate was not issued by {others.ca}",
        "no client certificate": "the server demands a client certificate, and none is configured",
        "client certificate of another authority": f"the server does not accept our certificate {others.client} "
        "(bad certificate): expired, or of another authority",
        "key of another certificate": f"{right.cert_file} and {others.client_key} are not a certificate and its key",
        "certificate without its key": "a client certificate needs its key, and a key its certificate; one is missing",
        "missing file": f"the file of the certificate authority, {tmp_path / 'missing'}, does not exist",
        "file that is no certificate": f"{junk} holds no usable certificate of an authority",
        "http": "the server speaks TLS, but the endpoint says http",
    }


def test_https_to_an_etcd_without_tls(etcd: EtcdServer) -> None:
    told = refused_by(DatastoreSettings((etcd.url.replace("http", "https"),)))
    assert told == "the server hung up on the TLS handshake, as one does that speaks no TLS"


@pytest.mark.parametrize(
    ("issued_for", "not_after", "told"),
    [
        pytest.param((), datetime(2020, 1, 1, tzinfo=UTC), "the server's certificate has expired", id="expired"),
        pytest.param(("etcd.example",), None, _OTHER_NAME, id="for another name"),
    ],
)
def test_a_server_certificate_that_is(
    tmp_path: Path, issued_for: tuple[str, ...], not_after: datetime | None, told: str
) -> None:
    certificates = Certificates.issue(tmp_path / "certificates", *issued_for, not_after=not_after)
    with running_etcd(tmp_path / "etcd", certificates) as server:
        assert refused_by(server.settings()) == told


def test_a_key_file_that_this_user_may_not_read_is_named() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # pytest's own folder lets nobody else in
        certificates = Certificates.issue(Path(folder))
        certificates.client_key.chmod(0o600)
        told = refused_as_nobody(EtcdServer(Path(folder), certificates).settings())
    assert told == f"the file of the client key, {certificates.client_key}, may not be read by this user"


def refused_as_nobody(settings: DatastoreSettings) -> str:
    program = (
        "import os, sys, calico_agent.sources.datastore.etcd3.backend;"  # as this user, while it can read our files
        "from calico_agent.sources.datastore.reading import read_datastore;"
        "from calico_agent.model.settings import DatastoreSettings; os.seteuid(65534);"
        "print(read_datastore(DatastoreSettings((sys.argv[1],), *sys.argv[2:]), timeout=1).reason)"
    )
    arguments = [settings.endpoints[0], settings.ca_file, settings.cert_file, settings.key_file]
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True, timeout=30
    )
    return done.stdout.strip()


def test_protobuf_is_told_to_be_pure_python_before_it_is_imported() -> None:
    program = (
        "import sys, calico_agent.sources.datastore.etcd3.decode;"
        "assert not {'grpc', 'google.protobuf'} & set(sys.modules);"
        "import calico_agent.sources.datastore.etcd3.backend;"
        "from google.protobuf.internal import api_implementation as chosen;"
        "print(chosen.Type())"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PROTOCOL_BUFFERS")}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout == "python\n"


@pytest.mark.parametrize(
    ("endpoints", "told"),
    [
        pytest.param((), "no endpoint of etcd is configured", id="none"),
        pytest.param(
            ("ftp://10.0.0.1",), "the endpoint 'ftp://10.0.0.1' is neither http nor https", id="of another protocol"
        ),
        pytest.param(
            ("http://10.0.0.1:99999",),
            "the endpoint 'http://10.0.0.1:99999' is not of the form https://host:2379",
            id="with a port too high",
        ),
        pytest.param(
            ("https://",), "the endpoint 'https://' is not of the form https://host:2379", id="without a host"
        ),
    ],
)
def test_endpoints_that_cannot_be_used(
    endpoints: tuple[str, ...], told: str, mirror_of: Callable[..., tuple[Mirror, Wakes]]
) -> None:
    assert read_datastore(DatastoreSettings(endpoints), timeout=1) == Unreadable("etcd", told, "config")
    mirror, _ = mirror_of(DatastoreSettings(endpoints))
    until("the mirror says so too", lambda: mirror.snapshot() == Unreadable("etcd", told, "config"), seconds=2)


def test_the_heartbeat_goes_on_while_etcd_is_away(mirror_of: Callable[..., tuple[Mirror, Wakes]]) -> None:
    mirror, _ = mirror_of(DatastoreSettings((f"http://127.0.0.1:{free_port()}",)), heartbeat=0.1)
    before = mirror.heartbeat()
    until("a heartbeat", lambda: mirror.heartbeat() > before, seconds=2)


def test_a_mirror_stops_at_once_whatever_etcd_does(etcd: EtcdServer) -> None:
    mirror = Mirror(etcd.settings(), lambda _: None)
    mirror.start()
    until("the first list", lambda: len(names(mirror.snapshot())) == 3, seconds=5)
    etcd.freeze()
    try:
        began = time.monotonic()
        mirror.stop()
        assert time.monotonic() - began < PATIENCE
    finally:
        etcd.thaw()
