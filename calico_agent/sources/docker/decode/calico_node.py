"""Which containers are calico/node, whoever started them."""

import re
from pathlib import PurePosixPath

from calico_agent.model.container.container import Container

_NAME = "calico-node"
# Repository `calico/node` of any registry or mirror, `rancher/mirrored-calico-node` and its like.
_START = "start_runit"
# What a container is given to do one thing and no more.
_SHELLS = frozenset({"ash", "bash", "busybox", "dash", "env", "sh", "sleep", "tail"})
_ONE_THING = _SHELLS | {"birdc", "birdcl", "birdcl6", "calico-node", "calicoctl", "cat", "ip", "ipset", "iptables"}
_IMAGE = re.compile(r"(.*/)?(calico/node|([a-z0-9]+-)?calico-node)(:[^/]*)?(@.*)?")


def is_calico_node(container: Container, network: str = "") -> bool:
    """True if this container is calico/node, whoever started it. `network`: `shares_network` says more of a pod's."""
    if not names_calico_node(container.name, container.image):
        return False
    if container.name.startswith("k8s_"):
        return shares_network(container, network)
    return container.network_mode == "host" and not _does_one_thing(container.command)


def shares_network(container: Container, network: str = "") -> bool:
    """True if it is in the host's network. `network` is the mode of the container whose network it uses, if that is
    known: anybody who may start a pod may call its container so, or give its image the labels of ours.
    """
    joined = container.network_mode.startswith("container:")
    return (network if joined and network else container.network_mode) == "host" or (joined and not network)


def _does_one_thing(command: tuple[str, ...]) -> bool:
    started = any(PurePosixPath(part).name == _START for words in command for part in words.split())
    return bool(command) and not started and PurePosixPath(command[0]).name in _ONE_THING


def names_calico_node(name: str, image: str) -> bool:
    """True if a container with this name, made from this image, may be calico/node."""
    if name.startswith("k8s_"):
        # Only the name tells: init containers of the pod have the same image, and kubelet gives images by digest.
        return name.split("_")[1] == _NAME
    return name == _NAME or _IMAGE.fullmatch(image) is not None
