"""What looks once and without an agent: it does not wait for those who hang longer than it must."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from calico_agent.config import load
from calico_agent.model.finding import ConditionType, Status
from calico_agent.runtime.oneshot import report_once


@contextmanager
def hanging(listening: socket.socket) -> Iterator[list[socket.socket]]:
    """Somebody who accepts connections and never says a word; yields whom he let in."""
    guests: list[socket.socket] = []

    def serve() -> None:
        with suppress(OSError):
            while True:
                guests.append(listening.accept()[0])

    thread = threading.Thread(target=serve)
    thread.start()
    yield guests
    listening.shutdown(socket.SHUT_RDWR)
    thread.join(5)
    for guest in guests:
        guest.close()
    assert not thread.is_alive()


def test_who_hangs_is_asked_in_the_first_look_only_and_is_not_known(tmp_path: Path) -> None:
    with (
        socket.socket(socket.AF_UNIX) as dockerd,
        socket.socket() as etcd,
    ):
        dockerd.bind(str(tmp_path / "docker.sock"))
        dockerd.listen()
        etcd.bind(("127.0.0.1", 0))
        etcd.listen()
        file = tmp_path / "agent.toml"
        file.write_text(
            f'[agent]\nstate_dir = ""\n[docker]\nurl = "unix://{tmp_path}/docker.sock"\ntimeout_seconds = 0.5\n'
            f'[datastore]\nendpoints = ["http://127.0.0.1:{etcd.getsockname()[1]}"]\ntimeout_seconds = 0.5\n'
        )
        with hanging(dockerd) as at_dockerd, hanging(etcd) as at_etcd:
            report = report_once(load(file, {}))
            # One connection for each question of one look: Docker's client asks one, etcd's a second time to say why.
            assert len(at_dockerd) == 1
            assert len(at_etcd) <= 2
    statuses = {timed.condition.type: timed.condition.status for timed in report.conditions}
    assert statuses[ConditionType.CONTAINER_RUNNING] is Status.UNKNOWN
    assert statuses[ConditionType.DATASTORE_REACHABLE] is Status.UNKNOWN
    told = {timed.problem.cause.code: timed.confirmed for timed in report.problems}
    assert told["DOCKER-UNREADABLE"]
    assert told["DS-UNREADABLE"]
    assert (report.container_known, report.routes, report.nodes) == (False, None, None)
