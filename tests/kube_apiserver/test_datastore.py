"""The Kubernetes API as Calico's datastore, by a real one with RBAC and the ClusterRole that we ship."""

import os
import shutil
import signal
import socket
import socketserver
import subprocess
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

import pytest

from calico_agent.config import Config
from calico_agent.config.schema import AgentSection, DockerSection
from calico_agent.model.calico.node import Datastore, EncapsulationMode
from calico_agent.model.observation import Unreadable
from calico_agent.model.settings import DatastoreSettings, KubernetesSettings
from calico_agent.runtime.collector import Collector
from calico_agent.runtime.memory import Memory
from calico_agent.runtime.pipeline import make_pass
from calico_agent.sources.datastore import replica as replica_module
from calico_agent.sources.datastore.backends import backend_of
from calico_agent.sources.datastore.kubernetes.cluster_nodes import ClusterNodeReader
from calico_agent.sources.datastore.kubernetes.kinds import V1, V3, path_of
from calico_agent.sources.datastore.mirror import Mirror
from calico_agent.sources.datastore.reading import read_datastore
from calico_agent.sources.datastore.single_reads import read_blocks, read_endpoints
from tests.checks.cluster import HEALTHY, findings_of
from tests.kube_apiserver.calico import ACCOUNT, change, empty, install, settings, write
from tests.kube_apiserver.server import KubeApiServer, running_apiserver
from tests.patience import until
from tests.places import DATA
from tests.replay.judge import assess_observation
from tests.replay.kubernetes import NOT_RECORDED, read_host, read_objects

pytestmark = [pytest.mark.real, pytest.mark.timeout(3600)]

CAPTURES = DATA / "calico-kubernetes"
BORROWED = CAPTURES / "borrowed-address"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeApiServer]:
    """One with Calico's resources."""
    with running_apiserver(tmp_path_factory.mktemp("datastore") / "api") as server:
        install(server)
        yield server


@pytest.fixture
def calico(server: KubeApiServer) -> Iterator[KubeApiServer]:
    """The same with a recorded cluster."""
    write(server, BORROWED)
    yield server
    empty(server)


def test_single_nodes_tell_how_kubernetes_finds_them(calico: KubeApiServer, tmp_path: Path) -> None:
    path = "/api/v1/nodes/host3"
    node = calico.call("GET", path)
    node["spec"] |= {"unschedulable": True, "taints": [{"key": "dedicated", "value": "db", "effect": "NoExecute"}]}
    node = calico.call("PUT", path, node)
    silent = {"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown", "message": "Kubelet stopped"}
    silent["lastTransitionTime"] = "2026-11-26T22:00:00Z"
    node["status"] = {"conditions": [silent], "addresses": [{"type": "InternalIP", "address": "10.99.0.13"}]}
    calico.call("PUT", f"{path}/status", node)
    reader = ClusterNodeReader(settings(calico, tmp_path))
    found = reader.read({"host3", "host9"})
    assert found["host9"] is None
    told = found["host3"]
    assert told is not None
    assert (told.ready, told.reason, told.since) == (None, "NodeStatusUnknown", datetime(2026, 11, 26, 22, tzinfo=UTC))
    assert (told.cordoned, "dedicated=db:NoExecute" in told.barring()) == (True, True)
    assert list(map(str, told.internal)) == ["10.99.0.13"]
    calico.call("DELETE", path)
    assert reader.read({"host3"}) == {"host3": told}  # it is kept for a while


def test_who_may_not_read_single_nodes_is_told_nothing_of_them(calico: KubeApiServer, tmp_path: Path) -> None:
    calico.account("blind")
    file = calico.kubeconfig(tmp_path / "blind.conf", {"token": calico.token("blind")})
    blind = DatastoreSettings((), kubernetes=KubernetesSettings(kubeconfig=str(file)))
    assert ClusterNodeReader(blind).read({"host1"}) == {}


@contextmanager
def tunnelling() -> Iterator[tuple[str, list[bytes]]]:
    """A proxy for one tunnel after the other; its URL, and the first line and the credential of what it was asked."""
    asked: list[bytes] = []

    class Tunnel(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            line = self.rfile.readline()
            asked.append(line.strip())
            while (header := self.rfile.readline()).strip():
                asked.extend([header.strip()] if header.lower().startswith(b"proxy-authorization") else [])
            host, _, port = line.split()[1].decode().rpartition(":")
            with socket.create_connection((host, int(port))) as there:
                self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
                back = threading.Thread(target=self.pump, args=(there, self.connection))
                back.start()
                self.pump(self.connection, there)
                back.join()

        @staticmethod
        def pump(source: socket.socket, sink: socket.socket) -> None:
            with suppress(OSError):
                while chunk := source.recv(1 << 16):
                    sink.sendall(chunk)
            with suppress(OSError):
                sink.shutdown(socket.SHUT_WR)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Tunnel) as proxy:
        thread = threading.Thread(target=proxy.serve_forever)
        thread.start()
        try:
            yield f"http://me:secret@127.0.0.1:{proxy.server_address[1]}", asked
        finally:
            proxy.shutdown()
            thread.join()


def test_the_api_is_reached_through_the_proxy_of_a_kubeconfig(calico: KubeApiServer, tmp_path: Path) -> None:
    with tunnelling() as (url, asked):
        named = {"server": f"https://localhost:{calico.port}", "proxy-url": url}
        file = calico.kubeconfig(tmp_path / "proxied.conf", {"token": calico.token(ACCOUNT)}, **named)
        found = read(DatastoreSettings((), kubernetes=KubernetesSettings(kubeconfig=str(file))))
    assert found == replace(read_objects(BORROWED), revision=1, read_at=None)
    assert asked[0].startswith(b"CONNECT localhost:%d " % calico.port)
    assert asked[1].split()[1:] == [b"Basic", b64encode(b"me:secret")]


def read(settings: DatastoreSettings) -> Datastore:
    found = read_datastore(settings, timeout=10.0)
    assert isinstance(found, Datastore), found
    return replace(found, revision=1, read_at=None)


@contextmanager
def mirrored(settings: DatastoreSettings) -> Iterator[Mirror]:
    mirror = Mirror(settings, lambda _: None, heartbeat=0.5)
    mirror.start()
    try:
        yield mirror
    finally:
        mirror.stop()


def seen(mirror: Mirror) -> Datastore:
    found = mirror.snapshot()
    return found if isinstance(found, Datastore) else Datastore()


def reason(mirror: Mirror) -> str:
    found = mirror.snapshot()
    return found.reason if isinstance(found, Unreadable) else ""


def test_a_recorded_cluster_is_read_from_a_real_api_as_it_was_recorded(calico: KubeApiServer, tmp_path: Path) -> None:
    found = read(settings(calico, tmp_path))
    recorded = read_objects(BORROWED)
    assert found == replace(recorded, revision=1, read_at=None)
    for host in ("host1", "host2", "host3"):
        problems = assess_observation(read_host(BORROWED, host, found)).problems
        assert {one.cause.code for one in problems} <= NOT_RECORDED


def test_the_mirror_follows_every_kind(calico: KubeApiServer, tmp_path: Path) -> None:
    with mirrored(settings(calico, tmp_path)) as mirror:
        until("the first list is there", lambda: len(seen(mirror).nodes) == 3, lambda: reason(mirror))
        change(calico, "ippools", "default-ipv4-ippool", spec={"vxlanMode": "Always"})
        always = [EncapsulationMode.ALWAYS]
        until("the pool is seen", lambda: [one.vxlan for one in seen(mirror).pools] == always, lambda: reason(mirror))
        calico.call("DELETE", f"{path_of(V1, 'ipamblocks/')}/192-168-55-64-26")
        until("a block is gone", lambda: len(seen(mirror).blocks) == 2)
        annotations = {"projectcalico.org/IPv4Address": "172.17.0.1/16"}
        change(calico, "nodes", "host3", metadata={"annotations": annotations})
        moved = "172.17.0.1/16"
        until("an address is seen", lambda: moved in {str(one.ipv4) for one in seen(mirror).nodes})
        calico.call("POST", path_of(V1, "bgppeers/"), resource("BGPPeer", "tor", peerIP="10.99.0.1", asNumber=64999))
        until("a peer is seen", lambda: seen(mirror).bgp.peers == ("tor",))


def resource(kind: str, name: str, **spec: object) -> object:
    return {"apiVersion": f"{V1}/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


@pytest.mark.parametrize(("resource", "verb"), [("blockaffinities", "list"), ("ipamblocks", "watch")])
def test_a_right_that_is_missing_is_named(calico: KubeApiServer, tmp_path: Path, resource: str, verb: str) -> None:
    account = f"without-{verb}-{resource}"
    user = calico.account(account)
    role = calico.call("GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles/calico-agent")
    rules = []
    for rule in role["rules"]:
        others = [one for one in rule["resources"] if one != resource]
        less = [one for one in rule["verbs"] if one != verb]
        rules += [{**rule, "resources": others}] if others else []
        rules += [{**rule, "resources": [resource], "verbs": less}] if resource in rule["resources"] and less else []
    calico.grant(user, account, *rules)
    given = settings(calico, tmp_path, calico.token(account))
    with mirrored(given) as mirror:
        until("it is told", lambda: "(403)" in reason(mirror), lambda: str(mirror.snapshot()))
        told = reason(mirror)
    assert f'User "{user}" cannot {verb} resource "{resource}" in API group "{V1}"' in told
    found = mirror.snapshot()
    assert isinstance(found, Unreadable)
    assert (found.source, found.code) == ("the Kubernetes API", "denied")
    told_of = {one.code: one for one in findings_of(replace(HEALTHY, datastore=found, datastore_settings=given))}
    assert f"cannot {verb} resource" in told_of["DS-UNREADABLE"].what
    assert "kubectl apply -f cluster-role.yaml" in told_of["DS-UNREADABLE"].cure


def test_a_token_that_is_replaced_is_taken_without_a_break(calico: KubeApiServer, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("somebody-elses")
    path = calico.kubeconfig(tmp_path / "kubeconfig", {"tokenFile": "token"})
    given = settings(calico, tmp_path / "other")
    assert given.kubernetes is not None
    given = replace(given, kubernetes=replace(given.kubernetes, kubeconfig=str(path)))
    with mirrored(given) as mirror:
        until("the refusal is told", lambda: "(401)" in reason(mirror), lambda: str(mirror.snapshot()))
        token.write_text(calico.token(ACCOUNT))
        until("the new one is used", lambda: len(seen(mirror).nodes) == 3, lambda: reason(mirror))


def test_a_server_that_freezes_and_one_that_is_gone_are_told_and_come_back(
    calico: KubeApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replica_module, "_PATIENCE_SECONDS", 0.2)
    given = replace(settings(calico, tmp_path), timeout=1.0)
    with mirrored(given) as mirror:
        until("the first list is there", lambda: len(seen(mirror).nodes) == 3, lambda: reason(mirror))
        assert calico.process is not None
        os.kill(calico.process.pid, signal.SIGSTOP)
        until("silence is told", lambda: "no answer within 1 s" in reason(mirror), lambda: str(mirror.snapshot()))
        os.kill(calico.process.pid, signal.SIGCONT)
        until("it is back", lambda: len(seen(mirror).nodes) == 3, lambda: reason(mirror))
        calico.stop()
        until("its end is told", lambda: "refused" in reason(mirror), lambda: str(mirror.snapshot()))
        calico.start()
        change(calico, "ippools", "default-ipv4-ippool", spec={"vxlanMode": "Always"})
        until(
            "what changed meanwhile is seen",
            lambda: len(found := seen(mirror).pools) == 1 and found[0].vxlan is EncapsulationMode.ALWAYS,
            lambda: reason(mirror),
        )


def test_of_a_large_cluster_blocks_are_read_one_by_one(calico: KubeApiServer, tmp_path: Path) -> None:
    for number in range(50):
        calico.call("POST", "/api/v1/nodes", {"metadata": {"name": f"more-{number}"}})
    given = settings(calico, tmp_path)
    backend = backend_of(given)
    found = read_datastore(given, timeout=10.0, backend=backend)
    assert isinstance(found, Datastore), found
    assert not backend.follows_blocks
    assert len(found.nodes) == 53
    recorded = read_objects(BORROWED)
    owners = {block.cidr: block.owner for block in recorded.blocks}
    assert {block.cidr: block.owner for block in found.blocks} == owners
    assert not any(block.borrowed for block in found.blocks)
    wanted = [ip_network("192.168.119.0/26"), ip_network("10.0.0.0/26")]
    assert read_blocks(backend, given, wanted) == (recorded.blocks[0],)
    mirror = Mirror(given, lambda _: None, heartbeat=0.5, backend=backend_of(given))
    mirror.start()
    try:
        until("the first list is there", lambda: len(seen(mirror).nodes) == 53, lambda: reason(mirror))
        calico.call("DELETE", f"{path_of(V1, 'blockaffinities/')}/host3-192-168-55-64-26")
        until("a claim that is gone takes its block along", lambda: len(seen(mirror).blocks) == 2)
    finally:
        mirror.stop()


def test_pods_of_a_node_are_found(calico: KubeApiServer, tmp_path: Path) -> None:
    given = settings(calico, tmp_path)
    spec = {"nodeName": "host1", "containers": [{"name": "c", "image": "i"}]}
    path = "/api/v1/namespaces/default/pods"
    annotations = {"cni.projectcalico.org/podIP": "192.168.119.2/32"}
    calico.call("POST", path, {"metadata": {"name": "pod1-a", "annotations": annotations}, "spec": spec})
    calico.call("POST", path, {"metadata": {"name": "other"}, "spec": {**spec, "nodeName": "host2"}})
    found = read_endpoints(given, frozenset({"host1"}), frozenset(), timeout=5.0)
    assert not isinstance(found, Unreadable), found
    assert [(one.pod, one.link, str(one.addresses[0])) for one in found.records] == [
        ("default/pod1-a", "cali5a5341f297a", "192.168.119.2")
    ]


# As in a container: the account's folder is in a /run of its own, to which /var/run leads.
IN_A_POD = """
mount -t tmpfs none /run
mkdir -p /run/secrets/kubernetes.io
cp -r {account} /run/secrets/kubernetes.io/serviceaccount
exec {program} -e '$| = 1; print "\\n"; <STDIN>;' -- -felix
"""


def test_the_datastore_of_a_calico_node_that_no_docker_knows_is_found(calico: KubeApiServer, tmp_path: Path) -> None:
    """As under containerd: by its process, with the account of its pod."""
    account, program = tmp_path / "account", tmp_path / "calico-node"
    account.mkdir()
    (account / "token").write_text(calico.token(ACCOUNT))
    (account / "ca.crt").write_bytes(calico.ca)
    shutil.copy("/usr/bin/perl", program)
    told = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(calico.port), "NODENAME": "host1"}
    script = IN_A_POD.format(account=account, program=program)
    config = Config(
        agent=AgentSection(state_dir=str(tmp_path / "state")),
        docker=DockerSection(url=f"unix://{tmp_path}/no-docker.sock"),
    )
    command = ["unshare", "--mount", "sh", "-c", script]
    environment = {**os.environ, **told}
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"\n"
        sources = Collector(config, lambda _: None, one_shot=True, preflight=False)
        try:
            made = make_pass(sources, config, Memory(), datetime.now(UTC))
        finally:
            sources.close()
            process.kill()
    assert made.report.datastore_origin == f"process {process.pid} (calico-node)"
    assert made.report.nodes == 3
    assert made.evaluation.observation.datastore_trouble is None


def test_a_cluster_whose_resources_are_in_the_group_of_v3(tmp_path: Path) -> None:
    with running_apiserver(tmp_path / "api") as server:
        given = None
        install(server, V3)
        write(server, CAPTURES / "v3-crds", V3)
        given = settings(server, tmp_path)
        assert read(given) == replace(read_objects(CAPTURES / "v3-crds"), revision=1, read_at=None)


def test_an_api_without_calico_is_told(tmp_path: Path) -> None:
    with running_apiserver(tmp_path / "api") as server:
        server.account(ACCOUNT)
        found = read_datastore(settings(server, tmp_path), timeout=5.0)
    assert isinstance(found, Unreadable)
    assert "the API has no resources of Calico" in found.reason
