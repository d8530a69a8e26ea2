"""Whether kube-proxy's mode and this Calico go together, and whether it masquerades everything."""

from dataclasses import replace
from datetime import timedelta

import pytest

from calico_agent.checks.preflight.cluster.kube_proxy import check_kube_proxy
from calico_agent.model.calico.felix import FelixSettings
from calico_agent.model.container.container import ContainerSpec, Docker
from calico_agent.model.container.supervision import Attempts, Supervising
from calico_agent.model.host.kubernetes import Kubernetes, ProxySetup
from calico_agent.model.network.firewall import Firewall, Masquerading
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.model.preflight import Verdict
from calico_agent.model.settings import SuperviseSettings
from tests.checks.cluster import AT, stored
from tests.checks.preflight.case import CheckCase, check, prepared, view
from tests.checks.preflight.clusters import KUBERNETES, host, kubelet, proxy

MODE, ALL = "HOST-KUBE-PROXY", "HOST-MASQUERADE-ALL"
OK, WARNING, FAILURE = Verdict.OK, Verdict.WARNING, Verdict.FAILURE
UNKNOWN, IDLE = Verdict.UNKNOWN, Verdict.NOT_APPLICABLE
WELL = {MODE: OK, ALL: OK}
OLD, FIRST_V3, V31, V328 = "calico/node:v1.3.0", "calico/node:v3.0.1", "calico/node:v3.1.0", "calico/node:v3.28.1"
V329, V332, NOBODYS = "calico/node:v3.29.0", "calico/node:v3.32.1", "registry.local/node:prod"
SILENT = ProxySetup(900, "kube-proxy", masquerade_source="--masquerade-all")
HIDDEN = replace(SILENT, masquerades_all=None, trouble="k3s does not show its command line")


def of(mode: str = "iptables", image: str = V328, **kinds: object) -> Observation:
    return host(replace(KUBERNETES, proxy=proxy(mode, **kinds)), image=image)


def told(observation: Observation, **settings: object) -> Observation:
    """The same with these of Felix's settings in the datastore."""
    return stored(observation, felix=FelixSettings(**settings))  # type: ignore[arg-type]


def ruled(observation: Observation, hiding: int) -> Observation:
    """The same where so many of kube-proxy's ten services hide every source."""
    assert observation.preparation is not None
    firewall = Firewall(masquerading=Masquerading(services=10, hiding=hiding))
    return replace(observation, preparation=replace(observation.preparation, firewall=firewall))


CASES = {
    "a host of no cluster": CheckCase(host(Kubernetes()), {MODE: IDLE}),
    "nothing was read yet": CheckCase(prepared(), {MODE: UNKNOWN}),
    "iptables": CheckCase(of(), WELL, says=("mode iptables (as it says itself)",)),
    "iptables with Calico 2.3": CheckCase(of(image=OLD), WELL),
    "ipvs with Calico 2.3": CheckCase(
        of("ipvs", OLD), WELL | {MODE: FAILURE}, says=("Calico v2.3 needs iptables", "configmap kube-proxy")
    ),
    "ipvs with Calico 2.3, by a flag": CheckCase(
        of("ipvs", OLD, masquerade_source="--masquerade-all"),
        WELL | {MODE: FAILURE},
        says=("start kube-proxy with --proxy-mode=iptables",),
    ),
    "ipvs with Calico 2, of which only the datastore is known": CheckCase(
        stored(of("ipvs", NOBODYS), is_of_calico_2=True), WELL | {MODE: FAILURE}, says=("Calico v2.0 needs iptables",)
    ),
    "ipvs with Calico 3.0": CheckCase(of("ipvs", FIRST_V3), WELL | {MODE: WARNING}, says=("ingress policy only",)),
    "ipvs with Calico 3.1": CheckCase(of("ipvs", V31), WELL),
    "ipvs with a Calico that nobody knows": CheckCase(of("ipvs", NOBODYS), WELL | {MODE: UNKNOWN}),
    "nftables with Calico 3.28": CheckCase(
        of("nftables"), WELL | {MODE: FAILURE}, says=("Calico v3.28 needs iptables or ipvs",)
    ),
    "nftables with Calico 3.29, and Felix works with iptables": CheckCase(
        of("nftables", V329),
        WELL | {MODE: FAILURE},
        says=("nftablesMode is not set", """-p '{"spec": {"nftablesMode": "Enabled"}}'"""),
    ),
    "nftables with Calico 3.29, and Felix works with it": CheckCase(
        told(of("nftables", V329), nftables="Enabled"), WELL
    ),
    "nftables with Calico 3.32, where Felix does as kube-proxy does": CheckCase(of("nftables", V332), WELL),
    "nftables with Calico 3.32, and Felix told otherwise": CheckCase(
        told(of("nftables", V332), nftables="Disabled"), WELL | {MODE: FAILURE}, says=("nftablesMode is Disabled",)
    ),
    "iptables, and Felix works with nftables": CheckCase(
        told(of("iptables", V329), nftables="Enabled"), WELL | {MODE: WARNING}, says=('"Disabled"',)
    ),
    "userspace": CheckCase(of("userspace", OLD), WELL | {MODE: FAILURE}, says=("Calico needs iptables",)),
    "no mode is said: iptables": CheckCase(
        host(replace(KUBERNETES, proxy=SILENT)), WELL, says=("mode iptables (by default)",)
    ),
    "no mode is said to an old one: userspace": CheckCase(
        host(replace(KUBERNETES, kubelet=kubelet("v1.1.8", runtime="docker"), proxy=SILENT), image=OLD),
        WELL | {MODE: FAILURE},
    ),
    "nothing of it can be seen": CheckCase(
        host(replace(KUBERNETES, proxy=HIDDEN)),
        {MODE: UNKNOWN, ALL: UNKNOWN},
        says=("the mode of kube-proxy: k3s does not show",),
    ),
    "only what it answers can be seen": CheckCase(
        host(replace(KUBERNETES, proxy=replace(HIDDEN, mode="iptables", answers=True))), {MODE: OK, ALL: UNKNOWN}
    ),
    "none runs": CheckCase(
        host(replace(KUBERNETES, proxy=None)), {MODE: WARNING}, says=("get pods -o wide -l k8s-app=kube-proxy",)
    ),
    "none runs yet": CheckCase(
        host(replace(KUBERNETES, kubelet=kubelet(started_at=AT - timedelta(minutes=1)), proxy=None)), {MODE: UNKNOWN}
    ),
    "none runs, an hour after the kubelet was started": CheckCase(
        host(replace(KUBERNETES, kubelet=kubelet(started_at=AT - timedelta(hours=1)), proxy=None)), {MODE: WARNING}
    ),
    "none runs, and whether Felix does its work is not known": CheckCase(
        replace(host(replace(KUBERNETES, proxy=None)), datastore=Unreadable("etcd", "refused")), {MODE: UNKNOWN}
    ),
    "none runs, and Felix does its work": CheckCase(
        told(host(replace(KUBERNETES, proxy=None)), ebpf=True), {MODE: IDLE}, says=("bpfEnabled",)
    ),
    "everything is masqueraded, by its file": CheckCase(
        of(masquerades_all=True),
        WELL | {ALL: FAILURE},
        says=("masqueradeAll in /var/lib/kube-proxy/config.conf", "masqueradeAll: false"),
    ),
    "everything is masqueraded, by its rules": CheckCase(
        ruled(of(), 10), WELL | {ALL: FAILURE}, says=("(by its rules)", "masqueradeAll: false")
    ),
    "nothing is masqueraded, by its rules": CheckCase(
        ruled(host(replace(KUBERNETES, proxy=replace(HIDDEN, mode="iptables"))), 0), WELL
    ),
    "everything will be masqueraded": CheckCase(
        ruled(of(masquerades_all=True), 0), WELL | {ALL: WARNING}, says=("and will when it is restarted",)
    ),
    "everything is masqueraded, by a flag": CheckCase(
        of(masquerades_all=True, masquerade_source="--masquerade-all", image=OLD),
        WELL | {ALL: FAILURE},
        says=("(--masquerade-all)", "without --masquerade-all"),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_host(case: CheckCase) -> None:
    check(case, check_kube_proxy)


def test_before_the_first_start_counts_what_calico_node_will_be_told() -> None:
    without = host(replace(KUBERNETES, proxy=None))
    seen = view(replace(without, docker=Docker()))
    spec = ContainerSpec("calico-node", V332, env=(("FELIX_BPFENABLED", "true"),))
    told = replace(seen, supervising=Supervising(spec, Attempts(), SuperviseSettings()))
    assert [one.verdict for one in check_kube_proxy(seen)] == [WARNING]
    assert [one.verdict for one in check_kube_proxy(told)] == [IDLE], "Felix will do the work of kube-proxy"
