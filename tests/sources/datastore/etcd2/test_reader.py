"""The mirror on a real etcd that serves the v2 API, killed, frozen and filled with more events than it keeps."""

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import psutil
import pytest
from urllib3.util import make_headers

from calico_agent.model.calico.node import Datastore
from calico_agent.model.observation import Unreadable
from calico_agent.model.settings import DatastoreSettings, EtcdApi
from calico_agent.sources.datastore.etcd2.decode import PREFIXES
from calico_agent.sources.datastore.etcd2.reader import ConnectionV2
from calico_agent.sources.datastore.etcd2.watch import WatchV2
from calico_agent.sources.datastore.mirror import Mirror
from calico_agent.sources.datastore.reading import read_datastore
from calico_agent.sources.datastore.server.endpoints import parse_endpoint
from calico_agent.sources.datastore.server.error import DatastoreError
from tests.etcd_server import Certificates, EtcdServer, free_port, running_etcd
from tests.patience import PATIENCE, until
from tests.sources.datastore.etcd2.test_decode import CLUSTER
from tests.sources.datastore.test_mirror import code, connection_of, names, reason

pytestmark = pytest.mark.real

HOSTS = "/calico/bgp/v1/host/"


def send(etcd: EtcdServer, method: str, key: str, value: str | None = None) -> None:
    """Write or delete by the v2 API."""
    connection = http.client.HTTPConnection("127.0.0.1", etcd.port, timeout=10)
    body = None if value is None else urlencode({"value": value})
    path = f"/v2/keys{quote(key)}?recursive=true" if method == "DELETE" else f"/v2/keys{quote(key)}"
    connection.request(method, path, body, {"Content-Type": "application/x-www-form-urlencoded"})
    answer = connection.getresponse()
    assert answer.status < 300, answer.read()
    connection.close()


def put_node(etcd: EtcdServer, name: str, address: str) -> None:
    send(etcd, "PUT", f"{HOSTS}{name}/network_v4", "10.0.0.0/24")
    send(etcd, "PUT", f"{HOSTS}{name}/ip_addr_v4", address)


def settings(etcd: EtcdServer, *endpoints: str) -> DatastoreSettings:
    return replace(etcd.settings(*endpoints), api=EtcdApi.V2)


@pytest.fixture
def etcd(tmp_path: Path) -> Iterator[EtcdServer]:
    """A plain etcd that holds a cluster of Calico 2.x."""
    with running_etcd(tmp_path / "etcd", None, "--enable-v2") as server:
        for key, value in CLUSTER.items():
            send(server, "PUT", key, value)
        yield server


@pytest.fixture
def mirror_of() -> Iterator[Callable[..., tuple[Mirror, list[str]]]]:
    """Makes started mirrors, and stops them with all their threads."""
    mirrors: list[Mirror] = []

    def make(settings: DatastoreSettings, **timing: Any) -> tuple[Mirror, list[str]]:
        wakes: list[str] = []
        within = timing.pop("answer_within", settings.timeout)
        mirror = Mirror(replace(settings, timeout=within), wakes.append, **timing)
        mirrors.append(mirror)
        mirror.start()
        return mirror, wakes

    yield make
    for mirror in mirrors:
        mirror.stop()
    until(
        "no thread left", lambda: not [one for one in threading.enumerate() if one.name.startswith("etcd ")], seconds=2
    )


def test_one_reading(etcd: EtcdServer) -> None:
    read = read_datastore(settings(etcd), timeout=5)
    assert isinstance(read, Datastore)
    assert names(read) == ["node-a", "node-b"]
    assert len(read.pools) == len(read.blocks) == len(read.affinities) == 1
    assert (read.cluster_guid, read.bad_keys, read.claimable) == ("4a1c1d2e", (), False)
    assert read.revision >= len(CLUSTER)


def test_an_etcd_without_calico_is_empty_and_not_unreadable(tmp_path: Path) -> None:
    with running_etcd(tmp_path / "etcd", None, "--enable-v2") as server:
        read = read_datastore(settings(server), timeout=5)
    assert isinstance(read, Datastore)
    assert read.nodes == ()


def test_a_mirror_follows_changes_and_deleted_folders(
    etcd: EtcdServer, mirror_of: Callable[..., tuple[Mirror, list[str]]]
) -> None:
    mirror, wakes = mirror_of(settings(etcd))
    until("the first list", lambda: names(mirror.snapshot()) == ["node-a", "node-b"], seconds=5)
    put_node(etcd, "node-c", "10.0.0.3")
    until("a new node", lambda: names(mirror.snapshot()) == ["node-a", "node-b", "node-c"], seconds=5)
    send(etcd, "DELETE", f"{HOSTS}node-a")
    until("a deleted folder", lambda: names(mirror.snapshot()) == ["node-b", "node-c"], seconds=5)
    send(etcd, "DELETE", "/calico/ipam/v2/assignment/ipv4/block/192.168.0.0-26")
    until("a deleted block", lambda: getattr(mirror.snapshot(), "blocks", None) == (), seconds=5)
    assert wakes.count("etcd read") == 1
    assert "etcd lost" not in wakes


def test_what_does_not_matter_wakes_nobody(
    etcd: EtcdServer, mirror_of: Callable[..., tuple[Mirror, list[str]]]
) -> None:
    mirror, wakes = mirror_of(settings(etcd))
    until("the first list", lambda: len(names(mirror.snapshot())) == 2, seconds=5)
    send(etcd, "PUT", "/calico/v1/host/node-a/workload/k8s/x/endpoint/eth0", "{}")
    send(etcd, "PUT", "/calico/bgp/v1/global/loglevel", "debug")
    send(etcd, "PUT", f"{HOSTS}node-a/as_num", "64599")
    until("the one change that matters", lambda: wakes == ["etcd read", "etcd changed"], seconds=5)


def test_a_quiet_prefix_outlives_more_events_elsewhere_than_etcd_keeps(
    etcd: EtcdServer, mirror_of: Callable[..., tuple[Mirror, list[str]]]
) -> None:
    mirror, wakes = mirror_of(settings(etcd))
    until("the first list", lambda: len(names(mirror.snapshot())) == 2, seconds=5)
    for number in range(1100):
        send(etcd, "PUT", "/calico/felix/v1/host/node-a/status", str(number))
    put_node(etcd, "node-c", "10.0.0.3")
    until("a change after them", lambda: len(names(mirror.snapshot())) == 3, seconds=5)
    assert wakes.count("etcd read") == 1


def test_a_silence_longer_than_any_deadline_is_no_loss(
    etcd: EtcdServer, mirror_of: Callable[..., tuple[Mirror, list[str]]]
) -> None:
    mirror, wakes = mirror_of(settings(etcd), answer_within=0.5, heartbeat=0.3)
    until("the first list", lambda: len(names(mirror.snapshot())) == 2, seconds=5)
    time.sleep(2.5)
    put_node(etcd, "node-c", "10.0.0.3")
    until("a change after it", lambda: len(names(mirror.snapshot())) == 3, seconds=5)
    assert wakes.count("etcd read") == 1
    assert "etcd lost" not in wakes


def test_watches_that_are_opened_and_ended_leave_no_thread_or_descriptor(etcd: EtcdServer) -> None:
    endpoint, process = parse_endpoint(etcd.url, tls_by_default=False), psutil.Process()
    counts = []
    for _ in range(30):
        with ConnectionV2(endpoint, settings(etcd), 5.0) as connection:
            for _ in connection.read_all(PREFIXES)[1]:
                pass
            connection.watch(dict.fromkeys(PREFIXES, 1)).cancel()
        until("no poll left", lambda: not [one for one in threading.enumerate() if "poll" in one.name], seconds=6)
        counts.append((process.num_threads(), process.num_fds()))
    threads, descriptors = counts[5]
    until("the threads of before", lambda: process.num_threads() <= threads, seconds=5)
    until("the descriptors of before", lambda: process.num_fds() <= descriptors, seconds=5)


def test_an_event_that_etcd_no_longer_keeps_ends_the_watch(etcd: EtcdServer) -> None:
    for number in range(1100):
        send(etcd, "PUT", "/calico/felix/v1/host/node-a/status", str(number))
    endpoint = parse_endpoint(etcd.url, tls_by_default=False)
    with (
        ConnectionV2(endpoint, settings(etcd), 5.0) as connection,
        WatchV2(connection, {HOSTS: 2}) as watch,
        pytest.raises(DatastoreError) as caught,
    ):
        next(watch.changes())
    assert caught.value.code == "compacted"


def test_killed_and_started_again(etcd: EtcdServer, mirror_of: Callable[..., tuple[Mirror, list[str]]]) -> None:
    mirror, _ = mirror_of(settings(etcd), heartbeat=0.3, stale_after=1.0)
    until("the first list", lambda: len(names(mirror.snapshot())) == 2, seconds=5)
    etcd.kill()
    until("the loss noticed", lambda: code(mirror.snapshot()) == "refused", seconds=5)
    last = mirror.last_good()
    assert last is not None
    assert names(last) == ["node-a", "node-b"]
    etcd.start()
    put_node(etcd, "node-c", "10.0.0.3")
    until("the list after the restart", lambda: len(names(mirror.snapshot())) == 3, seconds=8)


def test_what_happened_while_etcd_was_away_is_followed_and_not_read_anew(
    etcd: EtcdServer, mirror_of: Callable[..., tuple[Mirror, list[str]]]
) -> None:
    mirror, wakes = mirror_of(settings(etcd), heartbeat=0.3)
    until("the first list", lambda: len(names(mirror.snapshot())) == 2, seconds=5)
    etcd.kill()
    until("the loss noticed", lambda: "etcd lost" in wakes, seconds=5)
    etcd.start()
    put_node(etcd, "node-c", "10.0.0.3")
    send(etcd, "DELETE", f"{HOSTS}node-a")
    until("both changes", lambda: names(mirror.snapshot()) == ["node-b", "node-c"], seconds=PATIENCE)
    assert wakes.count("etcd read") == 1


def test_more_events_than_etcd_keeps_while_it_was_away_are_read_anew(
    etcd: EtcdServer, mirror_of: Callable[..., tuple[Mirror, list[str]]]
) -> None:
    mirror, wakes = mirror_of(settings(etcd), heartbeat=0.3)
    until("the first list", lambda: len(names(mirror.snapshot())) == 2, seconds=5)
    etcd.kill()
    until("the loss noticed", lambda: "etcd lost" in wakes, seconds=5)
    etcd.port, port = free_port(), etcd.port  # where the mirror does not find it yet
    etcd.start()
    send(etcd, "DELETE", f"{HOSTS}node-a")
    for number in range(1100):
        send(etcd, "PUT", "/calico/felix/v1/host/node-b/status", str(number))
    etcd.kill()
    etcd.port = port
    etcd.start()
    until("what is there now", lambda: names(mirror.snapshot()) == ["node-b"], seconds=PATIENCE)
    assert wakes.count("etcd read") == 2


def test_a_frozen_etcd_is_noticed_and_a_thawed_one_is_read_again(
    etcd: EtcdServer, mirror_of: Callable[..., tuple[Mirror, list[str]]]
) -> None:
    mirror, wakes = mirror_of(settings(etcd), heartbeat=0.5, answer_within=1.0, stale_after=2.0)
    until("the first list", lambda: len(names(mirror.snapshot())) == 2, seconds=5)
    etcd.freeze()
    try:
        until("the silence noticed", lambda: "etcd lost" in wakes, seconds=5)
        until("the reading called stale", lambda: isinstance(mirror.snapshot(), Unreadable), seconds=8)
    finally:
        etcd.thaw()
    put_node(etcd, "node-c", "10.0.0.3")
    until("the list after the thaw", lambda: len(names(mirror.snapshot())) == 3, seconds=10)


def test_an_outage_costs_next_to_nothing(etcd: EtcdServer, mirror_of: Callable[..., tuple[Mirror, list[str]]]) -> None:
    mirror, wakes = mirror_of(settings(etcd))
    until("the first list", lambda: len(names(mirror.snapshot())) == 2, seconds=5)
    etcd.kill()
    until("the loss noticed", lambda: "etcd lost" in wakes, seconds=5)
    before, threads = time.process_time(), threading.active_count()
    time.sleep(5)
    assert time.process_time() - before < 0.1
    assert threading.active_count() <= threads


def test_a_dead_first_member_does_not_matter(
    etcd: EtcdServer, mirror_of: Callable[..., tuple[Mirror, list[str]]]
) -> None:
    both = settings(etcd, f"http://127.0.0.1:{free_port()}", etcd.url)
    assert len(names(read_datastore(both, timeout=5))) == 2
    mirror, _ = mirror_of(both)
    until("the list from the second member", lambda: len(names(mirror.snapshot())) == 2, seconds=5)


def test_tls_with_a_client_certificate_and_renewed_certificates(
    tmp_path: Path, mirror_of: Callable[..., tuple[Mirror, list[str]]]
) -> None:
    certificates = Certificates.issue(tmp_path / "certificates")
    with running_etcd(tmp_path / "etcd", certificates, "--enable-v2") as server:
        mirror, wakes = mirror_of(settings(server), heartbeat=0.3)
        until("the first list", lambda: isinstance(mirror.snapshot(), Datastore), seconds=5)
        before = connection_of(mirror)
        certificates.client.write_bytes(certificates.client.read_bytes() + b"\n")
        until("a new connection", lambda: connection_of(mirror) not in {None, before}, seconds=10)
        assert wakes.count("etcd read") == 1, "nothing was read anew"
        mirror.stop()
        others = Certificates.issue(tmp_path / "others")
        told = read_datastore(replace(settings(server), ca_file=str(others.ca)), timeout=5)
        assert reason(told).endswith(f"the server's certificate was not issued by {others.ca}")


def test_an_etcd_that_serves_no_v2_api_says_how_it_would(tmp_path: Path) -> None:
    with running_etcd(tmp_path / "etcd") as server:
        told = read_datastore(settings(server), timeout=5)
    assert reason(told).endswith("it does not serve etcd's v2 API: etcd 3.4 needs --enable-v2, etcd 3.6 has it no more")


def test_a_user_and_password(etcd: EtcdServer) -> None:
    def security(method: str, path: str, body: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", etcd.port, timeout=10)
        connection.request(method, f"/v2/auth/{path}", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        assert answer.status < 300, answer.read()
        connection.close()

    security("PUT", "users/root", '{"user": "root", "password": "secret-of-root"}')
    security("PUT", "users/agent", '{"user": "agent", "password": "secret-of-agent"}')
    reader = {"kv": {"read": ["/calico/*"], "write": []}}
    security("PUT", "roles/reader", json.dumps({"role": "reader", "permissions": reader}))
    security("PUT", "users/agent", '{"user": "agent", "grant": ["reader"]}')
    security("PUT", "enable", "")
    guest = {"role": "guest", "revoke": {"kv": {"read": ["/*"], "write": ["/*"]}}}
    connection = http.client.HTTPConnection("127.0.0.1", etcd.port, timeout=10)
    connection.request("PUT", "/v2/auth/roles/guest", json.dumps(guest), make_headers(basic_auth="root:secret-of-root"))
    assert connection.getresponse().status < 300
    right = replace(settings(etcd), username="agent", password="secret-of-agent")
    assert len(names(read_datastore(right, timeout=5))) == 2
    for wrong in (replace(right, password="wrong"), replace(right, username="")):
        told = read_datastore(wrong, timeout=5)
        assert code(told) == "denied"
        assert "secret" not in reason(told)
