"""What the running kernel can do for Calico: built in, loaded, or in a module that it can load."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Feature:
    """Something that a kernel has or has not. `modules` are the names under which releases of Linux have it as a
    module, `options` those of its configuration."""

    modules: tuple[str, ...]
    options: tuple[str, ...]


def _feature(modules: str, options: str) -> Feature:
    return Feature(tuple(modules.split()), tuple(options.split()))


FEATURES: Mapping[str, Feature] = MappingProxyType(
    {
        "ip_tables": _feature("ip_tables nf_tables", "IP_NF_IPTABLES NF_TABLES"),
        "ip6_tables": _feature("ip6_tables nf_tables", "IP6_NF_IPTABLES NF_TABLES"),
        "iptable_filter": _feature("iptable_filter", "IP_NF_FILTER"),
        "nf_tables": _feature("nf_tables", "NF_TABLES"),
        "nf_conntrack": _feature("nf_conntrack", "NF_CONNTRACK"),
        "ip_set": _feature("ip_set", "IP_SET"),
        "ip_set_hash_ip": _feature("ip_set_hash_ip", "IP_SET_HASH_IP"),
        "ip_set_hash_net": _feature("ip_set_hash_net", "IP_SET_HASH_NET"),
        "xt_set": _feature("xt_set ipt_set", "NETFILTER_XT_SET"),
        "xt_conntrack": _feature("xt_conntrack", "NETFILTER_XT_MATCH_CONNTRACK"),
        "xt_mark": _feature("xt_mark", "NETFILTER_XT_MARK"),
        "xt_comment": _feature("xt_comment", "NETFILTER_XT_MATCH_COMMENT"),
        "xt_multiport": _feature("xt_multiport", "NETFILTER_XT_MATCH_MULTIPORT"),
        "xt_addrtype": _feature("xt_addrtype", "NETFILTER_XT_MATCH_ADDRTYPE"),
        "xt_rpfilter": _feature("ipt_rpfilter xt_rpfilter", "IP_NF_MATCH_RPFILTER"),
        "xt_MASQUERADE": _feature(
            "xt_MASQUERADE ipt_MASQUERADE", "NETFILTER_XT_TARGET_MASQUERADE IP_NF_TARGET_MASQUERADE"
        ),
        "veth": _feature("veth", "VETH"),
        "ipip": _feature("ipip", "NET_IPIP"),
        "vxlan": _feature("vxlan", "VXLAN"),
        "wireguard": _feature("wireguard", "WIREGUARD"),
    }
)


@dataclass(frozen=True, slots=True)
class Modules:
    """The features of `FEATURES` that were found, each with where. What is not there is missing only if `complete`.

    `why_incomplete` says otherwise what could not be read. `gone`: the modules of the running kernel are not on the
    disk, so that it can load none any more.
    """

    release: str
    present: Mapping[str, str] = field(default_factory=dict)
    complete: bool = True
    why_incomplete: str = ""
    gone: bool = False
