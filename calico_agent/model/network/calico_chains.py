"""Calico's own chains: those that are followed, and those into which nobody looks.

What Calico's policy allows is Calico's business. Whoever judges the host's firewall takes it that the policy lets the
packet pass, and follows only the chains that say what becomes of it then (felix/rules/rule_defs.go and static.go of
projectcalico/calico@v3.32.1; with nftables the same names have the table's before them).
"""

_OPEN = frozenset(
    f"{table}{chain}"
    for table in ("", "filter-", "mangle-", "raw-")
    for chain in ("cali-FORWARD", "cali-INPUT", "cali-OUTPUT", "cali-PREROUTING", "cali-POSTROUTING")
)

MARKER = "cali:"
"""With this begins the comment of every rule that Felix writes."""

BY_EBPF = "Pre-approved by BPF programs"
"""With this begins what Felix says of its first rule of FORWARD where its eBPF dataplane judges packets of pods
(felix/dataplane/linux/int_dataplane.go@v3.32.1, setUpIptablesBPF)."""


def is_calicos(chain: str) -> bool:
    """Whether it is a chain of Calico's."""
    return "cali-" in chain


def is_closed(chain: str) -> bool:
    """Whether it is one of those into which nobody looks."""
    return is_calicos(chain) and chain not in _OPEN


def judges_pods(chain: str) -> bool:
    """Whether Calico asks there what the policies of pods say of a packet."""
    return chain.endswith("-wl-dispatch")


def judges_hosts(chain: str) -> bool:
    """Whether it asks there what the policies of host endpoints say, of which a host may have none."""
    return "host-endpoint" in chain or "hep-forward" in chain
