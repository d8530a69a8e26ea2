"""Calico's plugin in CNI configurations as installers write them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.model.host.machine import CniPlugin
from calico_agent.sources.kubernetes.decode.cni import decode_cni

CALICO = {"type": "calico", "nodename": "host3", "etcd_key_file": "/x", "ipam": {"type": "calico-ipam"}}
LIST = {"name": "k8s-pod-network", "cniVersion": "0.3.1", "plugins": [CALICO, {"type": "portmap"}]}
FROM_FILE = {"type": "calico", "nodename_file": "/var/lib/calico/nodename"}

FILES: dict[str, tuple[object, CniPlugin | None]] = {
    "a list with Calico's plugin": (LIST, CniPlugin("f", "host3")),
    "a plugin of its own, before lists existed": (CALICO, CniPlugin("f", "host3")),
    "the old key hostname (projectcalico/calico#1093)": (
        {"type": "calico", "hostname": "worker-02"},
        CniPlugin("f", "worker-02"),
    ),
    "a name from a file": (FROM_FILE, CniPlugin("f", "", "/var/lib/calico/nodename")),
    "a written name wins over a file": (FROM_FILE | {"nodename": "host3"}, CniPlugin("f", "host3")),
    "no name at all": ({"type": "calico"}, CniPlugin("f")),
    "a bridge": ({"type": "bridge"}, None),
    "a list without Calico": ({"plugins": [{"type": "flannel"}]}, None),
    "plugins of a wrong kind": ({"plugins": ["calico"]}, None),
    "a name of a wrong kind": ({"type": "calico", "nodename": 3}, None),
    "an MTU": ({"type": "calico", "mtu": 1440}, CniPlugin("f", mtu=1440)),
    "an MTU that nobody filled in": ({"type": "calico", "mtu": "__CNI_MTU__"}, CniPlugin("f")),
    "an MTU that is none": ({"type": "calico", "mtu": True}, CniPlugin("f")),
    "an MTU that no link has": ({"type": "calico", "mtu": 70000}, CniPlugin("f")),
    "no object": ([], None),
}


@pytest.mark.parametrize(("content", "expected"), FILES.values(), ids=FILES.keys())
def test_a_file(content: object, expected: CniPlugin | None) -> None:
    assert decode_cni("f", json.dumps(content).encode()) == expected


@given(st.binary(max_size=200))
def test_any_bytes_are_a_plugin_or_none(content: bytes) -> None:
    assert decode_cni("f", content) is None or b"calico" in content
