"""Labs for tests: each under a name of its own, taken down whatever happens."""

import os
from collections.abc import Iterator

import pytest

from tests.lab.lab import Lab
from tests.lab.options import Options, Pool, lab_directory


def named_lab(name: str) -> Lab:
    """A lab that no other test run uses, and not the one that a person may have up."""
    return Lab(lab_directory().with_name(f"{name}-{os.getpid()}"))


@pytest.fixture
def unbuilt() -> Iterator[Lab]:
    """A lab that the test builds."""
    with named_lab("life") as lab:
        yield lab


@pytest.fixture(scope="module")
def cluster() -> Iterator[Lab]:
    """Three hosts with calico/node and a pod each, no encapsulation, TLS; tests put back what they change."""
    with named_lab("cluster") as lab:
        _start(lab, Options())
        yield lab


@pytest.fixture(scope="module")
def overlay() -> Iterator[Lab]:
    """Three hosts, VXLAN, both families, etcd without TLS."""
    with named_lab("overlay") as lab:
        _start(lab, Options(pool=Pool.VXLAN, ipv6=True, tls=False))
        yield lab


def _start(lab: Lab, options: Options) -> None:
    lab.up(options, bare=True)
    for host in options.names:
        lab.node_start(host, {"IP": "autodetect"} if options.ipv6 else {})
    for host in options.names:
        lab.pod(host, f"pod{host.removeprefix('host')}-a")
