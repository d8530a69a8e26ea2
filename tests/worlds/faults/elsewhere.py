"""Codes that no fault of a generated world can bring about, with the file in which each is tested, and why it is not
here. What needs files of a host (HOST-...) is tested in tests/checks/preflight."""

_AGENT = "a state of the agent's own process or files"
_CHOICE = "a choice that is still to be made: every host of a world was started, as a node that is registered"
_MEMORY = "what an agent that supervises wants, remembers, or is about to do"
_FILES = "files of the host that name it otherwise"
_KUBELET = "what Kubernetes itself says of a node: worlds have Calico's records alone"
_PASSING = "passes by itself: a world is settled"

_ROUTERS = "the routers of the worlds know the way to every pod, and that is not to be seen"
ELSEWHERE = {
    "RT-ROUTER": (_ROUTERS, "tests/checks/underlay/test_routers.py"),
    "AGENT-FILES": (_AGENT, "tests/test_descriptors.py"),
    "AGENT-HTTP": (_AGENT, "tests/api/test_http.py"),
    "AGENT-TLS": (_AGENT, "tests/api/test_access.py"),
    "CFG-REFUSED": (_AGENT, "tests/checks/test_assessment.py"),
    "DS-FILE": (_AGENT, "tests/checks/test_assessment.py"),
    "DS-SNAPSHOT": (_AGENT, "tests/checks/test_assessment.py"),
    "SV-STATE": (_AGENT, "tests/checks/test_assessment.py"),
    "NAME-UNCLAIMED": (_MEMORY, "tests/checks/container/test_guards.py"),
    "NAME-TWICE": (_MEMORY, "tests/checks/identity/test_elsewhere.py"),
    "NAME-SOURCES": (_FILES, "tests/checks/identity/test_change.py"),
    "NAME-UNKNOWN": (_CHOICE, "tests/identity/test_name.py"),
    "NAME-LOCALHOST": (_CHOICE, "tests/identity/test_name.py"),
    "NAME-INVALID": (_CHOICE, "tests/identity/test_name.py"),
    "IP-AMBIGUOUS": (_CHOICE, "tests/identity/test_refusal.py"),
    "IP-REJECTED": (_CHOICE, "tests/identity/test_refusal.py"),
    "IP-CHANGED": (_MEMORY, "tests/checks/identity/test_change.py"),
    "SV-CRASHLOOP": (_MEMORY, "tests/checks/container/test_supervision.py"),
    "SV-DRIFT": (_MEMORY, "tests/checks/container/test_supervision.py"),
    "SV-FOREIGN": (_MEMORY, "tests/checks/container/test_state.py"),
    "SV-IMAGE": (_MEMORY, "tests/checks/container/test_rollout.py"),
    "SV-ROLLED-BACK": (_MEMORY, "tests/checks/container/test_rollout.py"),
    "SV-STOPPED": (_MEMORY, "tests/checks/container/test_supervision.py"),
    "SV-PORT": (_MEMORY, "tests/checks/container/test_guards.py"),
    "SV-STUCK": (_PASSING, "tests/checks/container/test_state.py"),
    "NAME-NO-NODE": (_KUBELET, "tests/checks/container/test_guards.py"),
    "NODE-NOT-READY": (_KUBELET, "tests/checks/identity/test_cluster_nodes.py"),
    "IP-INTERNAL": (_KUBELET, "tests/checks/identity/test_cluster_nodes.py"),
    "RT-POD-CIDRS": (_KUBELET, "tests/checks/blocks/test_pod_cidrs.py"),
    "BGP-RECOVERING": (_PASSING, "tests/checks/bgp/test_recovery.py"),
}
