"""A fresh Debian 12 without a network: with the package, from a checkout, from a wheelhouse, and in a container."""

from collections.abc import Iterator

import pytest

from tests.packages import elsewhere, life
from tests.packages.host import Host

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Host, str, str]]:
    with life.fresh_host("12", tmp_path_factory.mktemp("host")) as all_of_it:
        yield all_of_it


def test_the_life_of_a_package(fresh: tuple[Host, str, str]) -> None:
    host, older, newer = fresh
    guide = life.install(host, older, "alice")
    life.reach(host)
    life.change(host, older, newer)
    life.is_told_in(guide)


def test_without_the_package(fresh: tuple[Host, str, str]) -> None:
    host, _, _ = fresh
    host.run("apt-get purge --yes calico-agent", check=False)  # fails where the test before has gone well
    guide = elsewhere.prepare(host)
    elsewhere.from_a_checkout(host, guide)
    elsewhere.without_a_network(host, guide)
    elsewhere.in_a_container(host, guide)
    life.is_told_in(guide)
