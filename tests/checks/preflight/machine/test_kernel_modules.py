"""What the kernel lacks, of what this Calico needs."""

from dataclasses import replace
from ipaddress import ip_network

import pytest

from calico_agent.checks.preflight.machine.kernel_modules import check_modules
from calico_agent.model.calico.felix import FelixSettings
from calico_agent.model.calico.node import EncapsulationMode, Pool
from calico_agent.model.host.kernel_modules import FEATURES, Modules
from calico_agent.model.network.address import Family, Link
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.model.preflight import Verdict
from tests.checks.cluster import HEALTHY, POOL, contained, stored
from tests.checks.preflight.case import CheckCase, check, prepared

FIREWALL, IPIP, VXLAN, WIREGUARD = (f"HOST-MODULE {part}" for part in ("the firewall", "IPIP", "VXLAN", "WireGuard"))
IDLE = {IPIP: Verdict.NOT_APPLICABLE, VXLAN: Verdict.NOT_APPLICABLE, WIREGUARD: Verdict.NOT_APPLICABLE}
GOOD = {FIREWALL: Verdict.OK, **IDLE}
ALWAYS = EncapsulationMode.ALWAYS
WITH_IPIP, WITH_VXLAN = (
    stored(pools=(pool,)) for pool in (replace(POOL, ipip=ALWAYS), replace(POOL, vxlan=EncapsulationMode.CROSS_SUBNET))
)
ENCRYPTED = stored(felix=FelixSettings(wireguard=frozenset({Family.IPV4})))
NO_ETCD = replace(HEALTHY, datastore=Unreadable("etcd", "refused", "refused"))


def kernel(*without: str, **fields: object) -> Modules:
    """A kernel with all features but these."""
    present = {name: "loadable" for name in FEATURES if name not in without}
    return replace(Modules("6.1.0", present), **fields)  # type: ignore[arg-type]


def with_link(name: str, observation: Observation) -> Observation:
    assert isinstance(observation.kernel, Kernel)
    return replace(observation, kernel=replace(observation.kernel, links=(Link(9, name, "ipip"),)))


CASES = {
    "everything is there, and no tunnel is used": CheckCase(
        prepared(modules=kernel("ipip", "vxlan", "wireguard")), GOOD, says=("14 loadable",)
    ),
    "what no Felix needs is not asked for: Calico 2.3 uses no rpfilter of iptables": CheckCase(
        prepared(contained(image="calico/node:v1.3.0"), modules=kernel("xt_rpfilter")), GOOD
    ),
    "without xt_set": CheckCase(
        prepared(modules=kernel("xt_set")),
        {FIREWALL: Verdict.FAILURE, **IDLE},
        says=("lacks xt_set", "modprobe -a xt_set  # after the package with all modules of the kernel 6.1.0"),
    ),
    "a cloud image of Rocky Linux 10 comes without what iptables needs": CheckCase(
        prepared(modules=kernel("xt_comment", "xt_addrtype", "ip_set", release="6.12.0-211.26.1.el10_2.aarch64")),
        {FIREWALL: Verdict.FAILURE, **IDLE},
        says=("dnf install kernel-modules-extra-6.12.0-211.26.1.el10_2.aarch64 && modprobe -a ip_set xt_comment",),
    ),
    "a cloud image of Ubuntu comes without VXLAN": CheckCase(
        prepared(WITH_VXLAN, modules=kernel("vxlan", release="6.8.0-1021-raspi")),
        GOOD | {VXLAN: Verdict.FAILURE},
        says=("apt-get install linux-modules-extra-6.8.0-1021-raspi && modprobe -a vxlan",),
    ),
    "a kernel without iptables-legacy, which Calico 2.3 knows alone": CheckCase(
        prepared(contained(image="calico/node:v1.3.0"), modules=kernel("iptable_filter")),
        {FIREWALL: Verdict.FAILURE, **IDLE},
        says=("lacks iptable_filter",),
    ),
    "and which later ones do without": CheckCase(prepared(modules=kernel("iptable_filter")), GOOD),
    "without rpfilter, which Felix uses since v3.12": CheckCase(
        prepared(modules=kernel("xt_rpfilter")), {FIREWALL: Verdict.FAILURE, **IDLE}
    ),
    "Felix writes nftables itself": CheckCase(
        prepared(contained(env=(("FELIX_NFTABLESMODE", "Enabled"),)), modules=kernel("xt_comment", "xt_set")), GOOD
    ),
    "which it does not without ip_set, either": CheckCase(
        prepared(contained(env=(("FELIX_NFTABLESMODE", "Enabled"),)), modules=kernel("ip_set")),
        {FIREWALL: Verdict.FAILURE, **IDLE},
    ),
    "eBPF": CheckCase(prepared(contained(env=(("FELIX_BPFENABLED", "true"),)), modules=kernel("ip_set")), GOOD),
    "pools ask for IPIP, and the kernel has none": CheckCase(
        prepared(WITH_IPIP, modules=kernel("ipip")), GOOD | {IPIP: Verdict.FAILURE}, says=("lacks ipip", "tunl0")
    ),
    "pools ask for IPIP, and tunl0 is there": CheckCase(
        prepared(with_link("tunl0", WITH_IPIP), modules=kernel("ipip")), GOOD | {IPIP: Verdict.OK}
    ),
    "pools ask for IPIP, and Felix is told to make none": CheckCase(
        prepared(stored(WITH_IPIP, felix=FelixSettings(off=frozenset({"ipipEnabled"}))), modules=kernel("ipip")), GOOD
    ),
    "pools ask for VXLAN": CheckCase(prepared(WITH_VXLAN, modules=kernel()), GOOD | {VXLAN: Verdict.OK}),
    "pools ask for VXLAN, and the kernel has none": CheckCase(
        prepared(WITH_VXLAN, modules=kernel("vxlan")), GOOD | {VXLAN: Verdict.FAILURE}
    ),
    "a pool of IPv6 asks for VXLAN": CheckCase(
        prepared(stored(pools=(POOL, Pool("v6", ip_network("fd00::/64"), vxlan=ALWAYS))), modules=kernel("vxlan")),
        GOOD | {VXLAN: Verdict.FAILURE},
    ),
    "Felix is told to encrypt, and the kernel cannot": CheckCase(
        prepared(ENCRYPTED, modules=kernel("wireguard")), GOOD | {WIREGUARD: Verdict.WARNING}, says=("in the clear",)
    ),
    "the kernel was replaced since the boot": CheckCase(
        prepared(WITH_VXLAN, modules=kernel("vxlan", gone=True)), GOOD | {VXLAN: Verdict.FAILURE}, says=("reboot",)
    ),
    "what is not found is not missing where not everything could be read": CheckCase(
        prepared(WITH_IPIP, modules=kernel("ipip", "xt_set", complete=False, why_incomplete="x is hidden")),
        {**IDLE, FIREWALL: Verdict.UNKNOWN, IPIP: Verdict.UNKNOWN},
        says=("x is hidden",),
    ),
    "which tunnels are used is not known": CheckCase(
        prepared(NO_ETCD, modules=kernel("ipip")),
        {FIREWALL: Verdict.OK, IPIP: Verdict.UNKNOWN, VXLAN: Verdict.OK, WIREGUARD: Verdict.OK},
    ),
    "the container is to make a pool with IPIP": CheckCase(
        prepared(
            replace(contained(env=(("CALICO_IPV4POOL_IPIP", "Always"),)), datastore=NO_ETCD.datastore),
            modules=kernel("ipip"),
        ),
        {FIREWALL: Verdict.OK, IPIP: Verdict.FAILURE, VXLAN: Verdict.OK, WIREGUARD: Verdict.OK},
    ),
    "nothing was read": CheckCase(prepared(), {"HOST-MODULE": Verdict.UNKNOWN}),
    "nothing could be read": CheckCase(
        prepared(modules=Unreadable("modules", "not read within 10 s", "timeout")), {"HOST-MODULE": Verdict.UNKNOWN}
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_modules(case: CheckCase) -> None:
    check(case, check_modules)
