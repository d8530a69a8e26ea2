"""What the preflight needs is read beside the passes, and nobody waits for what hangs."""

import os
import threading
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from calico_agent.model.container.container import Docker
from calico_agent.model.host.sysctl import Sysctls
from calico_agent.model.preparation import Preparation
from calico_agent.model.unreadable import Unreadable
from calico_agent.sources import preparation
from calico_agent.sources.kernel.sysctl import read_sysctls
from calico_agent.sources.preparation import PreparationReader
from calico_agent.sources.preparation_subjects import SUBJECTS, Circumstances, Subject
from tests.netns import network_namespace
from tests.patience import until


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What a reader waits for; opened at the end, so that no thread is left."""
    event = threading.Event()
    yield event
    event.set()


def test_each_field_has_a_reader() -> None:
    assert [subject.name for subject in SUBJECTS] == [field.name for field in fields(Preparation)]


def test_who_looks_once_waits_for_all_and_not_for_one_that_hangs(
    gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparation, "_PATIENCE", 0.05)
    hangs = PreparationReader(print, (Subject("sysctls", lambda _: gate.wait(60)),))
    for _ in range(2):  # the second time it is not even started again
        found = hangs.read(Circumstances())
        assert found is not None
        assert isinstance(found.sysctls, Unreadable)
        assert found.sysctls.code == "timeout"
    assert sum(thread.name == "preflight sysctls" for thread in threading.enumerate()) == 1


def test_what_takes_longer_than_one_waits_is_not_read_over_and_over_and_is_used_when_it_comes(
    gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparation, "_PATIENCE", 0.05)
    begun: list[str] = []

    def slow(_: Circumstances) -> Sysctls:
        begun.append("once")
        gate.wait(60)
        return Sysctls({"came": "late"})

    reader = PreparationReader(lambda _: None, (Subject("sysctls", slow, 3600.0),))
    reader.start()
    try:
        until("nobody waits for it any more", lambda: isinstance(_sysctls(reader), Unreadable))
        gate.set()
        until("it is there", lambda: _sysctls(reader) == Sysctls({"came": "late"}))
        assert begun == ["once"]
    finally:
        reader.stop()


def _sysctls(reader: PreparationReader) -> object:
    found = reader.read(Circumstances())
    return found.sysctls if found is not None else None


def test_a_reader_with_a_fault_is_told_and_ends_nothing() -> None:
    def faulty(_: Circumstances) -> object:
        raise ValueError("what a bug")

    found = PreparationReader(print, (Subject("sysctls", faulty),)).read(Circumstances())
    assert found == Preparation(Unreadable("sysctls", "ValueError: what a bug", "bug"))


def test_without_subjects_nothing_was_read() -> None:
    assert PreparationReader(print, ()).read(Circumstances()) is None


def test_beside_the_passes_it_is_read_at_once_again_when_another_container_runs_and_else_in_time() -> None:
    woken: list[str] = []
    roots: list[Path] = []

    def read(circumstances: Circumstances) -> Sysctls:
        roots.append(circumstances.root)
        return Sysctls({"number": str(len(roots))})

    reader = PreparationReader(woken.append, (Subject("sysctls", read, 3600.0),))
    reader.start()
    try:
        until("the first reading wakes the loop", lambda: woken == ["preflight"])
        same = Circumstances()
        assert reader.read(same) == Preparation(Sysctls({"number": "1"}))
        turned = Circumstances(docker=Unreadable("Docker", "gone"), settings=None, datastore=same.datastore)
        assert reader.read(turned) is not None, "nothing has turned for the reader: Docker was not readable before"
        assert len(roots) == 1
        reader.read(Circumstances(docker=Docker()))
        until("it is read again", lambda: len(roots) == 2)
        assert woken == ["preflight"]
    finally:
        reader.stop()
    until("the thread has ended", lambda: not any(thread.name == "preflight" for thread in threading.enumerate()))


@pytest.mark.real
def test_the_settings_are_those_of_the_network_namespace_it_is_asked_in() -> None:
    with network_namespace() as host:
        host.output("sysctl", "-qw", "net.ipv4.ip_forward=0")
        assert host.run(read_sysctls).number("net.ipv4.ip_forward") == 0
        host.output("sysctl", "-qw", "net.ipv4.ip_forward=1")
        assert host.run(read_sysctls).number("net.ipv4.ip_forward") == 1


def test_a_setting_that_the_kernel_does_not_have_is_none_and_one_that_may_not_be_read_says_why(tmp_path: Path) -> None:
    folder = tmp_path / "proc/sys/net/ipv4"
    folder.mkdir(parents=True)
    os.mkfifo(folder / "ip_forward")  # nobody writes: it is not waited for
    found = read_sysctls(tmp_path)
    assert found.number("net.ipv4.ip_forward") is None
    assert found.number("net.ipv6.conf.all.forwarding") is None
