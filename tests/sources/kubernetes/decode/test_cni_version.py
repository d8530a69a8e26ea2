"""What CNI plugins answer when they are asked for their version."""

import json

import pytest

from calico_agent.model.host.cni import CniFile
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.kubernetes.decode.cni import calico_plugin, decode_cni_file
from calico_agent.sources.kubernetes.decode.cni_version import decode_cni_version

ANSWERS = {
    "calico": ({"cniVersion": "1.0.0", "supportedVersions": ["0.3.1", "1.0.0"]}, ("0.3.1", "1.0.0")),
    "without a list": ({"cniVersion": "0.2.0"}, ("0.2.0",)),
    "of before there was the command": (
        {"cniVersion": "0.1.0", "code": 100, "msg": "unknown CNI_COMMAND: VERSION"},
        (),
    ),
}


@pytest.mark.parametrize(("answer", "versions"), ANSWERS.values(), ids=ANSWERS.keys())
def test_an_answer(answer: object, versions: tuple[str, ...]) -> None:
    assert decode_cni_version(json.dumps(answer).encode()) == versions


@pytest.mark.parametrize(
    "output", [b"", b"panic: boom", b"[]", b"{}", b'{"code": 7, "msg": "no etcd", "cniVersion": "1"}']
)
def test_what_is_no_answer_is_refused(output: bytes) -> None:
    with pytest.raises(Malformed):
        decode_cni_version(output)


CALICO = {"type": "calico", "ipam": {"type": "calico-ipam"}}
FILES: dict[str, tuple[object, CniFile]] = {
    "a list": (
        {"cniVersion": "0.3.1", "plugins": [CALICO, {"type": "portmap"}]},
        CniFile("f", ("calico", "portmap"), ("calico", "portmap", "calico-ipam"), "0.3.1"),
    ),
    "a plugin of its own": (CALICO, CniFile("f", ("calico",), ("calico", "calico-ipam"))),
    "Multus": ({"type": "multus"}, CniFile("f", ("multus",), ("multus",), hands_on=True)),
    "canal": (
        {"plugins": [{"type": "calico", "ipam": {"type": "host-local"}}, {"type": "portmap"}]},
        CniFile("f", ("calico", "portmap"), ("calico", "portmap", "host-local")),
    ),
    "no plugin": ({"name": "k8s"}, CniFile("f", error="it names no plugin")),
    "a type of a wrong kind": ({"type": 3}, CniFile("f", error="type is a number, not text")),
    "no JSON object": ([], CniFile("f", error="the value is an array, not a JSON object")),
}


@pytest.mark.parametrize(("content", "expected"), FILES.values(), ids=FILES.keys())
def test_a_file_as_the_runtime_sees_it(content: object, expected: CniFile) -> None:
    assert decode_cni_file("f", json.dumps(content).encode()) == expected


def test_what_calicos_plugin_is_told() -> None:
    assert calico_plugin(json.dumps({"plugins": [{"type": "x"}, CALICO]}).encode()) == CALICO
    assert calico_plugin(b"{") is None
