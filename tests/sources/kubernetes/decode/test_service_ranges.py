"""Command lines of the control plane."""

from ipaddress import ip_network

import pytest

from calico_agent.sources.kubernetes.decode.service_ranges import decode_service_ranges


@pytest.mark.parametrize(
    ("arguments", "networks"),
    [
        pytest.param(("kube-apiserver", "--service-cluster-ip-range=10.96.0.0/12"), ("10.96.0.0/12",), id="one family"),
        pytest.param(
            ("kube-apiserver", "--service-cluster-ip-range", "10.96.0.0/16,fd00:1::/108", "--v=2"),
            ("10.96.0.0/16", "fd00:1::/108"),
            id="two families, the value as an argument of its own",
        ),
        pytest.param(
            ("kube-apiserver", "--service-cluster-ip-range=10.254.0.1/16"), ("10.254.0.0/16",), id="host bits"
        ),
        pytest.param(("kube-apiserver", "--service-cluster-ip-range=junk", "--v"), (), id="no network"),
        pytest.param(("kube-apiserver", "--service-cluster-ip-range"), (), id="no value"),
        pytest.param(("kube-apiserver",), (), id="nothing said"),
    ],
)
def test_the_ranges_of_a_command_line(arguments: tuple[str, ...], networks: tuple[str, ...]) -> None:
    found = tuple(decode_service_ranges("kube-apiserver", arguments))
    assert tuple(one.network for one in found) == tuple(map(ip_network, networks))
    assert {one.source for one in found} <= {"--service-cluster-ip-range of kube-apiserver"}
