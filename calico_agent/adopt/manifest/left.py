"""What stays in the DaemonSet where calico/node was.

Up to Calico v3.3 the container `install-cni` stays beside it, and runs for ever (k8s-install/scripts/install-cni.sh of
projectcalico/cni-plugin@v1.9.1). After that it is an init container, and a pod must have one that goes on: else kubelet
has nothing to run, and with the pod goes the token that install-cni gave to the CNI plug-in, as it is bound to the pod.

Since v3.19 calico/node itself keeps that token fresh (runit's service `cni`, `calico-node -monitor-token`, in
node/pkg/cni of projectcalico/calico@v3.32.1): it asks for one that is valid for a day. Without it no pod could be
started or removed a day later. Outside of a pod it cannot do so, thus that one program stays.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

import yaml

from calico_agent.adopt.manifest.objects import TooMuch, elements, mapping, member, string
from calico_agent.adopt.manifest.volumes import CNI_CONFIGURATION
from calico_agent.adopt.manifest.workload import Workload
from calico_agent.adopt.manifest.yaml_text import Kind, TextNode

# The variables and lists of variables by which calico/node finds the Kubernetes API and the account of the plug-in.
_FOR_TOKEN = frozenset(
    {
        "CALICO_CNI_SERVICE_ACCOUNT", "CNI_TOKEN_REFRESH_INTERVAL", "KUBECONFIG", "KUBERNETES_SERVICE_HOST",
        "KUBERNETES_SERVICE_PORT",
    }
)  # fmt: skip
# What one variable, or one source of variables, can be made of.
_MOST_PARTS = 100
# A shell is in each image of calico/node that needs this: `start_runit` is one of its scripts.
_SLEEP = "trap 'exit 0' TERM; while :; do sleep 3600 & wait; done"


@dataclass(frozen=True, slots=True)
class Left:
    """A container in the place of calico/node: YAML of a list with it alone, and why it has to be there."""

    name: str
    yaml: str
    why: str


def left_in_place(workload: Workload) -> Left | None:
    """None where nothing is needed."""
    mount = _cni_mount(workload.container)
    if mount is not None:
        return _left(_token_container(workload, mount), _FRESH_COMMENT, _FRESH_WHY)
    if not workload.others:
        return _left(_sleeping(workload), _SLEEP_COMMENT, _SLEEP_WHY)
    return None


def _left(container: dict[str, object], comment: str, why: str) -> Left:
    body = yaml.safe_dump([container], sort_keys=False, width=10_000, allow_unicode=True)
    return Left(str(container["name"]), f"# {comment}\n{body}", why)


_FRESH_COMMENT = (
    "Keeps the CNI plug-in's token fresh, as calico-node did; calico-agent runs the rest of it on each host."
)
_FRESH_WHY = (
    "calico/node also keeps the token of the CNI plug-in fresh, which is valid for a day, and can do that in a pod "
    "only: this one program of it stays (calico-agent gives calico/node CALICO_MANAGE_CNI=false)"
)
_SLEEP_COMMENT = "Keeps the pod, and with it the token that install-cni gave to the CNI plug-in; does nothing."
_SLEEP_WHY = (
    "a pod needs a container beside its init containers; it does nothing, and keeps the pod, to which the token is "
    "bound that install-cni gave to the CNI plug-in"
)


def _cni_mount(container: TextNode) -> TextNode | None:
    for mount in elements(member(container, "volumeMounts")):
        if str(PurePosixPath(string(member(mount, "mountPath")) or "/")) == CNI_CONFIGURATION:
            return mount
    return None


def _token_container(workload: Workload, mount: TextNode) -> dict[str, object]:
    container = _base("cni-token", workload)
    container["command"] = _monitor(workload.container)
    if sources := _plain(elements(member(workload.container, "envFrom"))):
        container["envFrom"] = sources
    variables = elements(member(workload.container, "env"))
    if kept := _plain(each for each in variables if string(member(each, "name")) in _FOR_TOKEN):
        container["env"] = kept
    # The directory belongs to the host, which may have SELinux: as calico-node was, and install-cni is.
    container["securityContext"] = {"privileged": True}
    container["volumeMounts"] = [{"mountPath": CNI_CONFIGURATION, "name": string(member(mount, "name"))}]
    return container


def _monitor(container: TextNode) -> list[str]:
    """From v3.33 on there is one program for all (node/pkg/node/command.go of projectcalico/calico)."""
    for probe in ("livenessProbe", "readinessProbe"):
        words = elements(member(container, probe, "exec", "command"))
        if words and PurePosixPath(string(words[0])).name == "calico":
            return [string(words[0]), "component", "node", "monitor-token"]
    return ["/bin/calico-node", "-monitor-token"]


def _sleeping(workload: Workload) -> dict[str, object]:
    container = _base("keep-pod", workload)
    container["command"] = ["/bin/sh", "-c", _SLEEP]
    return container


def _base(name: str, workload: Workload) -> dict[str, object]:
    """calico/node's own image, which is on every host."""
    taken = {string(member(each, "name")) for each in (*workload.others, *workload.init_containers)}
    base: dict[str, object] = {"name": name if name not in taken else f"{name}-of-calico-node"}
    for key in ("image", "imagePullPolicy"):
        if value := string(member(workload.container, key)):
            base[key] = value
    return base


def _plain(nodes: Iterable[TextNode]) -> list[object]:
    return [plain(node, [_MOST_PARTS]) for node in nodes]


def plain(node: TextNode, left: list[int]) -> object:
    """A small part as Python's own values, all of them texts or truths; `left` are the parts that it may still have."""
    left[0] -= 1
    if left[0] < 0:
        raise TooMuch
    if node.real.kind is Kind.SEQUENCE:
        return [plain(each, left) for each in node.real.children]
    if node.real.kind is Kind.MAPPING:
        return {key: plain(value, left) for key, value in mapping(node).items()}
    text = string(node)
    return text == "true" if node.real.plain and text in {"true", "false"} else text
