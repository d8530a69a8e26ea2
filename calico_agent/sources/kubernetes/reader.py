"""What this host has of a Kubernetes cluster: its programs, its CNI setup, and what the API lets Calico's parts do."""

import json
import threading
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from calico_agent.model.calico.permissions import needs
from calico_agent.model.container.container import Container, Docker
from calico_agent.model.host.kubernetes import KUBELET, Kubernetes
from calico_agent.model.host.kubernetes_api import ApiAccess, Holder, KubernetesApi, Trouble
from calico_agent.model.unreadable import Unreadable
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.docker.decode.node_datastore import datastore_settings
from calico_agent.sources.host.text_file import read_owned_text
from calico_agent.sources.json_object import JsonObject, section, text
from calico_agent.sources.kubernetes.api import ask_api
from calico_agent.sources.kubernetes.api_credentials import ApiSecret, node_credential, plugin_credential
from calico_agent.sources.kubernetes.cni_folders import cni_folders
from calico_agent.sources.kubernetes.cni_setup import CniReader
from calico_agent.sources.kubernetes.components import find_part
from calico_agent.sources.kubernetes.decode.cni import calico_plugin
from calico_agent.sources.kubernetes.setup import KubernetesReader

_FRESH_SECONDS = 30.0
# The API of a large cluster has many hosts; what they may do changes rarely. One that did not answer costs it nothing.
_ASKED_SECONDS, _TRIED_SECONDS = 600.0, 60.0
_LARGEST_FILE = 1 << 18


class ClusterReader:
    """Reads both subjects, and asks the API at most every ten minutes as long as the credentials stay the same."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._programs, self._cni = KubernetesReader(), CniReader()
        self._read_at = -_FRESH_SECONDS
        self._last: Kubernetes | Unreadable | None = None
        self._asked: dict[Holder, tuple[ApiSecret, float, ApiAccess]] = {}

    def read_kubernetes(self, root: Path) -> Kubernetes | Unreadable:
        """The programs and the CNI setup as they are now."""
        with self._lock:
            return self._read_kubernetes(root)

    def read_api(self, root: Path, docker: Docker | Unreadable) -> KubernetesApi | Unreadable:
        """What the credentials of Calico's parts are, and what they may."""
        with self._lock:
            if self._last is None or time.monotonic() - self._read_at > _FRESH_SECONDS:
                self._read_kubernetes(root)
            kubernetes = self._last
        if not isinstance(kubernetes, Kubernetes):
            return kubernetes or KubernetesApi()
        return self._api(root, _plugin(root, kubernetes), () if isinstance(docker, Unreadable) else docker.containers)

    def _read_kubernetes(self, root: Path) -> Kubernetes | Unreadable:
        found = self._programs.read(root)
        if isinstance(found, Kubernetes) and found.here:
            runtime = found.kubelet.runtime if found.kubelet else ""
            folders = cni_folders(root, find_part(KUBELET), runtime)
            found = replace(found, cni=self._cni.read(root, folders, runtime))
        self._last, self._read_at = found, time.monotonic()
        return found

    def _api(self, root: Path, plugin: JsonObject | None, containers: Iterable[Container]) -> KubernetesApi:
        container = next(iter(sorted(containers, key=lambda one: not one.running)), None)
        in_kubernetes = _in_kubernetes(plugin, container)
        found = (
            plugin_credential(root, "the CNI configuration", plugin) if plugin is not None else None,
            node_credential(root, container) if container is not None else None,
        )
        uses = ((Holder.CNI, plugin is not None), (Holder.NODE, container is not None))
        return KubernetesApi(
            tuple(self._tried(one, in_kubernetes) for one in found if one is not None),
            frozenset(holder for holder, used in uses if used),
            in_kubernetes,
            policy=_policy(plugin),
            local_ranges=plugin is not None and "usePodCidr" in json.dumps(plugin.get("ipam")),
        )

    def _tried(self, found: ApiSecret | ApiAccess, in_kubernetes: bool) -> ApiAccess:
        if isinstance(found, ApiAccess):
            return found
        holder = found.credential.holder
        last = self._asked.get(holder)
        if last is not None and last[0] == found and time.monotonic() - last[1] < _patience(last[2]):
            return last[2]
        wanted = needs(holder, kubernetes_datastore=in_kubernetes)
        access = ask_api(found, [need.permission for need in wanted])
        self._asked[holder] = found, time.monotonic(), access
        return access


def _patience(access: ApiAccess) -> float:
    return _TRIED_SECONDS if access.trouble is Trouble.UNREACHABLE else _ASKED_SECONDS


def _plugin(root: Path, kubernetes: Kubernetes) -> JsonObject | None:
    """What the configuration that counts, of those that name Calico's plugin, tells it."""
    file = kubernetes.cni.calico
    if file is None:
        return None
    try:
        return calico_plugin((read_owned_text(root / file.path.lstrip("/"), _LARGEST_FILE) or "").encode())
    except OSError:
        return None


def _policy(plugin: JsonObject | None) -> bool:
    try:
        return plugin is not None and text(section(plugin, "policy"), "type") == "k8s"
    except Malformed:
        return False


def _in_kubernetes(plugin: JsonObject | None, container: Container | None) -> bool:
    """Whether Calico's data is in the Kubernetes API, as calico/node, else as its plugin is told."""
    if container is not None:
        settings = datastore_settings(container)
        return isinstance(settings, Unreadable) and settings.code == "kubernetes"
    return plugin is not None and plugin.get("datastore_type") == "kubernetes"
