"""Whether the kernel can do what this Calico needs of it.

What Felix needs is read from its rules and sets (felix/rules, felix/ipsets of projectcalico/calico@v3.32.1), not from
the longer list of `calicoctl node checksystem`, of which a host may lack much and be well: vfio-pci, xt_u32, xt_bpf and
the like. An encapsulation counts only where pools, or Felix, ask for it.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from calico_agent.checks.preflight.known import known
from calico_agent.checks.preflight.release import running_release
from calico_agent.checks.preflight.uses import felix, tunnels, uses_family
from calico_agent.expected.view import View
from calico_agent.faults.preflight.kernel import HOST_MODULE
from calico_agent.model.host.kernel_modules import FEATURES, Modules
from calico_agent.model.network.address import Family
from calico_agent.model.network.tunnel import IPIP_DEVICE, VXLAN_DEVICES, WIREGUARD_DEVICES
from calico_agent.model.observation import Unreadable
from calico_agent.model.preflight import Check, Verdict
from calico_agent.text import listed

_ALWAYS = ("veth", "nf_conntrack")
_IPTABLES = (
    "ip_tables",
    "ip_set",
    "ip_set_hash_ip",
    "ip_set_hash_net",
    "xt_set",
    "xt_conntrack",
    "xt_mark",
    "xt_comment",
    "xt_multiport",
    "xt_addrtype",
    "xt_MASQUERADE",
)
# Felix lists the sets of ipset even then, and ends where the kernel has none (kops#18478, seen with Calico v3.31).
_NFTABLES = ("nf_tables", "ip_set")
# Before, Felix has iptables-legacy only, whose tables new kernels do not have (CONFIG_NETFILTER_XTABLES_LEGACY).
_IPTABLES_NFT_SINCE = (3, 8)
_RPFILTER_SINCE = (3, 12)
# What the kernels of distributions are called, and in which package what they leave out at first is.
_PACKAGES = (
    (re.compile(r"\.(el[89]|el\d\d|fc\d+)(?![a-z0-9])"), "dnf install kernel-modules-extra-{}"),
    (
        re.compile(r"-(generic|lowlatency|virtual|kvm|aws|azure|gcp|gke|oracle|ibm|raspi)$"),
        "apt-get install linux-modules-extra-{}",
    ),
    (re.compile(r"-default$"), "zypper install --force-resolution kernel-default && reboot"),
    (re.compile(r"-cloud-(amd64|arm64)$"), "apt-get install linux-image-{1} && reboot"),
)
_DEVICES = {
    "ipip": IPIP_DEVICE,
    "vxlan": VXLAN_DEVICES[Family.IPV4],
    "wireguard": WIREGUARD_DEVICES[Family.IPV4],
}
_WORDS = {"ipip": "IPIP", "vxlan": "VXLAN", "wireguard": "WireGuard"}


def check_modules(view: View) -> Iterator[Check]:
    """Yield one line for the firewall's parts, one for those of IPv6, and one for each encapsulation."""
    modules = known(view.preparation.modules, "they were not read")
    if isinstance(modules, Unreadable):
        what = f"kernel modules: {modules.reason}"
        yield Check(HOST_MODULE, Verdict.UNKNOWN, what, "Felix's rules and tunnels need some", "lsmod")
        return
    needed = tuple(_firewall(view))
    yield _group(modules, needed, "the firewall", "without it Felix cannot write its rules, and pods get no network")
    if uses_family(view, Family.IPV6):
        why = "without it Felix cannot write its rules for IPv6"
        yield _group(modules, ("ip6_tables",), "the firewall of IPv6", why)
    for kind, used in tunnels(view).items():
        yield _tunnel(view, modules, kind, used)


def _firewall(view: View) -> Iterator[str]:
    told = felix(view)
    yield from _ALWAYS
    if told.ebpf:
        return
    if told.nftables == "Enabled":
        yield from _NFTABLES
        return
    yield from _IPTABLES
    of = running_release(view)
    if of is not None and of < _IPTABLES_NFT_SINCE:
        yield "iptable_filter"
    if of is not None and of >= _RPFILTER_SINCE:
        yield "xt_rpfilter"


def _group(modules: Modules, needed: Iterable[str], what: str, why: str, *, known_used: bool = True) -> Check:
    """One line about some features."""
    needed = tuple(needed)
    missing = [name for name in needed if name not in modules.present]
    if not missing:
        all_of = f"the kernel has {what} ({listed(tuple(_where(modules, needed)))})"
        return Check(HOST_MODULE, Verdict.OK, all_of, subject=what)
    names = listed(tuple(missing))
    cure = f"modprobe -a {' '.join(FEATURES[name].modules[0] for name in missing)}"
    if modules.gone:
        cure = "reboot: the kernel was replaced, and the modules of the running one are not on the disk any more"
    elif modules.complete:
        cure = _installed(modules.release, cure)
    if not modules.complete:
        what_not = f"{names} for {what}: not found, and not known for lack of {modules.why_incomplete}"
    elif not known_used:
        what_not = f"the kernel {modules.release} lacks {names}, and whether {what} is used is not known"
    else:
        lack = f"the kernel {modules.release} lacks {names} for {what}"
        return Check(HOST_MODULE, Verdict.FAILURE, lack, why, cure, what)
    return Check(HOST_MODULE, Verdict.UNKNOWN, what_not, why, cure, what)


def _installed(release: str, then: str) -> str:
    """The same command after the modules that the kernel came without are installed, as its distribution has it."""
    for name, command in _PACKAGES:
        if found := name.search(release):
            return f"{command.format(release, *found.groups())} && {then}"
    return f"{then}  # after the package with all modules of the kernel {release} is installed"


def _where(modules: Modules, needed: tuple[str, ...]) -> Iterator[str]:
    """How many of them were found where: `11 built in`, `ipip loaded`."""
    by_place: dict[str, list[str]] = {}
    for name in needed:
        by_place.setdefault(modules.present[name], []).append(name)
    for place, names in by_place.items():
        yield f"{names[0] if len(names) == 1 else len(names)} {place}"


def _tunnel(view: View, modules: Modules, kind: str, used: bool | None) -> Check:
    word = _WORDS[kind]
    if used is False:
        return Check(HOST_MODULE, Verdict.NOT_APPLICABLE, f"{word} is not used here", subject=word)
    device = _DEVICES[kind]
    if view.kernel is not None and view.kernel.link(device) is not None:
        return Check(HOST_MODULE, Verdict.OK, f"the kernel has {word} ({device} is there)", subject=word)
    why = f"where pools ask for {word}, Felix cannot make {device}, and packets to other nodes are lost"
    if kind == "wireguard":
        why = "where Felix is told to encrypt, packets to other nodes travel in the clear all the same"
    found = _group(modules, (kind,), word, why, known_used=used is not None)
    in_the_clear = kind == "wireguard" and found.verdict is Verdict.FAILURE
    return replace(found, verdict=Verdict.WARNING) if in_the_clear else found
