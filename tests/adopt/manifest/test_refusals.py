"""What cannot be split is refused with one line: where, what was found, and what to do."""

from collections.abc import Callable

import pytest
import yaml

from calico_agent.adopt.described import NotTakenOver
from calico_agent.adopt.manifest import yaml_text as text_module
from calico_agent.adopt.manifest.split import Split, split
from calico_agent.adopt.manifest.yaml_text import Text
from tests.adopt.manifest.texts import CERTS, NODE, OTHER, daemon_set, read

HOSTED = read("hosted-2.3.yaml")
TYPHA = "  - {name: FELIX_TYPHAK8SSERVICENAME, value: calico-typha}\n"
BPF = "  - {name: FELIX_BPFENABLED, value: 'True'}\n"
KUBERNETES = NODE.replace("name: ETCD_ENDPOINTS", "name: DATASTORE_TYPE").replace("http://10.77.0.1:2379", "kubernetes")
INSTALLATION = "---\napiVersion: operator.tigera.io/v1\nkind: Installation\nmetadata: {name: default}\n"
OPERATOR = "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: tigera-operator}\n"
FLANNEL = "- name: kube-flannel\n  image: quay.io/coreos/flannel:v0.9.1\n"
POLICY = NODE + "  - {name: CALICO_NETWORKING_BACKEND, value: none}\n"
TEMPLATE = "is a template"
# Empty lines after calico-node would become part of the text before it.
KEPT_LINES = f"- name: other\n  args:\n  - |+\n    one\n{NODE}\n\n{OTHER}"
SHARED = (
    "x: &s {containers: [{name: calico-node}]}\nkind: DaemonSet\nmetadata: {name: a}\nspec: {template: {spec: *s}}\n"
)


def refused(text: str) -> NotTakenOver:
    with pytest.raises(NotTakenOver) as raised:
        split(Text("calico.yaml", text), CERTS)
    assert "\n" not in str(raised.value)
    return raised.value


@pytest.mark.parametrize(("text", "place", "words"), [
    pytest.param("", ":1", "no Kubernetes object", id="nothing"),
    pytest.param("# nothing\n---\n", ":1", "no Kubernetes object", id="comments"),
    pytest.param("just words", ":1", "no Kubernetes object", id="a text that is no manifest"),
    pytest.param("a: b: c\n", ":1", "is not YAML: mapping values are not allowed", id="not YAML"),
    pytest.param("kind: X\n\tname: y\n", ":2", "a tab stands where only spaces may", id="a tab"),
    pytest.param("kind: X\nname: [a, b\n", ":3", "is not YAML", id="a bracket that is never closed"),
    pytest.param("kind: X\nname: \x07\n", ":2", "the character 0x07", id="a control character"),
    pytest.param("kind: X\nname: *nobody\n", ":2", "*nobody names no anchor", id="an alias of nothing"),
    pytest.param("kind: &a [*a]\n", ":1", "*a names no anchor that ends before it", id="an alias of itself"),
    pytest.param("kind: Service\n---\nkind: Pod\n", ":1", "what it has: Pod, Service", id="no DaemonSet"),
    pytest.param(daemon_set("- {name: x}\n").replace("calico-node", "kube-proxy"), ":1", "no DaemonSet in this file",
                 id="another DaemonSet"),
    pytest.param(daemon_set(NODE).replace("DaemonSet", "Deployment"), ":11", "in a Deployment", id="a Deployment"),
    pytest.param(daemon_set(NODE + NODE), ":16", "a second container", id="two in one DaemonSet"),
    pytest.param(HOSTED + "---\n" + daemon_set(NODE), ":200", "the first is in calico.yaml:63", id="two DaemonSets"),
    pytest.param(INSTALLATION, ":2", "Installation default is the Tigera operator's", id="the operator's resource"),
    pytest.param(daemon_set(NODE) + OPERATOR, ":17", "tigera-operator is the Tigera operator's", id="the operator"),
    pytest.param(daemon_set(NODE + BPF), ":16", "FELIX_BPFENABLED=True: the eBPF data plane", id="eBPF"),
    pytest.param(daemon_set(KUBERNETES), ":15", "take its hosts over by `calico-agent import`", id="kdd"),
    pytest.param(daemon_set(NODE + TYPHA), ":16", "asks Typha", id="Typha"),
    pytest.param(daemon_set(NODE + FLANNEL), ":16", "is Canal: flannel gives the pods their routes", id="Canal"),
    pytest.param(daemon_set(POLICY), ":16", "brings no routes here, only policy", id="policy only"),
    pytest.param(daemon_set(NODE).replace("v3.31.7", "{{ .Values.tag }}"), ":12", TEMPLATE, id="Helm, in a text"),
    pytest.param(daemon_set(NODE).replace("http://10.77.0.1:2379", "{{ .Values.etcd }}"), ":15", TEMPLATE,
                 id="Helm, as a value"),
    pytest.param("{{- if .Values.on }}\n" + daemon_set(NODE), ":1", TEMPLATE, id="Helm, as a line"),
    pytest.param(HOSTED.replace('calico_backend: "bird"', 'calico_backend: "{{ backend }}"'), ":11", TEMPLATE,
                 id="Jinja, in a ConfigMap"),
    pytest.param(daemon_set(NODE).replace("  template:", "  template: {}\n  template:"), ":8",
                 "the key template is there twice, first in line 7", id="a key that is there twice"),
    pytest.param(HOSTED.replace('  calico_backend: "bird"', '  etcd_ca: ""'), ":19",
                 "the key etcd_ca is there twice, first in line 11", id="a key of a ConfigMap that is there twice"),
    pytest.param(SHARED, ":4", "`spec` of the DaemonSet a comes from an anchor", id="pods by an alias"),
    pytest.param(daemon_set("- {name: calico-node}\n"), ":11", "has no image", id="no image"),
    pytest.param(daemon_set(NODE + "  - {value: x}\n"), ":16", "a variable without a name", id="no name"),
    pytest.param(daemon_set(NODE + "  volumeMounts: [{mountPath: /a, name: a}]\n"), ":16",
                 "the volume 'a', which is not there", id="a mount of no volume"),
    pytest.param(daemon_set(NODE + "  volumeMounts: [{mountPath: a, name: a}]\n"), ":16",
                 "without an absolute mountPath", id="a mount of no path"),
    pytest.param(daemon_set(KEPT_LINES), ":15", "cannot be changed here without changing", id="lines of another"),
    pytest.param("[" * 101, ":1", "nested deeper than 100 levels", id="too deep"),
    pytest.param("[" * 2000, ":1", "nested deeper than 100 levels", id="deeper than any parser"),
    pytest.param("- - " * 60 + "x\n", ":1", "nested deeper than 100 levels", id="too deep, without brackets"),
])  # fmt: skip
def test_what_cannot_be_split(text: str, place: str, words: str) -> None:
    error = refused(text)
    assert error.place == f"calico.yaml{place}"
    assert words in error.reason


def test_a_file_with_too_many_parts_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_module, "_MOST_PARTS", 100)  # so that the test need not write some megabytes
    assert "more than 100 parts" in refused("- a\n" * 200).reason


def test_a_large_file_is_not_read_at_all() -> None:
    assert "is larger than 8 MiB" in refused("#" * (8 << 20) + "\n").reason


def test_aliases_that_multiply_cost_nothing() -> None:
    """Written out this would be ten thousand million elements."""
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    bomb = "\n".join(rows) + "\n"
    assert "no DaemonSet" in refused(bomb).reason
    assert split(Text("calico.yaml", bomb + "---\n" + daemon_set(NODE + OTHER)), CERTS)


def test_merge_keys_that_multiply_cost_nothing() -> None:
    rows = ["  notes:", "  - &a0 {x: 1}"]
    rows += [f"  - &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 20)}]}}" for n in range(1, 9)]
    node = NODE + "\n".join(rows) + "\n  <<: *a8\n  envFrom: [{configMapRef: {name: c}}]\n"
    head = "---\nkind: ConfigMap\nmetadata: {name: c, namespace: kube-system}\nnotes:\n- &b0 {x: 1}\n"
    merges = "".join(f"- &b{n} {{<<: [{', '.join([f'*b{n - 1}'] * 20)}]}}\n" for n in range(1, 8))
    config_map = f"{head}{merges}data: {{<<: *b7}}\n"
    result = split(Text("calico.yaml", daemon_set(node + OTHER) + config_map), CERTS)
    assert isinstance(result, Split)
    assert result.description.described.env["x"].value == "1"


def test_an_anchor_of_calico_node_that_multiplies_is_refused() -> None:
    rows = ["  notes:", "    a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"    a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    error = refused(daemon_set(NODE + "\n".join(rows) + "\n" + OTHER + "  x: *a9\n"))
    assert str(error) == "calico.yaml:11: an anchor stands for too much to be written out"


def test_sources_of_variables_that_multiply_are_refused() -> None:
    rows = ["  notes:", "  - &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"  - &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    mounts = (
        "  volumeMounts: [{mountPath: /host/etc/cni/net.d, name: v}]\n  envFrom: [{configMapRef: {optional: *a9}}]\n"
    )
    pod = "volumes: [{name: v, hostPath: {path: /etc/cni/net.d}}]"
    assert "too much" in refused(daemon_set(NODE + "\n".join(rows) + "\n" + mounts + OTHER, pod=pod)).reason


def test_ten_thousand_documents() -> None:
    text = "--- a\n" * 10_000 + "---\n" + daemon_set(NODE + OTHER)
    assert split(Text("calico.yaml", text), CERTS)


@pytest.mark.parametrize("write", [
    pytest.param(lambda text: text.encode("utf-16").decode("latin-1"), id="UTF-16"),
    pytest.param(lambda text: text[: len(text) // 3], id="cut off"),
    pytest.param(lambda text: text.replace(":", ""), id="without colons"),
    pytest.param(lambda text: text[::-1], id="backwards"),
    pytest.param(lambda text: "\n".join(line.lstrip() for line in text.splitlines()), id="without columns"),
    pytest.param(yaml.safe_dump, id="as one text"),
    pytest.param(lambda text: "\x7fELF" + text, id="a program"),
])  # fmt: skip
def test_ruined_manifests(write: Callable[[str], str]) -> None:
    refused(write(HOSTED))
