"""calico/node goes from a manifest, and nothing else changes."""

import contextlib
import difflib
import os
import re
import signal
import subprocess
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.adopt.manifest.split import split
from calico_agent.adopt.manifest.workload import AlreadySplit
from calico_agent.adopt.manifest.yaml_text import Text
from tests.adopt.manifest.texts import CERTS, NAMES, NODE, OTHER, daemon_set, read, split_text

# One of each kind, for what does not depend on what is in them.
KINDS = ["etcd-3.31.yaml", "hosted-2.3.yaml", "kubeadm-1.6.yaml"]
LEFT = {"etcd-3.10.yaml": "keep-pod", "etcd-3.31.yaml": "cni-token"}


def removed_and_added(before: str, after: str) -> tuple[list[str], list[str]]:
    lines = list(difflib.ndiff(before.splitlines(keepends=True), after.splitlines(keepends=True)))
    return [line[2:] for line in lines if line[0] == "-"], [line[2:] for line in lines if line[0] == "+"]


def daemon_sets(documents: list[Any]) -> list[dict[str, Any]]:
    """All DaemonSets, also those of lists."""
    mappings = [each for each in documents if isinstance(each, dict)]
    objects = [each for one in mappings for each in (one["items"] if isinstance(one.get("items"), list) else [one])]
    return [each for each in objects if each.get("kind") == "DaemonSet"]


def pods(text: str) -> list[dict[str, Any]]:
    """What runs in the DaemonSets of a manifest, as another reader of YAML has it."""
    return [each["spec"]["template"]["spec"] for each in daemon_sets(list(yaml.safe_load_all(text)))]


def containers(text: str) -> list[str]:
    return [container["name"] for pod in pods(text) for container in pod["containers"]]


def without_node(text: str, left: str | None) -> list[Any]:
    """All documents, without calico/node and the container that stays, if any; the update strategy set aside."""
    documents = list(yaml.safe_load_all(text))
    for each in daemon_sets(documents):
        if each["metadata"]["name"] == "calico-node":
            pod = each["spec"]["template"]["spec"]
            pod["containers"] = [one for one in pod["containers"] if one["name"] not in {"calico-node", left}]
            each["spec"].pop("updateStrategy", None)
    return documents


@pytest.mark.parametrize("name", NAMES)
def test_the_rest_of_a_manifest_stays_as_it_is(name: str) -> None:
    before, left = read(name), LEFT.get(name)
    result = split_text(before)
    assert without_node(result.text, left) == without_node(before, None)
    gone, new = removed_and_added(before, result.text)
    assert "".join(gone) in before.replace("    type: RollingUpdate\n", "", 1) or gone[0] == "    type: RollingUpdate\n"
    assert bool(new) == (left is not None)


@pytest.mark.parametrize("name", NAMES)
def test_the_comments_of_calico_node_go_with_it_and_those_of_others_stay(name: str) -> None:
    before = read(name)
    result = split_text(before)
    comments = [line for line in before.splitlines() if line.strip().startswith("#")]
    kept = [line for line in result.text.splitlines() if line.strip().startswith("#")]
    own = [one for one in comments if one not in kept]
    texts = " ".join(own)
    assert "The part that gives" not in texts
    assert "Written by hand" not in texts
    assert ("The part that brings" in texts) == (name == "hosted-2.3.yaml")
    assert ("# readOnly: true" in texts) == (name == "hosted-2.3.yaml")


@pytest.mark.parametrize("name", NAMES)
def test_a_second_time_there_is_nothing_to_do(name: str) -> None:
    again = split(Text(name, split_text(read(name)).text), CERTS)
    assert isinstance(again, AlreadySplit)
    assert again.daemon_set.title == "DaemonSet calico-node"


def test_a_second_time_for_a_daemon_set_of_another_name() -> None:
    text = split_text(daemon_set(NODE + OTHER).replace("name: calico-node", "name: net", 1)).text
    assert isinstance(split(Text("calico.yaml", text), CERTS), AlreadySplit)


@pytest.mark.parametrize("change", [
    pytest.param(lambda text: text.replace("\n", "\r\n"), id="line ends of Windows"),
    pytest.param(lambda text: "\ufeff" + text, id="a byte order mark"),
    pytest.param(lambda text: text.rstrip("\n"), id="no end of the last line"),
    pytest.param(lambda text: text + "\n---\n---\n# the end\n...\n", id="empty documents at the end"),
    pytest.param(lambda text: "%YAML 1.1\n---\n" + text if not text.startswith("---") else text, id="a directive"),
])  # fmt: skip
@pytest.mark.parametrize("name", KINDS)
def test_a_manifest_keeps_the_manner_in_which_it_is_written(name: str, change: Callable[[str], str]) -> None:
    changed = change(read(name))
    after = change(split_text(read(name)).text)
    assert split_text(changed).text == after


def test_nothing_else_stays_where_the_container_that_stays_runs_for_ever() -> None:
    assert containers(split_text(read("hosted-2.3.yaml")).text) == ["install-cni"]
    assert containers(split_text(read("kubeadm-1.6.yaml")).text) == ["calico-etcd", "install-cni"]


def test_a_pod_without_another_container_gets_one_that_keeps_it() -> None:
    result = split_text(read("etcd-3.10.yaml"))
    pod = pods(result.text)[0]
    assert [each["name"] for each in pod["initContainers"]] == ["install-cni", "flexvol-driver"]
    (container,) = pod["containers"]
    assert container["image"] == "calico/node:v3.10.4"
    assert container["command"][:2] == ["/bin/sh", "-c"]
    assert "volumeMounts" not in container


def test_the_container_that_does_nothing_ends_when_it_is_told_to() -> None:
    (container,) = pods(split_text(read("etcd-3.10.yaml")).text)[0]["containers"]
    script = container["command"][2].replace("while", "echo up; while")
    with subprocess.Popen([*container["command"][:2], script], stdout=-1, start_new_session=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"up\n"
            process.terminate()
            assert process.wait(timeout=60) == 0
        finally:
            with contextlib.suppress(ProcessLookupError):  # nothing of it is left
                os.killpg(process.pid, signal.SIGKILL)


def test_the_program_that_keeps_the_plug_ins_token_fresh_stays() -> None:
    (container,) = pods(split_text(read("etcd-3.31.yaml")).text)[0]["containers"]
    assert container == {
        "name": "cni-token",
        "image": "quay.io/calico/node:v3.31.7",
        "imagePullPolicy": "IfNotPresent",
        "command": ["/bin/calico-node", "-monitor-token"],
        "envFrom": [{"configMapRef": {"name": "kubernetes-services-endpoint", "optional": True}}],
        "securityContext": {"privileged": True},
        "volumeMounts": [{"mountPath": "/host/etc/cni/net.d", "name": "cni-net-dir"}],
    }


def test_from_v3_33_on_that_program_is_a_command_of_the_one_program() -> None:
    text = re.sub(r"- /bin/calico-node(\s+- -felix)", r"- calico\1", read("etcd-3.31.yaml"))
    (container,) = pods(split_text(text).text)[0]["containers"]
    assert container["command"] == ["calico", "component", "node", "monitor-token"]


@pytest.mark.parametrize(("api", "strategy", "wanted"), [
    pytest.param("extensions/v1beta1", "", None, id="extensions/v1beta1 never replaces a pod by itself"),
    pytest.param("apps/v1", "", {"type": "OnDelete"}, id="apps/v1 does, and must not"),
    pytest.param("apps/v1beta2", "updateStrategy: {type: RollingUpdate}", {"type": "OnDelete"}, id="in brackets"),
    pytest.param("apps/v1", "updateStrategy:\n    type: OnDelete", {"type": "OnDelete"}, id="as it should be"),
    pytest.param("apps/v1", "updateStrategy:\n    rollingUpdate: {maxUnavailable: 1}",
                 {"type": "OnDelete", "rollingUpdate": {"maxUnavailable": 1}}, id="without a type"),
    pytest.param("extensions/v1beta1", "updateStrategy:\n    type: 'RollingUpdate' # one by one",
                 {"type": "OnDelete"}, id="of its own accord"),
])  # fmt: skip
def test_no_pod_is_replaced_before_its_turn(api: str, strategy: str, wanted: object) -> None:
    text = daemon_set(NODE + OTHER, api=api)
    if strategy:
        text = text.replace("  template:\n", f"  {strategy}\n  template:\n", 1)
    (document,) = yaml.safe_load_all(split_text(text).text)
    assert document["spec"].get("updateStrategy") == wanted


def again(text: str, **style: Any) -> str:
    """The same objects, written anew."""
    return str(yaml.safe_dump_all(list(yaml.safe_load_all(text)), **style))


def lists(text: str) -> str:
    """The same objects in one `kind: List`."""
    documents = [each for each in yaml.safe_load_all(text) if each]
    return str(yaml.safe_dump({"kind": "List", "apiVersion": "v1", "items": documents}))


@pytest.mark.parametrize("change", [
    pytest.param(lists, id="a list of objects"),
    pytest.param(lambda text: again(text, default_flow_style=True), id="brackets"),
    pytest.param(lambda text: again(text, indent=7), id="seven columns"),
])  # fmt: skip
@pytest.mark.parametrize("name", KINDS)
def test_the_same_objects_in_another_form(name: str, change: Callable[[str], str]) -> None:
    text = change(read(name))
    result = split_text(text)
    left = LEFT.get(name)
    assert without_node(result.text, left) == without_node(text, None)
    assert "calico-node" not in containers(result.text)
    assert (left in containers(result.text)) == (left is not None)


ANCHORS = """\
- name: calico-node
  image: calico/node:v3.31.7
  env: &env
  - &where
    name: ETCD_ENDPOINTS
    value: &url "http://10.77.0.1:2379"
  - {name: FELIX_LOGSEVERITYSCREEN, value: "warning: # no comment"}
  resources: &limits
    limits: {cpu: 1}
- name: install-cni
  env: *env
  resources:
    <<: *limits
- name: sidecar
  env:
  - *where
  args: [*url, *url]
"""


def test_an_anchor_of_calico_node_is_written_out_where_it_is_used_first() -> None:
    text = daemon_set(ANCHORS)
    result = split_text(text)
    assert without_node(result.text, None) == without_node(text, None)
    assert result.text.count("&env [") == 1


def test_a_container_that_is_an_alias_goes_and_its_anchor_stays() -> None:
    owner = textwrap.indent(daemon_set("- *node\n" + OTHER), "  ")
    text = "kind: List\nnotes:\n" + NODE.replace("- name", "- &node\n  name", 1) + "items:\n-" + owner[1:]
    result = split_text(text)
    assert "- *node" not in result.text
    assert "&node" in result.text
    assert containers(result.text) == ["install-cni"]
    assert result.translation.settings["datastore", "endpoints"] == ["http://10.77.0.1:2379"]


MERGED = """\
- &common
  name: install-cni
  image: calico/cni:v3.31.7
  env: [{name: ETCD_ENDPOINTS, value: "http://10.77.0.1:2379"}]
- <<: *common
  name: calico-node
  image: calico/node:v3.31.7
"""


def test_merged_keys_count() -> None:
    result = split_text(daemon_set(MERGED))
    assert result.translation.settings["datastore", "endpoints"] == ["http://10.77.0.1:2379"]
    assert containers(result.text) == ["install-cni"]


REST = "name: calico-node\n  image: calico/node:v1.3.0\n  env: [{name: ETCD_ENDPOINTS, value: 'http://a:1'}]\n"
TEXT = "  args:\n  - >+\n    one\n\n\n"


@pytest.mark.parametrize("containers_", [
    pytest.param(f"-\n  {REST}{OTHER}", id="a dash on a line of its own"),
    pytest.param(f"- # the first\n  {REST}{OTHER}", id="a comment behind the dash"),
    pytest.param(f"-\n\n  # the first\n\n  {REST}{OTHER}", id="a comment between the dash and the container"),
    pytest.param(f"- !!map\n  {REST}{OTHER}", id="a tag"),
    pytest.param(f"-    {REST}".replace("\n  ", "\n     ") + OTHER, id="far in"),
    pytest.param(f"- {REST}{TEXT}{OTHER}", id="a text with empty lines at its end"),
    pytest.param(f"{OTHER}{TEXT}- {REST}", id="such a text before it"),
    pytest.param(f"{OTHER}- {REST}{TEXT}", id="such a text as the last of all"),
    pytest.param(f"- {REST}# the end\n\n{OTHER}", id="an empty line between"),
    pytest.param(f"{OTHER}- {REST}  stdin:", id="a key without a value as the last of all"),
])  # fmt: skip
def test_unusual_forms(containers_: str) -> None:
    text = daemon_set(containers_)
    result = split_text(text)
    assert without_node(result.text, None) == without_node(text, None)
    assert containers(result.text) == ["install-cni"]


# What may stand in a manifest: names and texts with what YAML finds hard, comments, any column.
WORDS = st.sampled_from(
    ["a", "b c", "- x", "# no comment", "x: y", "'", '"', "yes", "0123", "", "&a", "*a", "| >", "ä€\U0001f40b"]
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    WORDS | st.integers(-9, 9) | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def manifests(draw: st.DrawFn) -> str:
    """A manifest in block style with calico-node among other containers."""
    others = draw(st.lists(st.fixed_dictionaries({"image": WORDS, "args": VALUES}), min_size=1, max_size=3))
    names = [{"name": f"other{number}", **each} for number, each in enumerate(others)]
    node = yaml.safe_load(NODE)[0] | {"stdin": draw(VALUES)}
    position = draw(st.integers(0, len(names)))
    pod = {"containers": [*names[:position], node, *names[position:]], "volumes": draw(VALUES)}
    meta = {"name": "calico-node", "annotations": draw(VALUES)}
    document = {
        "kind": "DaemonSet",
        "apiVersion": "extensions/v1beta1",
        "metadata": meta,
        "spec": {"template": {"spec": pod}},
    }
    documents = [{"kind": "ConfigMap", "data": draw(VALUES)}, document, draw(VALUES)]
    style = draw(st.sampled_from([None, None, "|", '"']))
    text = yaml.safe_dump_all(
        documents,
        indent=draw(st.integers(2, 6)), width=draw(st.sampled_from([20, 80, 1000])), default_style=style,
        sort_keys=draw(st.booleans()), allow_unicode=True,
        default_flow_style=draw(st.sampled_from([False, False, True])),
    )  # fmt: skip
    ends = draw(st.sampled_from(["\n", "\r\n"]))
    return "".join(_with_comments(draw, text)).replace("\n", ends)


def _with_comments(draw: st.DrawFn, text: str) -> Iterator[str]:
    """Comments where they cannot be part of a text: before keys and elements of the outer levels."""
    for line in text.splitlines(keepends=True):
        if line.lstrip().startswith(("kind:", "spec:", "containers:")) and draw(st.booleans()):
            yield " " * draw(st.integers(0, 8)) + "# a comment\n"
        yield line


@given(manifests())
def test_whatever_else_is_in_a_manifest_stays(text: str) -> None:
    result = split_text(text)
    assert without_node(result.text, None) == without_node(text, None)
    assert "calico-node" not in containers(result.text)
