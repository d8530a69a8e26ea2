"""Whether the runtime takes Calico's CNI configuration, and the plugins run."""

from dataclasses import replace

import pytest

from calico_agent.checks.preflight.cluster.cni import check_cni
from calico_agent.model.host.cni import CniFile, CniPluginFile, CniSetup, PluginState
from calico_agent.model.host.kubernetes import Kubernetes
from calico_agent.model.observation import Observation
from calico_agent.model.preflight import Verdict
from tests.checks.cluster import contained
from tests.checks.preflight.case import CheckCase, check, prepared
from tests.checks.preflight.clusters import CNI, CONFLIST, KUBERNETES, host, setup

FILE, PLUGIN = "HOST-CNI", "HOST-CNI-PLUGIN"
OK, FAILURE, UNKNOWN, IDLE = Verdict.OK, Verdict.FAILURE, Verdict.UNKNOWN, Verdict.NOT_APPLICABLE
WELL = {FILE: OK, PLUGIN: OK}
FLANNEL = CniFile("/etc/cni/net.d/05-flannel.conflist", ("flannel", "portmap"))
BROKEN = CniFile("/etc/cni/net.d/00-notes.conf", error="the value is not JSON")
MULTUS = CniFile("/etc/cni/net.d/00-multus.conf", ("multus",), hands_on=True)
KUBES = CniFile(CONFLIST, error="it cannot be believed: it belongs to user 999, and not to root", hidden=True)


def with_files(*before: CniFile, strict: bool = True) -> Observation:
    """Calico's file after others."""
    return of(replace(CNI, files=(*before, *CNI.files), strict=strict))


def of(cni: CniSetup) -> Observation:
    return host(replace(KUBERNETES, cni=cni))


def with_plugin(name: str, state: PluginState, detail: str = "", versions: tuple[str, ...] = ()) -> Observation:
    """One plugin of a healthy host in another state."""
    path = "" if state is PluginState.MISSING else f"/opt/cni/bin/{name}"
    changed = CniPluginFile(name, path, state, detail, versions)
    return of(replace(CNI, plugins=tuple(changed if one.name == name else one for one in CNI.plugins)))


CASES = {
    "a host of no cluster": CheckCase(host(Kubernetes()), {FILE: IDLE}),
    "nothing was read yet": CheckCase(prepared(), {FILE: UNKNOWN}),
    "another plugin's network, with Calico's policy": CheckCase(
        prepared(contained(env=(("CALICO_NETWORKING_BACKEND", "none"),)), kubernetes=KUBERNETES), {FILE: IDLE}
    ),
    "Calico's is the first": CheckCase(
        of(CNI),
        WELL,
        says=(f"takes {CONFLIST}", "calico, portmap, bandwidth, calico-ipam, loopback run (/opt/cni/bin)"),
    ),
    "another plugin's comes before it": CheckCase(
        with_files(FLANNEL),
        WELL | {FILE: FAILURE},
        says=(f"with flannel, portmap, because its name comes before {CONFLIST}", f"mv {FLANNEL.path} {FLANNEL.path}."),
    ),
    "Multus, which hands on to it, comes before it": CheckCase(with_files(MULTUS), WELL),
    "Multus hands on to another plugin's": CheckCase(with_files(MULTUS, FLANNEL), WELL | {FILE: FAILURE}),
    "containerd stops at what is no configuration": CheckCase(
        with_files(BROKEN),
        WELL | {FILE: FAILURE},
        says=("stops at /etc/cni/net.d/00-notes.conf", "not JSON", "mv /etc/cni/net.d/00-notes.conf"),
    ),
    "the kubelet passes over what is no configuration": CheckCase(with_files(BROKEN, strict=False), WELL),
    "a file that another user may have written": CheckCase(
        of(replace(CNI, files=(KUBES,), plugins=())),
        {FILE: UNKNOWN},
        says=("user 999", f"ls -l {CONFLIST}"),
    ),
    "only another plugin's": CheckCase(
        of(replace(CNI, files=(FLANNEL,), plugins=())),
        {FILE: FAILURE},
        says=("no file in /etc/cni/net.d names calico", "spec.nodeName=host1"),
    ),
    "an empty folder": CheckCase(
        of(replace(CNI, files=(), plugins=())), {FILE: FAILURE}, says=("/etc/cni/net.d (by default) has no",)
    ),
    "Calico's own file, cut off: moved away it would be missed": CheckCase(
        of(replace(CNI, files=(CniFile(CONFLIST, error="not JSON"),), plugins=())),
        {FILE: FAILURE},
        says=(f"stops at {CONFLIST}", "kubectl delete pod -A -l k8s-app=calico-node"),
        unsaid=("mv ",),
    ),
    "another network's, whose name would come before Calico's": CheckCase(
        of(replace(CNI, files=(replace(FLANNEL, path="/etc/cni/net.d/05-cilium.conflist"),), plugins=())),
        {FILE: FAILURE},
        says=("mv /etc/cni/net.d/05-cilium.conflist /etc/cni/net.d/05-cilium.conflist.disabled && kubectl delete",),
    ),
    "a runtime whose configuration cannot be read": CheckCase(
        of(replace(CNI, files=(), plugins=(), error="/etc/containerd/config.toml cannot be understood: not TOML")),
        {FILE: UNKNOWN},
        says=("not TOML",),
    ),
    "a missing plugin of Calico's": CheckCase(
        with_plugin("calico-ipam", PluginState.MISSING),
        WELL | {f"{PLUGIN} calico-ipam": FAILURE},
        says=(f"calico-ipam, which {CONFLIST} needs, is not in /opt/cni/bin", "-l k8s-app=calico-node"),
    ),
    "a missing plugin of others": CheckCase(
        with_plugin("loopback", PluginState.MISSING),
        WELL | {f"{PLUGIN} loopback": FAILURE},
        says=("-l k8s-app=calico-node",),
    ),
    "one that nobody may execute": CheckCase(
        with_plugin("portmap", PluginState.NOT_EXECUTABLE),
        WELL | {f"{PLUGIN} portmap": FAILURE},
        says=("chmod 0755 /opt/cni/bin/portmap",),
    ),
    "one that does not run": CheckCase(
        with_plugin("calico", PluginState.FAILS, "it cannot be run: Exec format error"),
        WELL | {f"{PLUGIN} calico": FAILURE},
        says=("Exec format error", "CNI_COMMAND=VERSION /opt/cni/bin/calico"),
    ),
    "one of another owner, which the agent does not run": CheckCase(
        with_plugin("calico", PluginState.NOT_TRIED, "others than root may write it, so it is not run"),
        WELL | {f"{PLUGIN} calico": UNKNOWN},
    ),
    "one that does not speak the version that is asked for": CheckCase(
        of(setup("calico", "portmap", version="1.1.0")),
        {PLUGIN: OK, FILE: OK, f"{PLUGIN} calico": FAILURE, f"{PLUGIN} portmap": FAILURE},
        says=("does not speak version 1.1.0 of CNI", "it speaks 0.1.0, 0.2.0"),
    ),
    "one of before there was a list of versions": CheckCase(
        with_plugin("portmap", PluginState.RUNS), WELL, says=("portmap",)
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_host(case: CheckCase) -> None:
    check(case, check_cni)
