"""How Kubernetes is set up here: the release of the kubelet, what kube-proxy was told, and what it answers."""

import time
from contextlib import closing, suppress
from datetime import datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from calico_agent.model.calico.release import release_in
from calico_agent.model.host.kubernetes import KUBE_PROXY, KUBELET, KubeletSetup, Kubernetes, ProxySetup
from calico_agent.model.unreadable import Unreadable
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.host.listeners import listeners, reachable_host
from calico_agent.sources.host.processes import started_at
from calico_agent.sources.host.root_processes import RunningProgram
from calico_agent.sources.host.text_file import read_owned_text
from calico_agent.sources.host.trusted_program import NotRunError, ask
from calico_agent.sources.kubernetes.components import (
    LARGEST_FILE,
    PROC,
    Part,
    find_part,
    kubelet_socket,
    read_seen_by,
    running_runtimes,
    seen_by,
)
from calico_agent.sources.kubernetes.decode.components import (
    runtime_of,
    snap_version,
    version_in,
)
from calico_agent.sources.kubernetes.decode.kube_proxy import (
    ProxyOptions,
    configuration_file,
    decode_answer,
    decode_arguments,
    decode_configuration,
)
from calico_agent.sources.kubernetes.decode.runtime_cni import network_plugin

_TIMEOUT = 2.0
_RESTART_SECONDS = 3.0  # systemctl restart kubelet
_OK = 200

# Only a host that joined a cluster has these: kubeadm's, that of installations by hand, older kubespray's.
_JOINED = ("etc/kubernetes/kubelet.conf", "var/lib/kubelet/kubeconfig", "etc/kubernetes/node-kubeconfig.yaml")


class KubernetesReader:
    """Asks a program for its version once: what is the same file says the same."""

    def __init__(self) -> None:
        self._versions: dict[tuple[int, ...], tuple[str, str]] = {}

    def read(self, root: Path = Path("/")) -> Kubernetes | Unreadable:
        """All of it, on the host whose file system is at `root`."""
        try:
            joined = next((f"/{path}" for path in _JOINED if (root / path).exists()), "")
            kubelet, proxy = find_part(KUBELET), find_part(KUBE_PROXY)
            if joined and kubelet is None:
                time.sleep(_RESTART_SECONDS)
                kubelet = find_part(KUBELET)
        except OSError as error:
            return Unreadable("the processes of this host", f"they cannot be read: {error.strerror}", "denied")
        if kubelet is None and not (PROC / "1").exists():
            return Unreadable("the processes of this host", "those of root are hidden from this user", "denied")
        return Kubernetes(self._kubelet(kubelet) if kubelet else None, read_proxy(proxy) if proxy else None, joined)

    def _kubelet(self, found: Part) -> KubeletSetup:
        version, trouble = self._version(found.program)
        release = release_in(version)
        runtime = runtime_of(found.flags, kubelet_socket(found), release)
        return KubeletSetup(
            found.program.pid,
            found.program.name,
            version,
            release,
            trouble,
            None if found.arguments is None else network_plugin(found.arguments),
            runtime,
            network_plugin(_arguments_of("cri-dockerd")) if runtime == "cri-dockerd" else "",
            _since(found.program.pid),
        )

    def _version(self, program: RunningProgram) -> tuple[str, str]:
        """Its version, and why it is not known."""
        file = PROC / str(program.pid) / "exe"
        try:
            status = file.stat()
            key = (status.st_dev, status.st_ino, status.st_mtime_ns)
            if key not in self._versions:
                self._versions = {key: _ask_version(program, file)}
            return self._versions[key]
        except OSError as error:
            return "", f"its program cannot be read: {error.strerror}"


def read_proxy(found: Part) -> ProxySetup:
    """What it was told, and what it says itself where it can be asked."""
    options, trouble = _options(found)
    said = _said_mode(found.program.pid, options.port if options else ProxyOptions().port)
    mode, source = (said, "as it says itself") if said else (options.mode if options else "", "as it was told")
    file = configuration_file(found.flags)
    return ProxySetup(
        found.program.pid,
        found.program.name,
        mode,
        source if mode else "",
        bool(said),
        options.masquerades_all if options else None,
        file or "--masquerade-all",
        trouble,
    )


def _options(found: Part) -> tuple[ProxyOptions | None, str]:
    if found.arguments is None:
        return None, found.trouble
    file = configuration_file(found.arguments)
    if not file:
        return decode_arguments(found.arguments), ""
    try:
        content = read_owned_text(seen_by(found.program.pid, file), LARGEST_FILE)
        return (decode_configuration(content), "") if content is not None else (None, f"{file} is not there")
    except OSError as error:
        return None, f"{file} cannot be read: {error.strerror}"
    except Malformed as error:
        return None, f"{file} cannot be understood: {error.what}"


def _ask_version(program: RunningProgram, file: Path) -> tuple[str, str]:
    if program.name == "kubelite":  # it knows no such flag, and would start all of Kubernetes
        found = snap_version(read_seen_by(program.pid, str(file.readlink().parent / "meta/snap.yaml")))
        return found, "" if found else "its snap does not say its version"
    own = {"hyperkube": ("hyperkube", "kubelet", "--version")}
    name = program.name.partition("-")[0]
    try:
        said = ask(file, own.get(name, (name, "--version")))
    except NotRunError as error:
        return "", error.reason
    version = version_in(said.output.decode(errors="replace"))
    return version, "" if version else f"{name} --version does not tell a version"


def _since(pid: int) -> datetime | None:
    with suppress(OSError, ValueError, IndexError):
        return started_at(pid)
    return None


def _said_mode(pid: int, port: int) -> str:
    """What kube-proxy answers at its own port; empty where it has none, or none of this process."""
    for address, found in listeners(pid):
        if found != port:
            continue
        connection = HTTPConnection(reachable_host(address), port, timeout=_TIMEOUT)
        with suppress(OSError, HTTPException, Malformed), closing(connection):
            connection.request("GET", "/proxyMode", headers={"Connection": "close"})
            answer = connection.getresponse()
            if answer.status == _OK:
                return decode_answer(answer.read(100))
    return ""


def _arguments_of(name: str) -> tuple[str, ...]:
    return next((program.arguments for program in running_runtimes(name)), ())
