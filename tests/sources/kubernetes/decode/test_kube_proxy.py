"""kube-proxy's flags, its configuration file, and what it answers."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.kubernetes.decode.kube_proxy import (
    ProxyOptions,
    configuration_file,
    decode_answer,
    decode_arguments,
    decode_configuration,
)

LINES = {
    "nothing": ([], ProxyOptions()),
    "a mode": (["--proxy-mode=ipvs"], ProxyOptions("ipvs")),
    "a mode that nobody knows": (["--proxy-mode=magic"], ProxyOptions()),
    "kubespray of 2017": (["proxy", "--proxy-mode", "iptables", "--masquerade-all"], ProxyOptions("iptables", True)),
    "metrics elsewhere": (["--metrics-bind-address=127.0.0.1:10999"], ProxyOptions(port=10999)),
    "metrics on IPv6": (["--metrics-bind-address=[::1]:10999"], ProxyOptions(port=10999)),
    "metrics with a port of its own": (["--metrics-bind-address=0.0.0.0", "--metrics-port=7"], ProxyOptions(port=7)),
    "metrics off": (["--metrics-port=0"], ProxyOptions(port=0)),
}


@pytest.mark.parametrize(("arguments", "expected"), LINES.values(), ids=LINES.keys())
def test_a_command_line(arguments: list[str], expected: ProxyOptions) -> None:
    assert decode_arguments(["/usr/local/bin/kube-proxy", *arguments]) == expected


KUBEADM = """\
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
bindAddress: 0.0.0.0
iptables:
  localhostNodePorts: null
  masqueradeAll: false
  masqueradeBit: null
metricsBindAddress: ""
mode: ""
nftables:
  masqueradeAll: false
"""

FILES = {
    "kubeadm's": (KUBEADM, ProxyOptions()),
    "ipvs": (KUBEADM.replace('mode: ""', "mode: ipvs"), ProxyOptions("ipvs")),
    "everything is masqueraded": (KUBEADM.replace("All: false", "All: true", 1), ProxyOptions("", True)),
    "in the words of YAML 1.1": (KUBEADM.replace("All: false", "All: yes", 1), ProxyOptions("", True)),
    "in the section of another mode": (
        KUBEADM.replace("All: false", "All: true", 1) + "mode_: x\n",
        ProxyOptions("", True),
    ),
    "nftables, and its own section counts": (
        KUBEADM.replace('mode: ""', "mode: nftables").replace("All: false", "All: true", 1),
        ProxyOptions("nftables"),
    ),
    "nftables, masquerading": (
        "mode: nftables\nnftables: {masqueradeAll: true}\n",
        ProxyOptions("nftables", True),
    ),
    "JSON": ('{"mode": "iptables", "metricsBindAddress": "0.0.0.0:10249"}', ProxyOptions("iptables")),
}


@pytest.mark.parametrize(("content", "expected"), FILES.values(), ids=FILES.keys())
def test_a_configuration_file(content: str, expected: ProxyOptions) -> None:
    assert decode_configuration(content) == expected


@pytest.mark.parametrize("content", ["", "- a", "a: [", "mode: 3", "iptables: true", "a: &a [*a]\nb: *c", "a\tb: {"])
def test_what_is_no_configuration_is_refused(content: str) -> None:
    with pytest.raises(Malformed):
        decode_configuration(content)


@given(st.text(max_size=60))
def test_any_text_is_a_configuration_or_refused(content: str) -> None:
    with suppress(Malformed):
        assert decode_configuration(content).mode in {"", "iptables", "ipvs", "nftables", "userspace"}


def test_what_it_answers_is_a_mode_or_refused() -> None:
    assert decode_answer(b"iptables\n") == "iptables"
    with pytest.raises(Malformed):
        decode_answer(b"<html>")


def test_the_file_that_it_is_told_to_read() -> None:
    assert (
        configuration_file(["kube-proxy", "--config=/var/lib/kube-proxy/config.conf"])
        == "/var/lib/kube-proxy/config.conf"
    )
