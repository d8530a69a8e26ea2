"""What bars a start of calico/node: the name or address is another machine's, or something does its work."""

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address

import pytest

from calico_agent.model.calico.node import BgpSettings
from calico_agent.model.container.container import LABEL_MANAGED_BY, MANAGED_BY, ContainerState, Docker
from calico_agent.model.finding import Status
from calico_agent.model.host.claimant import Machine
from calico_agent.model.host.conflicting_process import ConflictingProcess
from calico_agent.model.host.machine import Host, Kubelet
from calico_agent.model.name_lease import AliveSign, KubeletSign, NameOwner
from calico_agent.model.network.address import Link
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.model.settings import DatastoreSettings, KubernetesSettings, Mode
from tests.checks.case import Case, check
from tests.checks.cluster import AT, CONTAINER, DATASTORE, HEALTHY, addresses, contained, findings_of, node, stored

MACHINE_ID = "a" * 32
CARD = "52:54:00:00:00:01"
US = Machine(MACHINE_ID, "boot-1", (CARD,), "host1", "10.77.0.11")
OTHER = Machine("b" * 32, "boot-2", ("52:54:00:00:00:09",), "host9", "10.77.0.19")
CLONE = replace(OTHER, machine_id=MACHINE_ID, hostname="host1")
LABEL = "kubernetes.io/hostname"
NOBODY = Unreadable("BIRD", "there is no socket /var/run/calico/bird.ctl", "absent")
ASTRAY = node("host1", "10.77.0.19/24")

# host1 before anything was started on it, in a cluster of which host2 and host3 are there already.
assert isinstance(HEALTHY.kernel, Kernel)
FRESH = replace(
    stored(
        replace(HEALTHY, bird=NOBODY, docker=Docker()), nodes=(node("host2"), node("host3")), blocks=(), affinities=()
    ),
    host=Host("host1", MACHINE_ID, boot_id="boot-1"),
    kernel=Kernel(links=(Link(2, "eth0", mac=CARD),)),
)
RUNS = replace(
    contained(labels=((LABEL_MANAGED_BY, MANAGED_BY),)),
    host=Host("host1", MACHINE_ID, boot_id="boot-1"),
    kernel=replace(HEALTHY.kernel, links=(Link(2, "eth0", mac=CARD),)),
)


BOOTED = replace(RUNS, host=Host("host1", MACHINE_ID, boot_id="boot-1", long_up=False))


def claimed(
    owner: Machine, *, silent: bool = False, observation: Observation = FRESH, **stored_: object
) -> Observation:
    """host1's name is claimed by `owner`, an hour ago."""
    signs = () if silent else (AliveSign("host1", owner),)
    claims = (NameOwner("host1", owner, AT - timedelta(hours=1), "{}"), *signs)
    return stored(observation, claims=claims, **stored_)


IN_KUBERNETES = DatastoreSettings((), kubernetes=KubernetesSettings(kubeconfig="/etc/calico-agent/kubeconfig"))
BOARD = replace(FRESH.host if isinstance(FRESH.host, Host) else Host("host1"), system_uuid="4c4c4544-0001")


def by_kubelet(machine: Machine, observation: Observation = RUNS) -> Observation:
    """The Kubernetes Node host1 is what the kubelet of `machine` wrote."""
    found = stored(observation, claims=(KubeletSign("host1", machine, (ip_address("10.77.0.11"),)),))
    return replace(found, datastore_settings=IN_KUBERNETES, host=BOARD)


def beside(*rivals: ConflictingProcess, observation: Observation = FRESH) -> Observation:
    return replace(observation, rivals=rivals)


HOST_BIRD = ConflictingProcess("BIRD", 812, "/usr/sbin/bird -f -u bird", 179, unit="bird.service")
LISTENER = ConflictingProcess("", 813, "nc -lk 179", 179, unit="session-3.scope")
NOT_STARTED = {"SV-ABSENT host1", "BIRD-DOWN BIRD", "NODE-NO-RECORD host1"}
NOTHING_WRONG = {"SV-ABSENT host1": {"BIRD-DOWN BIRD", "NODE-NO-RECORD host1"}}

CASES = {
    "nobody has claimed the name": Case(FRESH, NOTHING_WRONG, mode=Mode.SUPERVISE),
    "the name is claimed by this machine": Case(claimed(US, observation=RUNS), mode=Mode.SUPERVISE),
    "claimed by this machine before it was rebooted": Case(
        claimed(replace(US, boot_id="boot-0"), silent=True, observation=RUNS), mode=Mode.SUPERVISE
    ),
    "kept alive by another boot, which may be this machine's own of a moment ago": Case(
        claimed(replace(US, boot_id="boot-0"), observation=BOOTED), mode=Mode.SUPERVISE
    ),
    "kept alive by another boot for longer than a lease: a clone with the same card": Case(
        claimed(replace(US, boot_id="boot-0"), observation=RUNS),
        {"NAME-CLONED host1": set()},
        mode=Mode.SUPERVISE,
        says=("another machine with the machine-id of this one", "systemd-machine-id-setup"),
    ),
    "claimed by another machine that lives": Case(
        claimed(OTHER),
        {"NAME-CLAIMED host1": NOT_STARTED},
        mode=Mode.SUPERVISE,
        says=(
            "the node name host1 is claimed by another machine, host9 (10.77.0.19)",
            "since 2026-11-23 00:00:00 UTC; its agent gives signs of life",
            "does not start",
            "calicoctl delete node host1",
        ),
        status={
            "IdentityConfirmed": Status.FALSE,
            "ContainerRunning": Status.FALSE,
            "BGPEstablished": Status.UNKNOWN,
        },
    ),
    "claimed by another machine that is silent, and registered with its address": Case(
        claimed(OTHER, silent=True, nodes=(ASTRAY, node("host2"), node("host3"))),
        {"NAME-CLAIMED host1": {"SV-ABSENT host1", "BIRD-DOWN BIRD", "IP-NOT-LOCAL host1"}},
        mode=Mode.SUPERVISE,
        says=("no sign of life for the last minute, but node host1 is registered with 10.77.0.19",),
    ),
    "claimed by another machine that is silent, and nobody is registered": Case(
        claimed(OTHER, silent=True), NOTHING_WRONG, mode=Mode.SUPERVISE
    ),
    "claimed by another machine while calico/node runs here": Case(
        claimed(OTHER, observation=RUNS),
        {"NAME-CLAIMED host1": set()},
        says=("two machines overwrite one node record",),
    ),
    "claimed by another machine, and nothing is to be started here": Case(
        claimed(OTHER), {**NOTHING_WRONG, "NAME-CLAIMED host1": set()}
    ),
    "claimed by a clone": Case(
        claimed(CLONE),
        {"NAME-CLONED host1": NOT_STARTED},
        mode=Mode.SUPERVISE,
        says=("another machine with the machine-id of this one, host1 (10.77.0.19)", "systemd-machine-id-setup"),
    ),
    "the Kubernetes Node is this machine's": Case(
        by_kubelet(replace(US, macs=(), system_uuid="4C4C4544-0001")), mode=Mode.SUPERVISE
    ),
    "the Kubernetes Node is this machine's, before it was rebooted": Case(
        by_kubelet(replace(US, macs=(), boot_id="boot-0", system_uuid="4C4C4544-0001")), mode=Mode.SUPERVISE
    ),
    "no kubelet has written the Kubernetes Node yet": Case(by_kubelet(Machine("")), mode=Mode.SUPERVISE),
    "the Kubernetes Node is another machine's": Case(
        by_kubelet(replace(OTHER, macs=())),
        {"NAME-CLAIMED host1": set()},
        mode=Mode.SUPERVISE,
        says=(
            "the node name host1 is another machine's, host9 (10.77.0.19)",
            "the Kubernetes Node host1 says that its kubelet runs there (status.nodeInfo)",
            "kubectl delete node host1",
        ),
    ),
    "the Kubernetes Node is a clone's": Case(
        by_kubelet(replace(US, macs=(), boot_id="boot-7", system_uuid="4C4C4544-0002")),
        {"NAME-CLONED host1": set()},
        mode=Mode.SUPERVISE,
        says=("another machine with the machine-id of this one", "board: kubectl delete node host1"),
    ),
    "Kubernetes has no Node of this name, and one that is labelled with it": Case(
        replace(
            stored(
                FRESH,
                nodes=(
                    replace(node("host1.example", "10.77.0.15/24"), labels=((LABEL, "host1"),)),
                    node("host2"),
                    node("host3"),
                ),
            ),
            datastore_settings=IN_KUBERNETES,
        ),
        {"NAME-NO-NODE host1": NOT_STARTED},
        mode=Mode.SUPERVISE,
        says=(
            "Kubernetes has no Node host1",
            "the kubelet of this host is Node host1.example (label kubernetes.io/hostname=host1)",
            '[identity] name = "host1.example"',
        ),
    ),
    "Kubernetes has no Node of this name, and no kubelet runs here": Case(
        replace(FRESH, datastore_settings=IN_KUBERNETES),
        {"NAME-NO-NODE host1": NOT_STARTED},
        mode=Mode.SUPERVISE,
        says=("no kubelet runs here, which would make one", "kubeadm join"),
    ),
    "Kubernetes has no Node of this name, although a kubelet runs here": Case(
        replace(FRESH, datastore_settings=IN_KUBERNETES, host=replace(BOARD, kubelet=Kubelet(77))),
        {"NAME-NO-NODE host1": NOT_STARTED},
        mode=Mode.SUPERVISE,
        says=("a kubelet runs here (process 77)", "journalctl -u kubelet"),
    ),
    "Leases may not be read": Case(
        replace(stored(RUNS, claims_trouble='cannot get resource "leases"'), datastore_settings=IN_KUBERNETES),
        {"NAME-UNCLAIMED host1": set()},
        mode=Mode.SUPERVISE,
        says=('cannot get resource "leases"', "kubectl apply -f supervise.yaml", "in the Kubernetes API"),
    ),
    "the claims cannot be read": Case(
        stored(RUNS, claims_trouble="etcd refuses these keys to this user (permission denied)"),
        {"NAME-UNCLAIMED host1": set()},
        mode=Mode.SUPERVISE,
        says=("permission denied", "below /calico-agent/"),
        status={},
    ),
    "the claim cannot be written": Case(
        replace(RUNS, claim_trouble=Unreadable("etcd", "permission denied", "denied")),
        {"NAME-UNCLAIMED host1": set()},
        mode=Mode.SUPERVISE,
    ),
    "the claim cannot be written because etcd is away": Case(
        replace(RUNS, claim_trouble=Unreadable("etcd", "connection refused", "refused")), mode=Mode.SUPERVISE
    ),
    "who only watches claims nothing": Case(stored(RUNS, claims_trouble="permission denied")),
    "the address is registered by another node": Case(
        stored(
            FRESH,
            nodes=(node("old-name", "10.77.0.11/24"), node("host2"), node("host3")),
            claims=(NameOwner("old-name", OTHER, AT - timedelta(hours=1), "{}"),),
        ),
        {"IP-CONFLICT old-name": NOT_STARTED},
        mode=Mode.SUPERVISE,
        says=(
            "node old-name is registered with 10.77.0.11, which is an address of this host (eth0)",
            "the name old-name is claimed by host9 (10.77.0.19) since 2026-11-23 00:00:00 UTC",
            "calicoctl delete node old-name",
        ),
    ),
    "a BIRD of the distribution runs": Case(
        beside(HOST_BIRD),
        {"SV-RIVAL BIRD bird.service": NOT_STARTED},
        mode=Mode.SUPERVISE,
        says=(
            "BIRD runs on this host outside of calico/node and has the BGP port 179: /usr/sbin/bird -f -u bird",
            "delete each other's routes",
            "systemctl disable --now bird.service",
        ),
    ),
    "Felix runs in a pod of another container runtime": Case(
        beside(ConflictingProcess("Felix", 900, "calico-node -felix", container="4f5c" * 16)),
        {"SV-RIVAL Felix 4f5c4f5c4f5c": NOT_STARTED},
        mode=Mode.SUPERVISE,
        says=("it belongs to container 4f5c4f5c4f5c", "remove the pod"),
    ),
    "confd was started by hand": Case(
        beside(ConflictingProcess("confd", 901, "confd -confdir=/etc/calico/confd")),
        {"SV-RIVAL confd confd": NOT_STARTED},
        mode=Mode.SUPERVISE,
        says=("kill 901",),
    ),
    "a BIRD of the distribution runs beside calico/node": Case(
        beside(HOST_BIRD, observation=RUNS), {"SV-RIVAL BIRD bird.service": set()}
    ),
    "another container runtime runs calico/node, and we only watch": Case(beside(HOST_BIRD), NOTHING_WRONG),
    "the BGP port is taken": Case(
        beside(LISTENER),
        {"SV-PORT session-3.scope": NOT_STARTED},
        mode=Mode.SUPERVISE,
        says=("TCP port 179, on which BIRD waits for its peers, is taken by nc -lk 179 (pid 813)", "kill 813"),
    ),
    "the BGP port of this node is taken, and the cluster's is another": Case(
        stored(beside(replace(LISTENER, port=1790)), bgp=BgpSettings(node_listen_ports=(("host1", 1790),))),
        {"SV-PORT session-3.scope": NOT_STARTED},
        mode=Mode.SUPERVISE,
        says=("TCP port 1790, on which BIRD waits",),
    ),
    "the cluster's BGP port is taken, and this node has one of its own": Case(
        stored(
            beside(LISTENER, replace(LISTENER, port=1791)),
            bgp=BgpSettings(node_listen_ports=(("host1", 1790), ("host2", 1791))),
        ),
        NOTHING_WRONG,
        mode=Mode.SUPERVISE,
    ),
    "another routing daemon has the port on another address, and BIRD binds to the node's": Case(
        stored(
            beside(replace(LISTENER, listens_at=addresses("127.0.0.1", "192.0.2.1"))),
            bgp=BgpSettings(binds_to_address=True),
        ),
        NOTHING_WRONG,
        mode=Mode.SUPERVISE,
    ),
    "the same while BIRD binds to every address": Case(
        beside(replace(LISTENER, listens_at=addresses("127.0.0.1"))),
        {"SV-PORT session-3.scope": NOT_STARTED},
        mode=Mode.SUPERVISE,
    ),
    "it has the port on the node's address": Case(
        stored(
            beside(replace(LISTENER, listens_at=addresses("127.0.0.1", "10.77.0.11"))),
            bgp=BgpSettings(binds_to_address=True),
        ),
        {"SV-PORT session-3.scope": NOT_STARTED},
        mode=Mode.SUPERVISE,
    ),
    "it has the port on every address": Case(
        stored(beside(replace(LISTENER, listens_at=addresses("::"))), bgp=BgpSettings(binds_to_address=True)),
        {"SV-PORT session-3.scope": NOT_STARTED},
        mode=Mode.SUPERVISE,
    ),
    "a BIRD of the distribution has another node's port": Case(
        stored(beside(replace(HOST_BIRD, port=1791)), bgp=BgpSettings(node_listen_ports=(("host2", 1791),))),
        {"SV-RIVAL BIRD bird.service": NOT_STARTED},
        mode=Mode.SUPERVISE,
        says=("BIRD runs on this host outside of calico/node: /usr/sbin/bird -f -u bird",),
    ),
    "the BGP port is taken by somebody who cannot be seen": Case(
        stored(beside(ConflictingProcess("", 0, "", 1179)), bgp=BgpSettings(listen_port=1179)),
        {"SV-PORT port 1179": NOT_STARTED},
        mode=Mode.SUPERVISE,
        says=("a process that calico-agent cannot see", "ss -ltnp 'sport = :1179'"),
    ),
    "the container exited because the address is another's": Case(
        stored(
            replace(
                FRESH,
                docker=Docker(
                    containers=(
                        replace(
                            CONTAINER,
                            state=ContainerState.EXITED,
                            exit_code=1,
                            finished_at=AT,
                            labels=((LABEL_MANAGED_BY, MANAGED_BY),),
                        ),
                    )
                ),
            ),
            nodes=(node("old-name", "10.77.0.11/24"), node("host2")),
        ),
        {"IP-CONFLICT old-name": {"SV-EXITED calico-node", "NODE-NO-RECORD host1", "BIRD-DOWN BIRD"}},
        mode=Mode.SUPERVISE,
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_guards(case: Case) -> None:
    check(case)


BARS = frozenset({"NAME-CLAIMED", "NAME-CLONED", "NAME-NO-NODE", "IP-CONFLICT", "SV-RIVAL", "SV-PORT"})


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_exactly_these_bar_a_start(case: Case) -> None:
    for one in findings_of(case.observation, case.identity, case.mode):
        assert one.bars_start is (one.code in BARS), one.code


def test_an_old_reading_says_nothing_about_claims() -> None:
    assert isinstance(DATASTORE.read_at, type(AT))
    old = replace(claimed(OTHER), datastore_trouble=Unreadable("etcd", "connection refused", "refused"))
    assert "NAME-CLAIMED" not in {one.code for one in findings_of(old, mode=Mode.SUPERVISE)}


def test_a_start_that_gives_another_address_is_not_barred_by_the_address_it_cures() -> None:
    wrong = stored(RUNS, nodes=(node("host1", "10.77.0.12/24"), node("host2"), node("host3")))
    assert not any(one.bars_start for one in findings_of(wrong, mode=Mode.SUPERVISE))
