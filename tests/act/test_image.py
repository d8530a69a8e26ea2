"""act/image.py on a real dockerd and a real registry."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from calico_agent.act.image import ImagePuller
from calico_agent.model.container.image import Pull
from tests.docker_engine import docker_engine, frozen, kill_dockerd
from tests.lab.engine import Engine
from tests.patience import until
from tests.registry import PASSWORD, Registry, credentials, docker_registry

pytestmark = pytest.mark.real

NO_LOGINS = Path("/nowhere/config.json")


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with docker_engine(tmp_path_factory.mktemp("docker")) as engine:
        yield engine


@pytest.fixture(scope="module")
def registry(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with docker_registry(engine, tmp_path_factory.mktemp("registry")) as registry:
        yield registry


@pytest.fixture(scope="module")
def closed_registry(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Registry, str]]:
    """One that asks for a password, and what is in it."""
    directory = tmp_path_factory.mktemp("closed")
    with docker_registry(engine, directory, 5001, password=True) as registry:
        engine.docker("login", "--username=puller", f"--password={PASSWORD}", registry.address)
        reference = registry.push("calico/node:v1")
        engine.docker("logout", registry.address)
        yield registry, reference


@contextmanager
def puller(engine: Engine, logins: Path = NO_LOGINS, deadline: float = 20.0) -> Iterator[ImagePuller]:
    woken: list[str] = []
    made = ImagePuller(engine.socket, logins, woken.append, deadline=deadline)
    try:
        yield made
    finally:
        made.stop()


def ended(made: ImagePuller, seconds: float = 30.0) -> Pull:
    until("the pull ends", lambda: (pull := made.state()) is not None and not pull.goes_on, seconds=seconds)
    pull = made.state()
    assert pull is not None
    return pull


def here(engine: Engine, reference: str) -> bool:
    return engine.docker("image", "inspect", reference, check=False).returncode == 0


def pull_threads() -> int:
    return sum(thread.name == "image pull" for thread in threading.enumerate())


def test_an_image_is_fetched_while_its_progress_can_be_read(engine: Engine, registry: Registry) -> None:
    reference = registry.push("calico/node:large", megabytes=40)
    woken: list[str] = []
    made = ImagePuller(engine.socket, NO_LOGINS, woken.append)
    made.want(reference)
    seen: list[Pull] = []
    while (pull := made.state()) is not None and pull.goes_on:
        made.want(reference)  # as every pass does
        seen.append(pull)
        time.sleep(0.005)
    done = ended(made)
    assert (done.error, done.failures) == ("", 0)
    assert here(engine, reference)
    assert done.layers == done.layers_done == 2
    assert done.fetched == done.size > 40_000_000
    assert any(0 < one.fetched < one.size and one.layers_done < one.layers for one in seen), "progress in between"
    assert [one.layers_done for one in seen] == sorted(one.layers_done for one in seen)
    assert "image pull" in woken
    made.want("")
    assert made.state() == done, "what came of it is still known"


def test_an_image_is_fetched_by_its_digest(engine: Engine, registry: Registry) -> None:
    pinned = registry.digest(registry.push("calico/node:pinned"))
    assert "@sha256:" in pinned
    with puller(engine) as made:
        made.want(pinned)
        assert ended(made).error == ""
    assert here(engine, pinned)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("calico/node:none", "manifest"), ("calico/nothing:v1", "manifest"), ("Calico:v1", "lowercase")],
)
def test_what_the_registry_does_not_have_is_told_in_its_words(
    engine: Engine, registry: Registry, name: str, reason: str
) -> None:
    with puller(engine) as made:
        made.want(f"{registry.address}/{name}")
        first = ended(made)
        assert reason in first.error
        assert first.failures == 1
        made.want(f"{registry.address}/{name}")
        pull = made.state()
        assert pull is not None
        assert pull.error == first.error, "while it is tried again, the reason is still known"
        assert ended(made).failures == 2


def test_credentials_come_from_dockers_own_file(
    engine: Engine, closed_registry: tuple[Registry, str], tmp_path: Path
) -> None:
    registry, reference = closed_registry
    with puller(engine, credentials(tmp_path / "config.json", registry.address)) as made:
        made.want(reference)
        assert ended(made).error == ""
    assert here(engine, reference)
    engine.docker("rmi", reference)


@pytest.mark.parametrize("password", [None, "a wrong one"])
def test_without_the_right_password_the_registry_refuses_and_no_secret_is_told(
    engine: Engine, closed_registry: tuple[Registry, str], tmp_path: Path, password: str | None
) -> None:
    registry, reference = closed_registry
    file = tmp_path / "config.json"
    if password is not None:
        credentials(file, registry.address, password)
    with puller(engine, file) as made:
        made.want(reference)
        error = ended(made).error
    assert "no basic auth credentials" in error or "unauthorized" in error or "denied" in error
    assert "a wrong one" not in error


@pytest.mark.parametrize("content", ["{", "[]", '{"auths": 5}', '{"auths": {"127.0.0.1:5001": {"auth": "%%%"}}}'])
def test_credentials_that_are_none_are_told_without_their_content(
    engine: Engine, closed_registry: tuple[Registry, str], tmp_path: Path, content: str
) -> None:
    file = tmp_path / "config.json"
    file.write_text(content)
    with puller(engine, file) as made:
        made.want(closed_registry[1])
        assert ended(made).error == f"{file} is not a configuration file of Docker's"


def test_a_registry_that_hangs_is_given_up_when_nothing_comes_any_more(engine: Engine, registry: Registry) -> None:
    reference = registry.push("calico/node:hangs", megabytes=5)
    with registry.frozen(), puller(engine, deadline=1.0) as made:
        began = time.monotonic()
        made.want(reference)
        assert ended(made).error == "nothing came within 1 s"
        assert time.monotonic() - began < 6
    assert not here(engine, reference)


def test_a_registry_that_nobody_runs_is_told(engine: Engine) -> None:
    with puller(engine) as made:
        made.want("127.0.0.1:5999/calico/node:v1")
        assert "connection refused" in ended(made).error


def test_one_that_nobody_wants_any_more_is_given_up(engine: Engine, registry: Registry) -> None:
    reference = registry.push("calico/node:unwanted", megabytes=5)
    other = registry.push("calico/node:other")
    with puller(engine) as made:
        with registry.frozen():
            made.want(reference)
            time.sleep(0.5)
            made.want(other)
            pull = made.state()
            assert pull is not None
            assert pull.reference == other
        assert ended(made).error == ""
        deadline = time.monotonic() + 3
        while pull_threads() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert pull_threads() == 0, "its thread has ended at once"
    assert here(engine, other)


def test_a_dockerd_that_hangs_is_told(engine: Engine) -> None:
    with frozen(engine), puller(engine, deadline=0.5) as made:
        made.want("calico/node:v9")
        assert ended(made, 5).error == "nothing came within 0.5 s"


def test_a_dockerd_that_is_killed_meanwhile_is_told(tmp_path: Path) -> None:
    with docker_engine(tmp_path / "own") as engine, docker_registry(engine, tmp_path / "registry", 5002) as registry:
        reference = registry.push("calico/node:v1", megabytes=5)
        with registry.frozen(), puller(engine) as made:
            made.want(reference)
            time.sleep(0.5)
            kill_dockerd(engine)
            assert ended(made, 5).error.startswith("the connection to Docker ended")
            made.want(reference)
            assert ended(made, 5).failures == 2
