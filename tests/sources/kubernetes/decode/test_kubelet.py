"""The two flags of the kubelet that say who this host is."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.sources.kubernetes.decode.kubelet import decode_kubelet

LINES = {
    "neither": (["--config=/var/lib/kubelet/config.yaml"], [], ""),
    "with an equals sign": (["--node-ip=10.0.0.13", "--hostname-override=host3"], ["10.0.0.13"], "host3"),
    "as two arguments": (["--node-ip", "10.0.0.13", "--hostname-override", "host3"], ["10.0.0.13"], "host3"),
    "both families": (["--node-ip=10.0.0.13,2001:db8::13"], ["10.0.0.13", "2001:db8::13"], ""),
    "the last one counts": (["--node-ip=10.0.0.13", "--node-ip=10.0.0.14"], ["10.0.0.14"], ""),
    "the unspecified address leaves the choice to kubelet": (["--node-ip=::"], [], ""),
    "one with a scope, which is no node's": (["--node-ip=fd00::2%\x1b[31m"], [], ""),
    "no address at all": (["--node-ip=eth0"], [], ""),
    "at the end without a value": (["--node-ip"], [], ""),
    "a flag that only begins so": (["--node-ips=10.0.0.13", "--node-ip-x=1"], [], ""),
    "a value that looks like the flag": (["node-ip=10.0.0.13"], [], ""),
}


@pytest.mark.parametrize(("arguments", "addresses", "name"), LINES.values(), ids=LINES.keys())
def test_a_command_line(arguments: list[str], addresses: list[str], name: str) -> None:
    found = decode_kubelet(77, ["/usr/bin/kubelet", *arguments])
    assert (found.pid, found.hostname_override) == (77, name)
    assert found.node_ips == tuple(ip_address(address) for address in addresses)


@given(st.lists(st.one_of(st.text(max_size=20), st.just("--node-ip"), st.just("--hostname-override")), max_size=6))
def test_any_command_line_is_a_kubelet(line: list[str]) -> None:
    assert len(decode_kubelet(1, line).node_ips) <= 2
