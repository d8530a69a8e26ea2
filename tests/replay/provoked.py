"""What was provoked on each recorded host, as `CODE subject` of each problem with its consequences, the culprit first.

On the other hosts of a recording it is what is seen of it from there. A host that is not named here is wholly healthy.
"""

Problems = dict[str, set[str]]

BRIDGE = {"IP-BRIDGE host3": {"BGP-DOWN host3", "BGP-UNKNOWN-PEER 10.77.0.13", "RT-MISSING 192.168.55.64/26"}}
BRIDGE_THERE = {
    "IP-BRIDGE host3": {
        "BGP-DOWN host1",
        "BGP-DOWN host2",
        "RT-MISSING 192.168.119.0/26",
        "RT-MISSING 192.168.183.64/26",
    }
}
AS_HOST1 = {"IP-NOT-LOCAL host1", "RT-BLACKHOLE 192.168.183.64/26", "RT-BLACKHOLE-MISSING 192.168.119.0/26"}
V3_31_7: dict[str, Problems] = {
    "docker-bridge-address/host1": BRIDGE,
    "docker-bridge-address/host2": BRIDGE,
    "docker-bridge-address/host3": BRIDGE_THERE,
    # The container of host2 was just refused the same address; host1 sees that host2 is away.
    "address-already-in-use/host1": BRIDGE | {"BGP-DOWN host2": set()},
    "address-already-in-use/host2": {
        "SV-EXITED calico-node": {"BIRD-DOWN BIRD"},
        "IP-BRIDGE host3": {"RT-MISSING 192.168.55.64/26"},
    },
    "address-already-in-use/host3": BRIDGE_THERE,
    # Recorded while host3 still had Docker's address: two faults at once.
    "name-of-another-host/host1": BRIDGE | {"BGP-DOWN host2": set()},
    "name-of-another-host/host2": {
        "NAME-MISMATCH host2": AS_HOST1 | {"BGP-RECOVERING host2"},
        "IP-BRIDGE host3": {"BGP-UNKNOWN-PEER 10.77.0.13", "RT-MISSING 192.168.55.64/26"},
    },
    "name-of-another-host/host3": BRIDGE_THERE,
    # Its BIRD waits for itself, and has not written the route to host3 yet.
    "name-kept-in-nodename-file/host2": {
        "NAME-MISMATCH host2": AS_HOST1
        | {
            "BGP-DOWN host2",
            "BGP-RECOVERING host2",
            "RT-MISSING 192.168.55.64/26",
            "RT-WORKLOAD-ELSEWHERE calipod2-a",
            "RT-WORKLOAD-GONE calipod1-a",
        }
    },
    "node-record-deleted/host1": {"BGP-UNKNOWN-PEER 10.77.0.13": set()},
    "node-record-deleted/host2": {"BGP-UNKNOWN-PEER 10.77.0.13": set()},
    "node-record-deleted/host3": {
        "NODE-NO-RECORD host3": {
            "BGP-DOWN host1",
            "BGP-DOWN host2",
            "RT-MISSING 192.168.119.0/26",
            "RT-MISSING 192.168.183.64/26",
            "RT-WORKLOAD-UNKNOWN calipod3-a",
        }
    },
    "foreign-route-same-prefix/host1": {"RT-FOREIGN 192.168.183.64/26": set()},
    "foreign-route-same-prefix/host3": {"RT-ECMP 192.168.183.64/26": set()},
    "vxlan-docker-bridge-address/host1": {
        "IP-BRIDGE host3": {"BGP-DOWN host3", "BGP-UNKNOWN-PEER 10.77.0.13", "RT-TUNNEL host3"}
    },
    "vxlan-docker-bridge-address/host2": {
        "IP-BRIDGE host3": {"BGP-DOWN host3", "BGP-UNKNOWN-PEER 10.77.0.13", "RT-TUNNEL host3"}
    },
    # Recorded five seconds after its start: its sessions are not judged yet.
    "vxlan-docker-bridge-address/host3": {"IP-BRIDGE host3": set()},
    "bird-hung/host2": {"BIRD-HUNG BIRD": set()},
}

# Two pods of host3 ran on when its node was deleted, and two of host2 went while Calico was not told.
ORPHANS = {"RT-WORKLOAD-UNKNOWN calipod3-a": {"RT-WORKLOAD-UNKNOWN calireal3"}}
LEFT_BEHIND = {"RT-WORKLOAD-GONE calipod2-a": {"RT-WORKLOAD-GONE calireal2"}}
V3_32_1: dict[str, Problems] = {
    "bgppeer-beside-mesh/host2": LEFT_BEHIND,
    "bgppeer-beside-mesh/host3": ORPHANS,
    "felix-hung/host2": {"SV-FELIX felix": set()} | LEFT_BEHIND,
    "felix-hung/host3": ORPHANS,
    "node-deleted-and-registered-again/host3": ORPHANS,
    "foreign-route-same-prefix/host1": {"RT-SHADOWED 192.168.239.192/26": set()},
    "foreign-route-same-prefix/host3": {"RT-WRONG-NEXTHOP 192.168.239.192/26": set()},
    "pool-deleted-in-use/host1": {
        "RT-POOL-GONE 192.168.55.64/26": set(),
    },
    "pool-deleted-in-use/host2": {
        "RT-POOL-GONE 192.168.55.64/26": set(),
        **LEFT_BEHIND,
    },
    "pool-deleted-in-use/host3": {
        "RT-POOL-GONE 192.168.55.64/26": set(),
        **ORPHANS,
    },
    "bgppeer-beside-mesh/host1": {"BGP-DOUBLE host2": set()},
}

IPIP: dict[str, Problems] = {
    **{f"ipip-duplicate-tunnel-address/host{n}": {"RT-ADDRESS-TWICE 192.168.119.2": set()} for n in (1, 2, 3)},
    "ipip-docker-bridge-address/host1": {
        "IP-BRIDGE host3": {"BGP-DOWN host3", "BGP-UNKNOWN-PEER 10.77.0.13", "RT-MISSING 192.168.55.64/26"}
    },
    # Nothing in its log tells how old the lines are in which host3 knocks.
    "ipip-docker-bridge-address/host2": {"IP-BRIDGE host3": {"BGP-DOWN host3", "RT-MISSING 192.168.55.64/26"}},
    "ipip-docker-bridge-address/host3": {"IP-BRIDGE host3": {"BGP-DOWN host1", "BGP-DOWN host2"}},
}

V2_3: dict[str, Problems] = {
    "address-already-in-use/host3": {
        "SV-EXITED calico-node": {
            "BIRD-DOWN BIRD",
            "NODE-NO-RECORD host3",
            "RT-BLOCK-GONE 10.20.55.64/26",
            "RT-MISSING 10.20.119.0/26",
            "RT-MISSING 10.20.183.64/26",
        }
    },
    "bgp-peers/host2": {"BGP-DOWN 10.77.0.1": set(), "BGP-DOWN 10.77.0.250": set()},
    "docker-bridge-address/host1": {
        "IP-ELSEWHERE host3": {"BGP-DOWN host3", "BGP-UNKNOWN-PEER 10.77.0.13", "RT-MISSING 10.20.55.128/26"}
    },
    "docker-bridge-address/host2": {
        "IP-ELSEWHERE host3": {"BGP-DOWN host3", "BGP-UNKNOWN-PEER 10.77.0.13", "RT-MISSING 10.20.55.128/26"}
    },
    "docker-bridge-address/host3": {
        "IP-BRIDGE host3": {
            "BGP-DOWN host1",
            "BGP-DOWN host2",
            "RT-MISSING 10.20.119.0/26",
            "RT-MISSING 10.20.183.64/26",
        }
    },
    "file-logging/host1": {
        "IP-ELSEWHERE host3": {"BGP-DOWN host3", "BGP-UNKNOWN-PEER 10.77.0.13", "RT-MISSING 10.20.55.64/26"}
    },
    "file-logging/host3": {
        "IP-BRIDGE host3": {
            "BGP-DOWN host1",
            "BGP-DOWN host2",
            "BGP-RECOVERING host1",
            "RT-BLACKHOLE-MISSING 10.20.55.64/26",
            "RT-MISSING 10.20.119.0/26",
            "RT-MISSING 10.20.183.64/26",
        }
    },
    "ipip-mode-changed-while-stopped/host1": {
        "RT-WRONG-DEVICE 10.20.183.64/26": set(),
        "RT-WRONG-DEVICE 10.20.55.64/26": set(),
    },
    "ipip-module-missing/host1": {
        "RT-TUNNEL-DEVICE tunl0": {"RT-WRONG-DEVICE 10.20.183.64/26", "RT-WRONG-DEVICE 10.20.55.64/26"},
    },
    # Its node is called host2 since a minute ago.
    "name-of-another-host/host3": {"RT-WORKLOAD-UNKNOWN calia7146bb9113": {"RT-WORKLOAD-UNKNOWN calidc03a5a0c7e"}},
    "name-of-another-host/host2": {"IP-NOT-LOCAL host2": {"BGP-DOWN host1", "RT-MISSING 10.20.119.0/26"}},
}

EXPECTED = {
    f"{recordings}/{host}": problems
    for recordings, hosts in (
        ("calico-v3.31.7", V3_31_7),
        ("calico-v3.32.1", V3_32_1),
        ("calico-ipip", IPIP),
        ("calico-v2.3", V2_3),
    )
    for host, problems in hosts.items()
}
