"""Daemons and devices of other networks for pods: real processes, and what a real kernel makes of VXLAN devices."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from calico_agent.checks.preflight.cluster.other_cni import check_other_cni
from calico_agent.model.calico.node import EncapsulationMode
from calico_agent.model.calico.service_ranges import ServiceRange, ServiceRanges
from calico_agent.model.host.other_cni import OtherCni
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.preflight import Verdict
from calico_agent.sources.kernel.reader import read_kernel
from calico_agent.sources.kubernetes.other_cni import read_other_cni
from calico_agent.sources.kubernetes.service_ranges import read_service_ranges
from tests.checks.cluster import POOL, stored
from tests.checks.preflight.case import prepared, view
from tests.netns import NetworkNamespace, network_namespace
from tests.sources.kubernetes.test_kubelet import kubelet as process

pytestmark = pytest.mark.real

VXLAN_CALICO = "link add vxlan.calico type vxlan id 4096 dstport 4789 local 10.0.0.1"


@pytest.fixture
def host() -> Iterator[NetworkNamespace]:
    with network_namespace() as namespace:
        namespace.ip("link add eth0 type veth peer name wire0", "addr add 10.0.0.1/24 dev eth0", "link set eth0 up")
        yield namespace


def test_a_daemon_of_another_network_here_and_one_elsewhere(tmp_path: Path, host: NetworkNamespace) -> None:
    with network_namespace() as pod, process(tmp_path, host, name="flanneld"), process(tmp_path, pod, name="weaver"):
        assert host.run(read_other_cni, tmp_path) == OtherCni(("flanneld",))
    assert host.run(read_other_cni, tmp_path) == OtherCni()


@pytest.mark.parametrize(
    ("ours", "behind"),
    [
        pytest.param("10-calico.conflist", ("/etc/cni/net.d/20-flannel.conf",), id="behind Calico's"),
        pytest.param("30-calico.conflist", (), id="before Calico's, where it is another check's"),
    ],
)
def test_configurations_that_the_runtime_does_not_take(tmp_path: Path, ours: str, behind: tuple[str, ...]) -> None:
    folder = tmp_path / "etc/cni/net.d"
    folder.mkdir(parents=True)
    (folder / ours).write_text('{"plugins": [{"type": "calico"}, {"type": "portmap"}]}')
    (folder / "20-flannel.conf").write_text('{"type": "flannel"}')
    (folder / "40-notes.txt").write_text("nothing that a runtime reads")
    (folder / "calico-kubeconfig").write_text("apiVersion: v1")
    found = read_other_cni(tmp_path)
    assert isinstance(found, OtherCni)
    assert found.files == behind


def test_the_range_of_services_is_told_by_the_control_plane(tmp_path: Path, host: NetworkNamespace) -> None:
    flag = "--service-cluster-ip-range"
    with (
        process(tmp_path, host, f"{flag}=10.96.0.0/12", name="kube-apiserver"),
        process(tmp_path, host, flag, "10.96.0.0/12", name="kube-controller-manager"),
        network_namespace() as other,
        process(tmp_path, other, f"{flag}=10.1.0.0/16", name="kube-apiserver"),
    ):
        found = host.run(read_service_ranges)
    services = ip_network("10.96.0.0/12")
    assert isinstance(found, ServiceRanges)
    assert set(found.found) == {
        ServiceRange(services, f"{flag} of kube-apiserver"),
        ServiceRange(services, f"{flag} of kube-controller-manager"),
    }


def test_kube_proxy_knows_where_the_api_is(tmp_path: Path, host: NetworkNamespace) -> None:
    told = ("env", "KUBERNETES_SERVICE_HOST=10.96.0.1")
    with process(tmp_path, host, name="kube-proxy", through=told):
        found = host.run(read_service_ranges)
    address = ServiceRange(ip_network("10.96.0.1/32"), "KUBERNETES_SERVICE_HOST of kube-proxy")
    assert found == ServiceRanges((address,))


@pytest.mark.parametrize(
    ("device", "fits"),
    [
        pytest.param("flannel.1 type vxlan id 1 dstport 8472 local 10.0.0.1", True, id="flannel as it usually is"),
        pytest.param("flannel.1 type vxlan id 1 dstport 4789 local 10.0.0.1", True, id="another number on the port"),
        pytest.param("flannel.1 type vxlan id 4096 dstport 8472 local 10.0.0.1", True, id="the number on another port"),
        pytest.param("flannel.4096 type vxlan id 4096 dstport 4789", False, id="number and port"),
        pytest.param("vxlan_sys_4789 type vxlan external dstport 4789", False, id="Open vSwitch on the port"),
    ],
)
def test_the_kernel_and_the_check_agree_on_what_is_in_the_way(host: NetworkNamespace, device: str, fits: bool) -> None:
    host.ip(f"link add {device}", f"link set {device.split(maxsplit=1)[0]} up")
    kernel = host.run(read_kernel)
    assert isinstance(kernel, Kernel)
    pools = (replace(POOL, vxlan=EncapsulationMode.ALWAYS),)
    seen = prepared(replace(stored(pools=pools), kernel=kernel), other_cni=OtherCni())
    (said,) = check_other_cni(view(seen))
    assert said.verdict is (Verdict.OK if fits else Verdict.FAILURE)
    try:
        host.ip(VXLAN_CALICO, "link set vxlan.calico up")
    except subprocess.CalledProcessError:
        assert not fits
    else:
        assert fits
