"""The package on Debian 13: installed, upgraded, rolled back, removed and purged without a network."""

import pytest

from tests.packages import life

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]


def test_the_life_of_a_package(tmp_path_factory: pytest.TempPathFactory) -> None:
    with life.fresh_host("13", tmp_path_factory.mktemp("host")) as (host, older, newer):
        guide = life.install(host, older, "alice")
        life.change(host, older, newer)
        life.is_told_in(guide)
