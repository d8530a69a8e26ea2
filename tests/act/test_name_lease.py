"""The claim on a real etcd: of many exactly one gets the name, and keeps it while its agent lives."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from calico_agent.act.name_lease import NameLeaseKeeper
from calico_agent.model.calico.node import Datastore
from calico_agent.model.name_lease import ALIVE, CLAIMS, OWNERS, ClaimName, Machine, NameOwner, claim_on
from calico_agent.model.settings import DatastoreSettings
from calico_agent.sources.datastore.backends import backend_of
from calico_agent.sources.datastore.calico.name_lease import encode_owner
from calico_agent.sources.datastore.reading import read_datastore
from tests.etcd_server import EtcdServer, free_port, jwt_option, running_etcd
from tests.patience import PATIENCE, until
from tests.sources.datastore.test_mirror import with_password

pytestmark = pytest.mark.real

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
US = Machine("a" * 32, "boot-1", ("52:54:00:00:00:01",), "host1", "10.77.0.11")
OTHER = Machine("b" * 32, "boot-2", ("52:54:00:00:00:02",), "host2", "10.77.0.12")
CLONE = replace(US, boot_id="boot-3", macs=("52:54:00:00:00:03",), address="10.77.0.13")
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


def wanted(machine: Machine = US, name: str = "host1", seen: str = "") -> ClaimName:
    return ClaimName(name, machine, NOW, seen)


def stored(etcd: EtcdServer, name: str = "host1") -> tuple[Machine | None, Machine | None]:
    """The owner and who keeps the name alive."""
    read = read_datastore(etcd.settings(), timeout=5)
    assert isinstance(read, Datastore)
    claim = claim_on(name, read.claims)
    return claim.owner.machine if claim.owner else None, claim.alive.machine if claim.alive else None


def test_a_free_name_is_claimed_with_machine_and_date(etcd: EtcdServer) -> None:
    woken: list[str] = []
    with keeper(woken.append) as ours:
        ours.want(etcd.settings(), wanted())
        until("the claim is as wanted", lambda: stored(etcd) == (US, US))
        assert ours.error() is None
    written = json.loads(etcd.ctl("get", "--print-value-only", f"{OWNERS}host1"))
    assert (written["machine_id"], written["since"]) == (US.machine_id, NOW.isoformat())


@pytest.mark.parametrize("second", [OTHER, CLONE], ids=["two machines", "two clones of one disk"])
def test_of_two_that_start_together_exactly_one_wins_twenty_times(etcd: EtcdServer, second: Machine) -> None:
    """Both have read that the name is free, and ask at the same moment."""
    winners = set()
    for number in range(20):
        name = f"round-{second.machine_id[:1]}-{number}"
        start = threading.Barrier(2)
        with keeper() as one, keeper() as two:

            def compete(rival: NameLeaseKeeper, machine: Machine, start: threading.Barrier, name: str) -> None:
                start.wait()
                rival.want(etcd.settings(), wanted(machine, name))

            threads = [
                threading.Thread(target=compete, args=(rival, machine, start, name))
                for rival, machine in ((one, US), (two, second))
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            until("the claim is as wanted", lambda one=one, two=two: (one.error() is None) != (two.error() is None))  # type: ignore[misc]
            until("the claim is as wanted", lambda name=name: stored(etcd, name)[1] is not None)  # type: ignore[misc]
            owner, alive = stored(etcd, name)
            assert owner is not None
            assert owner == alive
            loser = two if owner == US else one
            trouble = loser.error()
            assert trouble is not None
            assert trouble.code == "changed"
            winners.add(owner)
    assert winners <= {US, second}


def test_a_claim_of_somebody_else_is_never_overwritten(etcd: EtcdServer) -> None:
    with keeper() as theirs:
        theirs.want(etcd.settings(), wanted(OTHER))
        until("the claim is as wanted", lambda: stored(etcd) == (OTHER, OTHER))
    with keeper() as ours:
        ours.want(etcd.settings(), wanted())
        until("the claim is as wanted", lambda: ours.error() is not None)
        time.sleep(1.2)  # long enough for another try
    assert stored(etcd)[0] == OTHER


def test_the_sign_of_life_outlives_the_lease_and_ends_with_the_agent(etcd: EtcdServer) -> None:
    with keeper() as ours:
        ours.want(etcd.settings(), wanted())
        until("the claim is as wanted", lambda: stored(etcd) == (US, US))
        deadline = time.monotonic() + 3 * LEASE
        while time.monotonic() < deadline:
            assert stored(etcd) == (US, US)
            time.sleep(0.2)
    until("the claim is as wanted", lambda: stored(etcd) == (US, None))


def test_the_next_agent_of_the_same_machine_keeps_the_date(etcd: EtcdServer) -> None:
    with keeper() as before:
        before.want(etcd.settings(), wanted())
        until("the claim is as wanted", lambda: stored(etcd) == (US, US))
    rebooted = replace(US, boot_id="boot-9", address="10.77.0.99")
    with keeper() as after:
        after.want(etcd.settings(), wanted(rebooted, seen=encode_owner(wanted())))
        until("the claim is as wanted", lambda: stored(etcd) == (rebooted, rebooted))
    written = json.loads(etcd.ctl("get", "--print-value-only", f"{OWNERS}host1"))
    assert written["since"] == NOW.isoformat()


def test_what_was_written_is_not_written_again_when_it_is_read(etcd: EtcdServer) -> None:
    with keeper() as ours:
        ours.want(etcd.settings(), wanted())
        until("the claim is as wanted", lambda: stored(etcd) == (US, US))
        before = etcd.ctl("get", "--write-out=json", f"{ALIVE}host1")
        ours.want(etcd.settings(), wanted(seen=encode_owner(wanted())))
        time.sleep(0.5)
        after = etcd.ctl("get", "--write-out=json", f"{ALIVE}host1")
    assert json.loads(after)["kvs"] == json.loads(before)["kvs"]


def test_a_record_that_somebody_removed_is_written_again(etcd: EtcdServer) -> None:
    with keeper() as ours:
        ours.want(etcd.settings(), wanted())
        until("the claim is as wanted", lambda: stored(etcd) == (US, US))
        ours.want(etcd.settings(), wanted(seen=encode_owner(wanted())))
        etcd.ctl("del", f"{OWNERS}host1")
        time.sleep(0.2)
        ours.want(etcd.settings(), wanted())
        until("the claim is as wanted", lambda: stored(etcd) == (US, US))


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


def test_cut_off_for_longer_than_the_lease_the_name_stays_and_is_kept_again(etcd: EtcdServer) -> None:
    with keeper() as ours:
        ours.want(etcd.settings(), wanted())
        until("the claim is as wanted", lambda: stored(etcd) == (US, US))
        etcd.freeze()
        try:
            until("the claim is as wanted", lambda: ours.error() is not None)
            time.sleep(3 * LEASE)
        finally:
            etcd.thaw()
        assert stored(etcd)[0] == US
        until("the claim is as wanted", lambda: stored(etcd) == (US, US))
        until("the claim is as wanted", lambda: ours.error() is None)


def test_not_wanted_any_more_the_sign_of_life_runs_out(etcd: EtcdServer) -> None:
    with keeper() as ours:
        ours.want(etcd.settings(), wanted())
        until("the claim is as wanted", lambda: stored(etcd) == (US, US))
        ours.want(etcd.settings(), None)
        until("the claim is as wanted", lambda: stored(etcd) == (US, None))


def test_one_that_is_given_up_is_gone_unless_somebody_else_has_it_by_now(etcd: EtcdServer) -> None:
    with keeper() as ours:
        ours.want(etcd.settings(), wanted())
        until("it is claimed", lambda: stored(etcd) == (US, US))
    owner = NameOwner("host1", US, NOW, etcd.ctl("get", "--print-value-only", f"{OWNERS}host1").strip())
    settings = etcd.settings()
    backend = backend_of(settings)
    with backend.claims(backend.endpoints(settings)[0], settings, 5) as claims:
        assert not claims.release(replace(owner, text="{}"))
        assert stored(etcd)[0] == US
        assert claims.release(owner)
        assert stored(etcd) == (None, None)
        assert not claims.release(owner)


def test_it_gives_a_sign_of_life_of_its_own_also_with_nothing_to_do(etcd: EtcdServer) -> None:
    with keeper() as ours:
        assert time.monotonic() - ours.heartbeat() < 1
        ours.want(etcd.settings(), wanted())
        until("the claim is as wanted", lambda: stored(etcd) == (US, US))
        time.sleep(LEASE)
        assert time.monotonic() - ours.heartbeat() < LEASE


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
            assert wakes == []
