"""Whether kube-proxy works in a mode that this Calico can do with, and leaves the source address of pods as it is.

iptables only: Calico v2.x and v3.0, whose support of ipvs was for ingress policy alone (calico#1525); ipvs as well from
v3.1 (calico#1740). nftables: from v3.29 where Felix is told so (nftablesMode), and from v3.32 Felix goes by what
kube-proxy does (calico#11629). With its eBPF dataplane Calico does kube-proxy's work.
"""

from collections.abc import Iterator
from datetime import timedelta

from calico_agent.checks.preflight.cluster.kubernetes import kubernetes_of
from calico_agent.checks.preflight.release import coming_release
from calico_agent.checks.preflight.uses import felix
from calico_agent.expected.view import View
from calico_agent.faults.preflight.cluster import HOST_KUBE_PROXY, HOST_MASQUERADE_ALL
from calico_agent.model.calico.release import Release, shown_release
from calico_agent.model.host.kubernetes import Kubernetes, ProxySetup
from calico_agent.model.network.firewall import Firewall, masquerades_all
from calico_agent.model.preflight import Check, Verdict

_WHY_MODE = (
    "the rules of kube-proxy and of Calico work on the same packets: in a mode that Calico does not know its policy "
    "does not hold for services, or their packets are lost"
)
_WHY_NONE = "without it this host reaches no service by its address, that of the Kubernetes API included"
_WHY_MASQUERADE = (
    "packets to services then come from the address of this host and not from that of the pod: policy that goes by "
    "the pod they come from does not hold"
)
_IPVS, _IPVS_PARTLY = (3, 1), (3, 0)
_NFTABLES, _NFTABLES_BY_ITSELF = (3, 29), (3, 32)
_IPTABLES_BY_DEFAULT: Release = (1, 2)
_BOOT = timedelta(minutes=5)
_RESTART = "kubectl -n kube-system rollout restart daemonset kube-proxy"


def check_kube_proxy(view: View) -> Iterator[Check]:
    """Yield a line for the mode, and one for masquerading."""
    found = kubernetes_of(view, HOST_KUBE_PROXY, "kube-proxy")
    if isinstance(found, Check):
        yield found
    elif felix(view).ebpf:
        yield Check(HOST_KUBE_PROXY, Verdict.NOT_APPLICABLE, "kube-proxy: Felix does its work (bpfEnabled)")
    elif found.proxy is None:
        yield _absent(view, found)
    else:
        yield _judge_mode(view, found, found.proxy)
        yield _judge_masquerading(view, found.proxy)


def _absent(view: View, found: Kubernetes) -> Check:
    """The kubelet starts it, mostly. Without the datastore nobody knows whether Felix does its work."""
    since = found.kubelet.started_at if found.kubelet is not None else None
    if since is not None and abs(view.observation.at - since) < _BOOT:
        return Check(
            HOST_KUBE_PROXY,
            Verdict.UNKNOWN,
            "no kube-proxy runs on this host: the kubelet was started just now",
            _WHY_NONE,
        )
    cure = "kubectl -n kube-system get pods -o wide -l k8s-app=kube-proxy"
    verdict = Verdict.UNKNOWN if view.cluster is None else Verdict.WARNING
    return Check(HOST_KUBE_PROXY, verdict, "no kube-proxy runs on this host", _WHY_NONE, cure)


def _judge_mode(view: View, kubernetes: Kubernetes, proxy: ProxySetup) -> Check:
    mode, source = proxy.mode, proxy.mode_source
    if not mode and proxy.trouble:
        return Check(HOST_KUBE_PROXY, Verdict.UNKNOWN, f"the mode of kube-proxy: {proxy.trouble}", _WHY_MODE)
    if not mode:
        release = kubernetes.kubelet.release if kubernetes.kubelet is not None else None
        old = release is not None and release < _IPTABLES_BY_DEFAULT
        mode, source = "userspace" if old else "iptables", "by default"
    calico = coming_release(view)
    verdict, why = _fits(mode, calico, felix(view).nftables)
    what = f"kube-proxy works in mode {mode} ({source})"
    if verdict is Verdict.OK:
        return Check(HOST_KUBE_PROXY, verdict, what)
    if verdict is Verdict.UNKNOWN:
        return Check(HOST_KUBE_PROXY, verdict, f"{what}: {why}", _WHY_MODE)
    return Check(HOST_KUBE_PROXY, verdict, f"{what}: {why}", _WHY_MODE, _cure(mode, calico, proxy))


def _fits(mode: str, calico: Release | None, nftables: str) -> tuple[Verdict, str]:
    """The verdict on a mode, and what is said of one that is not ok."""
    if mode == "iptables":
        if nftables == "Enabled" and calico is not None and calico >= _NFTABLES:
            return (
                Verdict.WARNING,
                "Felix is told to work with nftables (nftablesMode), and wants kube-proxy to do so, too",
            )
        return Verdict.OK, ""
    if mode == "userspace":
        return (
            Verdict.FAILURE,
            "Calico needs iptables: this mode gives every packet to a service the address of this host",
        )
    if calico is None:
        return Verdict.UNKNOWN, "whether this Calico can do with it depends on its release, which is not known"
    named = f"Calico {shown_release(calico)}"
    if mode == "ipvs":
        if calico >= _IPVS:
            return Verdict.OK, ""
        if calico >= _IPVS_PARTLY:
            return Verdict.WARNING, f"{named} enforces ingress policy only in it"
        return Verdict.FAILURE, f"{named} needs iptables"
    return _fits_nftables(calico, named, nftables)


def _fits_nftables(calico: Release, named: str, mode: str) -> tuple[Verdict, str]:
    if calico < _NFTABLES:
        return Verdict.FAILURE, f"{named} needs iptables{' or ipvs' if calico >= _IPVS else ''}"
    by_itself = calico >= _NFTABLES_BY_ITSELF and mode != "Disabled"
    if by_itself or mode == "Enabled":
        return Verdict.OK, ""
    return Verdict.FAILURE, f"Felix is not told to work with nftables, too (nftablesMode is {mode or 'not set'})"


def _cure(mode: str, calico: Release | None, proxy: ProxySetup) -> str:
    if (mode == "nftables" and calico is not None and calico >= _NFTABLES) or mode == "iptables":
        wanted = "Enabled" if mode == "nftables" else "Disabled"
        return f'calicoctl patch felixconfiguration default -p \'{{"spec": {{"nftablesMode": "{wanted}"}}}}\''
    if not proxy.masquerade_source.startswith("/"):
        return "start kube-proxy with --proxy-mode=iptables"
    return (
        "kubectl -n kube-system get configmap kube-proxy -o yaml | sed 's/^\\( *mode:\\).*/\\1 iptables/' | kubectl "
        f"replace -f - && {_RESTART}"
    )


def _judge_masquerading(view: View, proxy: ProxySetup) -> Check:
    """By what its rules do, where they tell; else by what it was told."""
    firewall = view.preparation.firewall
    does = masquerades_all(firewall) if isinstance(firewall, Firewall) else None
    told = proxy.masquerades_all
    if does is None and told is None:
        what = f"whether kube-proxy masquerades all packets to services: {proxy.trouble}"
        return Check(HOST_MASQUERADE_ALL, Verdict.UNKNOWN, what, _WHY_MASQUERADE)
    if not does and not told:
        return Check(HOST_MASQUERADE_ALL, Verdict.OK, "kube-proxy leaves the source of packets to services as it is")
    in_file = proxy.masquerade_source.startswith("/")
    source = f"masqueradeAll in {proxy.masquerade_source}" if in_file else "--masquerade-all"
    what = f"kube-proxy masquerades all packets to services ({source if told else 'by its rules'})"
    if told and does is False:
        what = f"kube-proxy is told to masquerade all packets to services ({source}), and will when it is restarted"
        return Check(HOST_MASQUERADE_ALL, Verdict.WARNING, what, _WHY_MASQUERADE, _leave_source(in_file=in_file))
    return Check(HOST_MASQUERADE_ALL, Verdict.FAILURE, what, _WHY_MASQUERADE, _leave_source(in_file=in_file))


def _leave_source(*, in_file: bool) -> str:
    if not in_file:
        return "start kube-proxy without --masquerade-all"
    return (
        "kubectl -n kube-system get configmap kube-proxy -o yaml | sed 's/masqueradeAll: true/masqueradeAll: false/' | "
        f"kubectl replace -f - && {_RESTART}"
    )
