"""Whether the kubelet runs, in a release that Calico can work with, and calls CNI plugins.

Requirements of Calico v2.3 to v3.0 (v2.3/getting-started/kubernetes/installation/index.md@calico), of later ones
(getting-started/kubernetes/requirements.md@calico v3.10, v3.23; docs.tigera.io 3.28).
"""

from collections.abc import Iterator

from calico_agent.checks.preflight.cluster.kubernetes import kubernetes_of
from calico_agent.checks.preflight.release import coming_release
from calico_agent.expected.view import View
from calico_agent.faults.preflight.cluster import HOST_KUBELET, HOST_KUBERNETES, HOST_NETWORK_PLUGIN
from calico_agent.model.calico.release import Release, release_in, shown_release
from calico_agent.model.host.kubernetes import KubeletSetup, Kubernetes
from calico_agent.model.host.kubernetes_api import KubernetesApi
from calico_agent.model.preflight import Check, Verdict

_WHY_KUBELET = "the kubelet has Calico's CNI plugin called for each pod: without it no pod starts here"
_WHY_PLUGIN = (
    "the kubelet then leaves pods to Docker: they get addresses of docker0, and no other host has a route to them"
)
_CNI = "cni"
_WITHOUT_FLAG: Release = (1, 24)

# Of which release of Calico on -> the Kubernetes that it needs, and why.
_LEAST: tuple[tuple[Release, Release, str], ...] = (
    ((3, 28), (1, 21), "Calico does not work on older ones since v3.28"),
    ((3, 20), (1, 16), "Calico does not work on older ones since v3.20"),
    ((0, 0), (1, 3), "NetworkPolicy is there since then"),
)


def check_kubelet(view: View) -> Iterator[Check]:
    """Yield three lines; one on a host that is in no cluster."""
    found = kubernetes_of(view, HOST_KUBELET, "kubelet")
    if isinstance(found, Check):
        yield found
        return
    kubelet = found.kubelet
    if kubelet is None:
        yield Check(
            HOST_KUBELET,
            Verdict.FAILURE,
            f"the kubelet does not run, and {found.joined} says that this host is in a cluster",
            _WHY_KUBELET,
            "systemctl restart kubelet; journalctl -u kubelet -n 50  # why it ended",
        )
    else:
        yield Check(HOST_KUBELET, Verdict.OK, f"the kubelet {kubelet.version or 'of unknown version'} runs")
        yield _plugin(kubelet)
    yield _release(view, found)


def _plugin(kubelet: KubeletSetup) -> Check:
    if kubelet.runtime == "cri-dockerd":
        said = kubelet.runtime_plugin or _CNI  # its default (docs of Mirantis/cri-dockerd)
        return _judged(said, "cri-dockerd", "cri-dockerd's command line (systemctl cat cri-docker)")
    if kubelet.runtime in {"containerd", "cri-o"}:
        what = f"--network-plugin: {kubelet.runtime} calls CNI plugins whatever the kubelet is told"
        return Check(HOST_NETWORK_PLUGIN, Verdict.NOT_APPLICABLE, what)
    if kubelet.release is not None and kubelet.release >= _WITHOUT_FLAG:
        return Check(
            HOST_NETWORK_PLUGIN, Verdict.NOT_APPLICABLE, "--network-plugin: the kubelet has no such flag since v1.24"
        )
    if kubelet.network_plugin is None or (kubelet.release is None and not kubelet.network_plugin):
        reason = "its command line cannot be seen" if kubelet.network_plugin is None else kubelet.release_trouble
        return Check(HOST_NETWORK_PLUGIN, Verdict.UNKNOWN, f"--network-plugin of the kubelet: {reason}", _WHY_PLUGIN)
    return _judged(kubelet.network_plugin, "the kubelet", "the kubelet's command line (systemctl cat kubelet)")


def _judged(said: str, who: str, where: str) -> Check:
    if said == _CNI:
        return Check(HOST_NETWORK_PLUGIN, Verdict.OK, f"{who} calls CNI plugins (--network-plugin=cni)")
    found = f"with --network-plugin={said}" if said else "without --network-plugin"
    unit = "kubelet" if who == "the kubelet" else "cri-docker"
    return Check(
        HOST_NETWORK_PLUGIN,
        Verdict.FAILURE,
        f"{who} runs {found}, and not with --network-plugin=cni",
        _WHY_PLUGIN,
        f"add --network-plugin=cni to {where}, then: systemctl daemon-reload && systemctl restart {unit}",
    )


def _release(view: View, found: Kubernetes) -> Check:
    calico = coming_release(view)
    least, why = next((kubernetes, why) for since, kubernetes, why in _LEAST if since <= (calico or (0, 0)))
    named = f"Calico {shown_release(calico)}" if calico is not None else "Calico"
    release, version = _known(view, found)
    if release is None:
        trouble = found.kubelet.release_trouble if found.kubelet is not None else "no kubelet runs here to ask"
        what = f"{named} needs Kubernetes {shown_release(least)}: which one this is cannot be told: {trouble}"
        return Check(HOST_KUBERNETES, Verdict.UNKNOWN, what, why, "kubectl get nodes")
    if release >= least:
        return Check(HOST_KUBERNETES, Verdict.OK, f"Kubernetes is {version}, and {named} needs {shown_release(least)}")
    what = f"Kubernetes is {version}, and {named} needs {shown_release(least)}"
    return Check(
        HOST_KUBERNETES, Verdict.FAILURE, what, why, "upgrade Kubernetes, or run an older Calico: see the release notes"
    )


def _known(view: View, found: Kubernetes) -> tuple[Release | None, str]:
    """The kubelet's release, else the API's."""
    if found.kubelet is not None and found.kubelet.release is not None:
        return found.kubelet.release, found.kubelet.version
    api = view.preparation.kubernetes_api
    versions = [one.version for one in api.accesses] if isinstance(api, KubernetesApi) else []
    from_api = ((release_in(version), version) for version in versions)
    return next((one for one in from_api if one[0] is not None), (None, ""))
