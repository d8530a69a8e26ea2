"""The checks of the kernel's side on real namespaces: what is broken there is found, and what is well is not."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from calico_agent.checks.preflight.checklist import checks_of
from calico_agent.model.calico.node import EncapsulationMode
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.observation import Observation
from calico_agent.model.preflight import Verdict
from calico_agent.model.preparation import Preparation
from calico_agent.sources.kernel.kernel_modules import read_modules
from calico_agent.sources.kernel.listening_sockets import ListenerReader
from calico_agent.sources.kernel.reader import KernelReader
from calico_agent.sources.kernel.sysctl import read_sysctls
from tests.checks.cluster import POOL, contained, stored
from tests.checks.preflight.case import view
from tests.netns import NetworkNamespace, network_namespace

pytestmark = pytest.mark.real


@pytest.fixture
def host() -> Iterator[NetworkNamespace]:
    """A host as calico/node leaves it: forwarding, a link to the others, and one of a pod."""
    with network_namespace() as namespace:
        namespace.ip(
            "link add eth0 type veth peer name wire0",
            "link set wire0 up",
            "link set eth0 up",
            "addr add 10.77.0.11/24 dev eth0",
            "link add vxlan.calico type vxlan id 4096 dstport 4789 dev eth0",
            "link set vxlan.calico mtu 1450 up",
            "link add calia type veth peer name pod0",
            "link set calia mtu 1450 up",
        )
        setting(namespace, "net.ipv4.ip_forward=1")
        setting(namespace, "net.ipv4.conf.all.rp_filter=0")
        setting(namespace, "net.ipv4.conf.calia.rp_filter=1")
        yield namespace


def setting(host: NetworkNamespace, written: str) -> None:
    host.output("sysctl", "-qw", written)


def verdicts(host: NetworkNamespace, observation: Observation) -> dict[str, Verdict]:
    """What the preflight says of it that is not ok, by code and subject."""

    def look() -> tuple[object, Preparation]:
        listeners = ListenerReader().read(())
        return KernelReader().read(()), Preparation(read_sysctls(), read_modules(), listeners)

    kernel, preparation = host.run(look)
    assert isinstance(kernel, Kernel)
    checks = checks_of(view(replace(observation, kernel=kernel, preparation=preparation)))
    quiet = {Verdict.OK, Verdict.NOT_APPLICABLE}
    of_the_kernel = ("HOST-FORWARD", "HOST-RPFILTER", "HOST-CONNTRACK", "HOST-MODULE", "HOST-MTU", "HOST-PORT")
    return {
        f"{one.code} {one.subject}".rstrip(): one.verdict
        for one in checks
        if one.code in of_the_kernel and one.verdict not in quiet
    }


VXLAN = stored(pools=(replace(POOL, vxlan=EncapsulationMode.ALWAYS),))
OLD = contained(VXLAN, image="calico/node:v1.3.0")


@pytest.mark.parametrize("observation", [VXLAN, OLD], ids=["Calico 3", "Calico 2.3"])
def test_a_healthy_host_has_nothing_to_say(host: NetworkNamespace, observation: Observation) -> None:
    assert verdicts(host, observation) == {}


def test_forwarding_that_was_switched_off(host: NetworkNamespace) -> None:
    setting(host, "net.ipv4.ip_forward=0")
    assert verdicts(host, VXLAN) == {"HOST-FORWARD net.ipv4.ip_forward": Verdict.FAILURE}


def test_loose_source_checks_end_an_old_felix_only(host: NetworkNamespace) -> None:
    setting(host, "net.ipv4.conf.all.rp_filter=2")
    assert verdicts(host, VXLAN) == {}
    assert verdicts(host, OLD) == {"HOST-RPFILTER": Verdict.FAILURE}


def test_the_link_of_a_pod_that_was_made_loose(host: NetworkNamespace) -> None:
    setting(host, "net.ipv4.conf.calia.rp_filter=2")
    assert verdicts(host, OLD) == {"HOST-RPFILTER cali": Verdict.WARNING}


def test_a_tunnel_that_is_larger_than_the_link(host: NetworkNamespace) -> None:
    host.ip("link set eth0 mtu 1400")
    assert verdicts(host, VXLAN) == {"HOST-MTU vxlan.calico": Verdict.WARNING, "HOST-MTU pods": Verdict.WARNING}


def test_a_stranger_on_the_port_of_bgp(host: NetworkNamespace) -> None:

    program = (
        "import socket, sys\ns = socket.create_server(('0.0.0.0', 179))\nprint('there', flush=True)\nsys.stdin.read()"
    )
    command = host.command(sys.executable, "-c", program)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            assert process.stdout.readline() == "there\n"
            assert verdicts(host, VXLAN) == {"HOST-PORT TCP 179": Verdict.FAILURE}
        finally:
            process.stdin.close()


@pytest.mark.skipif(Path("/sys/module/ipip").exists(), reason="this kernel has ipip")
def test_a_tunnel_that_this_kernel_does_not_have(host: NetworkNamespace) -> None:
    ipip = stored(pools=(replace(POOL, ipip=EncapsulationMode.ALWAYS),))
    if "ipip" in read_modules().present:
        pytest.skip("this kernel can load ipip")
    assert verdicts(host, ipip) == {"HOST-MODULE IPIP": Verdict.FAILURE}
