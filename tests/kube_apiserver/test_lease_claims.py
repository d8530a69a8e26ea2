"""The claim on a node name as a Lease of a real API with RBAC and the roles that we ship."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from calico_agent.act.name_lease import NameLeaseKeeper
from calico_agent.model.host.claimant import Machine
from calico_agent.model.name_lease import ClaimName, LeaseStatus, NameLease, claim_on
from calico_agent.model.settings import DatastoreSettings
from calico_agent.sources.datastore.backend import Holders
from calico_agent.sources.datastore.backends import backend_of
from calico_agent.sources.datastore.calico.name_lease import encode_owner
from calico_agent.sources.datastore.kubernetes.leases.lease import LEASES, NAMESPACE
from calico_agent.sources.datastore.kubernetes.leases.name_holders import NameHolders
from calico_agent.sources.datastore.server.error import DatastoreError
from tests.act.claim_cases import OTHER, US, ClaimCases, wanted
from tests.etcd_server import free_port
from tests.kube_apiserver.calico import ACCOUNT, apply, settings
from tests.kube_apiserver.server import KubeApiServer
from tests.patience import until
from tests.places import REPOSITORY

pytestmark = [pytest.mark.real, pytest.mark.timeout(3600)]

LEASE = 3  # s
OUR_LEASES = {"group": "coordination.k8s.io", "resource": "leases", "namespace": NAMESPACE}
THIRD = Machine("c" * 32, "boot-5", ("52:54:00:00:00:05",), "host5", "10.77.0.15")


@pytest.fixture(scope="module")
def claims_api(api: KubeApiServer) -> KubeApiServer:
    """The one of all tests, with our account and its roles."""
    for name in ("cluster-role.yaml", "supervise.yaml"):
        apply(api, name)
    asked = {"spec": {"user": user(ACCOUNT), "resourceAttributes": {**OUR_LEASES, "verb": "delete"}}}
    review = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    until("the role is in force", lambda: bool(api.call("POST", review, asked)["status"]["allowed"]))
    return api


def user(account: str) -> str:
    return f"system:serviceaccount:kube-system:{account}"


@dataclass
class LeaseStore:
    """The Kubernetes API, to claim names in."""

    api: KubeApiServer
    settings: DatastoreSettings
    holders: NameHolders
    lease_seconds = LEASE

    def keeper(self, wake: Callable[[str], None] = lambda _: None) -> NameLeaseKeeper:
        return NameLeaseKeeper(wake, lease_seconds=LEASE)

    def claim(self, name: str = "host1") -> NameLease:
        """By an answer of now: asked by this thread, and not by one of its own."""
        self.holders._asked[name] = time.monotonic()
        self.holders._ask()
        found = self.holders.of(frozenset({name}), 0.0)
        assert found.trouble is None, found
        return claim_on(name, found.claims)

    def stored(self, name: str = "host1") -> tuple[Machine | None, Machine | None]:
        found = self.claim(name)
        return found.owner.machine if found.owner else None, found.alive.machine if found.alive else None

    def text(self, name: str = "host1") -> str:
        return str(self.whole(name)["metadata"]["annotations"]["calico-agent.github.io/owner"])

    def whole(self, name: str = "host1") -> Any:
        return self.api.call("GET", f"{LEASES}/{name}")

    def remove(self, name: str = "host1") -> None:
        self.api.call("DELETE", f"{LEASES}/{name}")

    def freeze(self) -> None:
        assert self.api.process is not None
        os.kill(self.api.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.api.process is not None
        os.kill(self.api.process.pid, signal.SIGCONT)


@pytest.fixture
def store(claims_api: KubeApiServer, tmp_path: Path) -> Iterator[LeaseStore]:
    claims_api.call("DELETE", LEASES)
    given = settings(claims_api, tmp_path)
    assert given.kubernetes is not None
    holders = NameHolders(given.kubernetes, given.timeout, lambda _: None)
    yield LeaseStore(claims_api, given, holders)
    holders.stop()


class TestLeases(ClaimCases):
    pass


def over(store: LeaseStore, name: str = "host1") -> NameLease:
    """A claim of another machine, which is silent since its time is over, and whose node is deleted."""
    with store.keeper() as theirs:
        theirs.want(store.settings, wanted(OTHER, name))
        until("it is claimed", lambda: store.stored(name) == (OTHER, OTHER))
    until("its sign of life is over", lambda: store.stored(name) == (OTHER, None))
    found = store.claim(name)
    assert found.standing(US, frozenset(), frozenset()) is LeaseStatus.FREE
    return found


def taking_over(found: NameLease, machine: Machine, name: str = "host1") -> ClaimName:
    assert found.owner is not None
    return replace(wanted(machine, name, found.owner.text), version=found.owner.version)


def test_of_two_that_take_over_a_silent_name_exactly_one_gets_it(store: LeaseStore) -> None:
    found = over(store)
    start = threading.Barrier(2)
    with store.keeper() as one, store.keeper() as two:

        def compete(rival: NameLeaseKeeper, machine: Machine) -> None:
            start.wait()
            rival.want(store.settings, taking_over(found, machine))

        threads = [threading.Thread(target=compete, args=pair) for pair in ((one, US), (two, THIRD))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        until("one is told", lambda: (one.error() is None) != (two.error() is None))
        until("one has it", lambda: store.stored() in {(US, US), (THIRD, THIRD)})
        winner, _ = store.stored()
        assert (one if winner == US else two).error() is None
    assert store.whole()["spec"]["leaseTransitions"] == 1


def test_a_sign_of_life_in_the_last_moment_keeps_the_name(store: LeaseStore) -> None:
    found = over(store)
    with store.keeper() as theirs, store.keeper() as ours:
        theirs.want(store.settings, wanted(OTHER, seen=encode_owner(wanted(OTHER))))
        until("it is back", lambda: store.stored() == (OTHER, OTHER))
        ours.want(store.settings, taking_over(found, US))
        until("that is told", lambda: ours.error() is not None)
        assert store.stored() == (OTHER, OTHER)
        assert theirs.error() is None


HOLDER = """
import sys, time
from calico_agent.act.name_lease import NameLeaseKeeper
from calico_agent.model.settings import DatastoreSettings, KubernetesSettings
from tests.act.claim_cases import OTHER, wanted
keeper = NameLeaseKeeper(lambda _: None, lease_seconds=int(sys.argv[2]))
keeper.want(DatastoreSettings((), kubernetes=KubernetesSettings(kubeconfig=sys.argv[1])), wanted(OTHER))
time.sleep(600)
"""


def test_a_holder_that_is_killed_keeps_the_name_while_its_node_is_there(store: LeaseStore) -> None:
    assert store.settings.kubernetes is not None
    command = [sys.executable, "-c", HOLDER, store.settings.kubernetes.kubeconfig, str(LEASE)]
    with subprocess.Popen(command, cwd=REPOSITORY) as holder:
        try:
            until("it is claimed", lambda: store.stored() == (OTHER, OTHER))
        finally:
            holder.kill()
    registered = frozenset({ip_address(OTHER.address)})
    until("its sign of life is over", lambda: store.stored() == (OTHER, None))
    found = store.claim()
    assert found.standing(US, registered, frozenset({ip_address(US.address)})) is LeaseStatus.HELD
    assert found.standing(US, frozenset(), frozenset({ip_address(US.address)})) is LeaseStatus.FREE
    with store.keeper() as ours:
        ours.want(store.settings, taking_over(found, US))
        until("it is ours when that node is deleted", lambda: store.stored() == (US, US))


def test_no_clock_is_believed(store: LeaseStore) -> None:
    """The holder's may be years behind or ahead: what counts is whether its sign of life is another one."""
    with store.keeper() as theirs:
        theirs.want(store.settings, wanted(OTHER))
        until("it is claimed", lambda: store.stored() == (OTHER, OTHER))
    whole = store.whole()
    for year in (1970, 2099, 1971):
        renewed = {**whole["spec"], "renewTime": f"{year}-01-01T00:00:00.000000Z"}
        whole = store.api.call("PUT", f"{LEASES}/host1", {**whole, "spec": renewed})
        assert store.stored() == (OTHER, OTHER)
        time.sleep(LEASE / 2)
        assert store.stored() == (OTHER, OTHER)
    until("without another sign of life it is over", lambda: store.stored() == (OTHER, None))


def test_who_writes_into_our_lease_takes_nothing_away(store: LeaseStore) -> None:
    """As `kubectl label lease` does: the next sign of life meets another state of the object (409)."""
    with store.keeper() as ours:
        ours.want(store.settings, wanted())
        until("it is claimed", lambda: store.stored() == (US, US))
        whole = store.whole()
        labelled = {**whole, "metadata": {**whole["metadata"], "labels": {"rack": "7"}}}
        store.api.call("PUT", f"{LEASES}/host1", labelled)
        before = whole["spec"]["renewTime"]
        until("the next sign of life is given", lambda: store.whole()["spec"]["renewTime"] > before)
        assert store.whole()["metadata"]["labels"] == {"rack": "7"}
        assert ours.error() is None


def test_a_token_that_is_replaced_is_taken(store: LeaseStore, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("somebody-elses")
    path = store.api.kubeconfig(tmp_path / "by-file", {"tokenFile": "token"})
    assert store.settings.kubernetes is not None
    given = replace(store.settings, kubernetes=replace(store.settings.kubernetes, kubeconfig=str(path)))
    with store.keeper() as ours:
        ours.want(given, wanted())
        until("the refusal is told", lambda: ours.error() is not None)
        trouble = ours.error()
        assert trouble is not None
        assert trouble.code == "unauthorized"
        token.write_text(store.api.token(ACCOUNT))
        until("it is claimed", lambda: store.stored() == (US, US))
        token.write_text(store.api.token(ACCOUNT))
        before = store.whole()["spec"]["renewTime"]
        until("the next one is used, too", lambda: store.whole()["spec"]["renewTime"] > before)
        assert ours.error() is None


def test_an_api_that_is_not_there_is_told(store: LeaseStore, tmp_path: Path) -> None:
    nowhere = store.api.kubeconfig(tmp_path / "nowhere", {"token": "t"}, server=f"https://127.0.0.1:{free_port()}")
    assert store.settings.kubernetes is not None
    kubernetes = replace(store.settings.kubernetes, kubeconfig=str(nowhere))
    holders = NameHolders(kubernetes, 1.0, lambda _: None)
    with store.keeper() as ours:
        ours.want(replace(store.settings, kubernetes=kubernetes), wanted())
        until("it is told", lambda: ours.error() is not None)
        trouble = ours.error()
        assert trouble is not None
        assert (trouble.source, trouble.code) == ("the Kubernetes API", "refused")
    try:
        told = holders.of(frozenset({"host1"}), 20.0).trouble
        assert told is not None
        assert told.code == "refused"
    finally:
        holders.stop()


def limited(store: LeaseStore, folder: Path, *verbs: str) -> DatastoreSettings:
    """The settings of an account that may read Nodes, and do this with Leases."""
    account = f"only-{'-'.join(verbs) or 'nothing'}"
    name = store.api.account(account)
    rules = [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]}]
    leases = {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": list(verbs)}
    store.api.grant(name, account, *([leases] if verbs else []), *rules)
    return settings(store.api, folder / account, store.api.token(account))


def asked(given: DatastoreSettings) -> Holders:
    assert given.kubernetes is not None
    holders = NameHolders(given.kubernetes, given.timeout, lambda _: None)
    try:
        return holders.of(frozenset({"host1"}), 20.0)
    finally:
        holders.stop()


@pytest.mark.parametrize(
    ("verbs", "missing"),
    [((), "get"), (("get",), "create"), (("get", "create"), "update"), (("get", "create", "update"), "delete")],
)
def test_a_right_that_is_missing_is_named(
    store: LeaseStore, tmp_path: Path, verbs: tuple[str, ...], missing: str
) -> None:
    given = limited(store, tmp_path, *verbs)
    with store.keeper() as ours:
        ours.want(given, wanted())
        if missing == "delete":
            until("it is claimed", lambda: store.stored() == (US, US))
            found = store.claim().owner
            assert found is not None
            backend = backend_of(given)
            with (
                pytest.raises(DatastoreError) as refused,
                backend.claims(backend.endpoints(given)[0], given, 5) as claims,
            ):
                claims.release(found)
            told = refused.value.reason
        else:
            until("it is told", lambda: (one := ours.error()) is not None and one.code == "denied")
            trouble = ours.error()
            assert trouble is not None
            told = trouble.reason
    assert f'cannot {missing} resource "leases" in API group "coordination.k8s.io"' in told
    seen = asked(given)
    assert seen.trouble is None
    assert (missing == "get") == ('cannot get resource "leases"' in seen.refused)


def test_without_the_namespace_it_is_said_what_makes_it(store: LeaseStore, monkeypatch: pytest.MonkeyPatch) -> None:
    from calico_agent.sources.datastore.kubernetes.leases import lease_claims  # noqa: PLC0415

    monkeypatch.setattr(lease_claims, "LEASES", LEASES.replace(NAMESPACE, "absent"))
    given = limited(store, Path(store.settings.kubernetes.kubeconfig).parent, "get", "create", "update", "delete")  # type: ignore[union-attr]
    backend = backend_of(given)
    with (
        pytest.raises(DatastoreError, match="no namespace calico-agent for its Lease: kubectl apply -f") as refused,
        backend.claims(backend.endpoints(given)[0], given, 5) as claims,
    ):
        claims.claim(wanted(), 60)
    assert refused.value.code == "denied"


NODE_INFO = {"machineID": "a" * 32, "systemUUID": "0F0F", "bootID": "boot-1"}
REST = ("kernelVersion", "osImage", "containerRuntimeVersion", "kubeletVersion", "kubeProxyVersion")


def test_what_the_kubelet_says_of_its_machine_is_read(store: LeaseStore) -> None:
    addresses = [{"type": "InternalIP", "address": "10.77.0.11"}, {"type": "Hostname", "address": "host1"}]
    info = {**NODE_INFO, **dict.fromkeys((*REST, "operatingSystem", "architecture"), "x")}
    store.api.call("POST", "/api/v1/nodes", {"metadata": {"name": "host1"}})
    try:
        node = store.api.call("GET", "/api/v1/nodes/host1")
        node["status"] = {"nodeInfo": info, "addresses": addresses}
        store.api.call("PUT", "/api/v1/nodes/host1/status", node)
        until("it is seen", lambda: (one := store.claim().kubelet) is not None and bool(one.addresses))
        found = store.claim()
        assert found.kubelet is not None
        assert found.kubelet.machine == Machine("a" * 32, "boot-1", hostname="host1", address="10.77.0.11")
        assert found.kubelet.machine.system_uuid == "0F0F"
        clone = replace(US, boot_id="boot-3", system_uuid="1E1E")
        assert found.standing(clone, frozenset(), frozenset()) is LeaseStatus.CLONED
        assert found.standing(OTHER, frozenset(), frozenset()) is LeaseStatus.HELD
        assert found.standing(US, frozenset(), frozenset()) is LeaseStatus.FREE
    finally:
        store.api.call("DELETE", "/api/v1/nodes/host1")
