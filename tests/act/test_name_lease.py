"""The claim on a real etcd: of many exactly one gets the name, and keeps it while its agent lives."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from calico_agent.act.name_lease import NameLeaseKeeper
from calico_agent.model.calico.node import Datastore
from calico_agent.model.host.claimant import Machine
from calico_agent.model.name_lease import ALIVE, CLAIMS, OWNERS, claim_on
from calico_agent.model.settings import DatastoreSettings
from calico_agent.sources.datastore.calico.name_lease import encode_owner
from calico_agent.sources.datastore.reading import read_datastore
from tests.act.claim_cases import US, ClaimCases, wanted
from tests.etcd_server import EtcdServer, free_port, jwt_option, running_etcd
from tests.patience import PATIENCE, until
from tests.sources.datastore.test_mirror import with_password

pytestmark = pytest.mark.real

LEASE = 2  # etcd grants nothing shorter than its election time-out, rounded up


@pytest.fixture(scope="module")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdServer]:
    with running_etcd(tmp_path_factory.mktemp("etcd") / "member") as server:
        yield server


@pytest.fixture(autouse=True)
def empty(etcd: EtcdServer) -> None:
    etcd.ctl("del", "--prefix", "/calico-agent/")


def keeper(wake: Callable[[str], None] = lambda _: None) -> NameLeaseKeeper:
    return NameLeaseKeeper(wake, lease_seconds=LEASE)


def stored(etcd: EtcdServer, name: str = "host1") -> tuple[Machine | None, Machine | None]:
    """The owner and who keeps the name alive."""
    read = read_datastore(etcd.settings(), timeout=5)
    assert isinstance(read, Datastore)
    claim = claim_on(name, read.claims)
    return claim.owner.machine if claim.owner else None, claim.alive.machine if claim.alive else None


@dataclass
class EtcdStore:
    """An etcd, to claim names in."""

    etcd: EtcdServer
    lease_seconds = LEASE

    @property
    def settings(self) -> DatastoreSettings:
        return self.etcd.settings()

    def keeper(self, wake: Callable[[str], None] = lambda _: None) -> NameLeaseKeeper:
        return keeper(wake)

    def stored(self, name: str = "host1") -> tuple[Machine | None, Machine | None]:
        return stored(self.etcd, name)

    def text(self, name: str = "host1") -> str:
        return self.etcd.ctl("get", "--print-value-only", f"{OWNERS}{name}").strip()

    def remove(self, name: str = "host1") -> None:
        self.etcd.ctl("del", f"{OWNERS}{name}")

    def freeze(self) -> None:
        self.etcd.freeze()

    def thaw(self) -> None:
        self.etcd.thaw()


class TestClaims(ClaimCases):
    @pytest.fixture
    def store(self, etcd: EtcdServer) -> EtcdStore:
        return EtcdStore(etcd)


def test_what_was_written_is_not_written_again_when_it_is_read(etcd: EtcdServer) -> None:
    with keeper() as ours:
        ours.want(etcd.settings(), wanted())
        until("the claim is as wanted", lambda: stored(etcd) == (US, US))
        before = etcd.ctl("get", "--write-out=json", f"{ALIVE}host1")
        ours.want(etcd.settings(), wanted(seen=encode_owner(wanted())))
        time.sleep(0.5)
        after = etcd.ctl("get", "--write-out=json", f"{ALIVE}host1")
    assert json.loads(after)["kvs"] == json.loads(before)["kvs"]


def test_a_sign_of_life_that_somebody_removed_is_given_again(etcd: EtcdServer) -> None:
    seen = encode_owner(wanted())
    with keeper() as ours:
        ours.want(etcd.settings(), wanted())
        until("the claim is as wanted", lambda: stored(etcd) == (US, US))
        ours.want(etcd.settings(), replace(wanted(seen=seen), kept=True))
        etcd.ctl("del", f"{ALIVE}host1")
        time.sleep(0.2)
        ours.want(etcd.settings(), wanted(seen=seen))
        until("the claim is as wanted", lambda: stored(etcd) == (US, US))


def test_all_endpoints_are_tried(etcd: EtcdServer) -> None:
    with keeper() as ours:
        ours.want(etcd.settings(f"http://127.0.0.1:{free_port()}", etcd.url), wanted())
        until("the claim is as wanted", lambda: stored(etcd) == (US, US))


def test_an_etcd_that_is_not_there_is_told_and_stopping_takes_no_time() -> None:
    nowhere = DatastoreSettings(endpoints=(f"http://127.0.0.1:{free_port()}",))
    with keeper() as ours:
        ours.want(nowhere, wanted())
        until("the claim is as wanted", lambda: ours.error() is not None)
        trouble = ours.error()
        assert trouble is not None
        assert trouble.code == "refused"
        began = time.monotonic()
    assert time.monotonic() - began < PATIENCE


def test_a_user_without_leave_to_write_is_told_and_reads_calicos_keys_all_the_same(tmp_path: Path) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(running_etcd(tmp_path / "member"))
        for command in (
            "user add root:secret",
            "role add calico",
            "role grant-permission calico --prefix=true readwrite /calico/",
            "user add agent:word",
            "user grant-role agent calico",
            "user grant-role root root",
            "auth enable",
        ):
            server.ctl(*command.split())
        settings = replace(server.settings(), username="agent", password="word")
        ours = stack.enter_context(keeper())
        ours.want(settings, wanted())
        until("the claim is as wanted", lambda: ours.error() is not None)
        trouble = ours.error()
        assert trouble is not None
        assert trouble.code == "denied"
        read = read_datastore(settings, timeout=5)
        assert isinstance(read, Datastore)
        assert "permission denied" in read.claims_trouble
        granted = "role grant-permission calico --prefix=true readwrite /calico-agent/"
        server.ctl(*granted.split(), user="root:secret")
        until("the claim is as wanted", lambda: ours.error() is None, seconds=30)
        read = read_datastore(settings, timeout=5)
        assert isinstance(read, Datastore)
        assert not read.claims_trouble
        assert len(read.claims) == 2


def test_a_claim_outlives_the_tokens_of_its_user(tmp_path: Path) -> None:
    with running_etcd(tmp_path / "etcd", None, jwt_option(tmp_path, seconds=1)) as etcd:
        settings = with_password(etcd, write=CLAIMS)
        wakes: list[str] = []
        with keeper(wakes.append) as ours:
            ours.want(settings, wanted())
            until("the claim is as wanted", lambda: ours._held is not None)
            time.sleep(3 * LEASE)
            assert ours.error() is None
            assert wakes == ["name claim"]
