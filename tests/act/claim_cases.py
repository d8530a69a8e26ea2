"""What holds of a claim in each datastore: of many exactly one gets the name, and keeps it while its agent lives."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

import pytest

from calico_agent.act.name_lease import NameLeaseKeeper
from calico_agent.model.host.claimant import Machine
from calico_agent.model.name_lease import ClaimName, NameOwner
from calico_agent.model.settings import DatastoreSettings
from calico_agent.sources.datastore.backends import backend_of
from calico_agent.sources.datastore.calico.name_lease import encode_owner
from tests.patience import until

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
US = Machine("a" * 32, "boot-1", ("52:54:00:00:00:01",), "host1", "10.77.0.11")
OTHER = Machine("b" * 32, "boot-2", ("52:54:00:00:00:02",), "host2", "10.77.0.12")
CLONE = replace(US, boot_id="boot-3", macs=("52:54:00:00:00:03",), address="10.77.0.13")


class ClaimStore(Protocol):
    """A real datastore, to claim names in."""

    @property
    def settings(self) -> DatastoreSettings: ...

    @property
    def lease_seconds(self) -> int: ...

    def keeper(self, wake: Callable[[str], None] = ...) -> NameLeaseKeeper: ...

    def stored(self, name: str = ...) -> tuple[Machine | None, Machine | None]:
        """The owner and who keeps the name alive."""

    def text(self, name: str = ...) -> str:
        """The owner's record as it is written."""

    def remove(self, name: str = ...) -> None:
        """Somebody removes the owner's record."""

    def freeze(self) -> None: ...

    def thaw(self) -> None: ...


def wanted(machine: Machine = US, name: str = "host1", seen: str = "") -> ClaimName:
    return ClaimName(name, machine, NOW, seen)


class ClaimCases:
    """The tests; a subclass has the fixture `store`."""

    def test_a_free_name_is_claimed_with_machine_and_date(self, store: ClaimStore) -> None:
        woken: list[str] = []
        with store.keeper(woken.append) as ours:
            ours.want(store.settings, wanted())
            until("the claim is as wanted", lambda: store.stored() == (US, US))
            assert ours.error() is None
        written = json.loads(store.text())
        assert (written["machine_id"], written["since"]) == (US.machine_id, NOW.isoformat())

    @pytest.mark.parametrize("second", [OTHER, CLONE], ids=["two machines", "two clones of one disk"])
    def test_of_two_that_start_together_exactly_one_wins_twenty_times(self, store: ClaimStore, second: Machine) -> None:
        """Both have read that the name is free, and ask at the same moment."""
        winners = set()
        for number in range(20):
            name = f"round-{second.machine_id[:1]}-{number}"
            start = threading.Barrier(2)
            with store.keeper() as one, store.keeper() as two:

                def compete(rival: NameLeaseKeeper, machine: Machine, start: threading.Barrier, name: str) -> None:
                    start.wait()
                    rival.want(store.settings, wanted(machine, name))

                threads = [
                    threading.Thread(target=compete, args=(rival, machine, start, name))
                    for rival, machine in ((one, US), (two, second))
                ]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                until("the claim is as wanted", lambda one=one, two=two: (one.error() is None) != (two.error() is None))  # type: ignore[misc]
                until("the claim is as wanted", lambda name=name: store.stored(name)[1] is not None)  # type: ignore[misc]
                owner, alive = store.stored(name)
                assert owner is not None
                assert owner == alive
                loser = two if owner == US else one
                trouble = loser.error()
                assert trouble is not None
                assert trouble.code == "changed"
                winners.add(owner)
        assert winners <= {US, second}

    def test_a_claim_of_somebody_else_is_never_overwritten(self, store: ClaimStore) -> None:
        with store.keeper() as theirs:
            theirs.want(store.settings, wanted(OTHER))
            until("the claim is as wanted", lambda: store.stored() == (OTHER, OTHER))
        with store.keeper() as ours:
            ours.want(store.settings, wanted())
            until("the claim is as wanted", lambda: ours.error() is not None)
            time.sleep(1.2)  # long enough for another try
        assert store.stored()[0] == OTHER

    def test_the_sign_of_life_outlives_the_lease_and_ends_with_the_agent(self, store: ClaimStore) -> None:
        with store.keeper() as ours:
            ours.want(store.settings, wanted())
            until("the claim is as wanted", lambda: store.stored() == (US, US))
            deadline = time.monotonic() + 3 * store.lease_seconds
            while time.monotonic() < deadline:
                assert store.stored() == (US, US)
                time.sleep(0.2)
        until("the claim is as wanted", lambda: store.stored() == (US, None))

    def test_the_next_agent_of_the_same_machine_keeps_the_date(self, store: ClaimStore) -> None:
        with store.keeper() as before:
            before.want(store.settings, wanted())
            until("the claim is as wanted", lambda: store.stored() == (US, US))
        rebooted = replace(US, boot_id="boot-9", address="10.77.0.99")
        with store.keeper() as after:
            after.want(store.settings, wanted(rebooted, seen=encode_owner(wanted())))
            until("the claim is as wanted", lambda: store.stored() == (rebooted, rebooted))
        written = json.loads(store.text())
        assert written["since"] == NOW.isoformat()

    def test_a_record_that_somebody_removed_is_written_again(self, store: ClaimStore) -> None:
        with store.keeper() as ours:
            ours.want(store.settings, wanted())
            until("the claim is as wanted", lambda: store.stored() == (US, US))
            ours.want(store.settings, wanted(seen=encode_owner(wanted())))
            store.remove()
            time.sleep(0.2)
            ours.want(store.settings, wanted())
            until("the claim is as wanted", lambda: store.stored() == (US, US))

    def test_cut_off_for_longer_than_the_lease_the_name_stays_and_is_kept_again(self, store: ClaimStore) -> None:
        with store.keeper() as ours:
            ours.want(store.settings, wanted())
            until("the claim is as wanted", lambda: store.stored() == (US, US))
            store.freeze()
            try:
                until("the claim is as wanted", lambda: ours.error() is not None)
                time.sleep(3 * store.lease_seconds)
            finally:
                store.thaw()
            assert store.stored()[0] == US
            until("the claim is as wanted", lambda: store.stored() == (US, US))
            until("the claim is as wanted", lambda: ours.error() is None)

    def test_not_wanted_any_more_the_sign_of_life_runs_out(self, store: ClaimStore) -> None:
        with store.keeper() as ours:
            ours.want(store.settings, wanted())
            until("the claim is as wanted", lambda: store.stored() == (US, US))
            ours.want(store.settings, None)
            until("the claim is as wanted", lambda: store.stored() == (US, None))

    def test_one_that_is_given_up_is_gone_unless_somebody_else_has_it_by_now(self, store: ClaimStore) -> None:
        with store.keeper() as ours:
            ours.want(store.settings, wanted())
            until("it is claimed", lambda: store.stored() == (US, US))
        owner = NameOwner("host1", US, NOW, store.text())
        settings = store.settings
        backend = backend_of(settings)
        with backend.claims(backend.endpoints(settings)[0], settings, 5) as claims:
            assert not claims.release(replace(owner, text="{}"))
            assert store.stored()[0] == US
            assert claims.release(owner)
            assert store.stored() == (None, None)
            assert not claims.release(owner)

    def test_it_gives_a_sign_of_life_of_its_own_also_with_nothing_to_do(self, store: ClaimStore) -> None:
        with store.keeper() as ours:
            assert time.monotonic() - ours.heartbeat() < 1
            ours.want(store.settings, wanted())
            until("the claim is as wanted", lambda: store.stored() == (US, US))
            time.sleep(store.lease_seconds)
            assert time.monotonic() - ours.heartbeat() < store.lease_seconds
