"""One kube-apiserver for all tests of a process."""

from collections.abc import Iterator

import pytest

from tests.kube_apiserver.server import KubeApiServer, running_apiserver


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeApiServer]:
    with running_apiserver(tmp_path_factory.mktemp("kube-apiserver")) as server:
        yield server
