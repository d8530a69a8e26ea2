"""Control groups as the two drivers of kubelets, both versions, podman and systemd write them."""

import pytest

from calico_agent.sources.cri.decode.control_group import Placed, decode_placed

ID = "0123456789abcdef" * 4
UID = "8f6e1d6c-0d0b-4a53-9a1a-6f4c5b1f2a3b"
SLICE = f"kubepods-burstable-pod{UID.replace('-', '_')}.slice"

CASES = {
    "containerd, systemd, v2": (
        f"0::/kubepods.slice/kubepods-burstable.slice/{SLICE}/cri-containerd-{ID}.scope\n",
        Placed(ID, UID, "containerd"),
    ),
    "CRI-O": (f"0::/kubepods.slice/{SLICE}/crio-{ID}.scope\n", Placed(ID, UID, "cri-o")),
    "cri-dockerd": (f"0::/kubepods.slice/{SLICE}/docker-{ID}.scope\n", Placed(ID, UID, "docker")),
    "containerd, cgroupfs, v1: it tells no runtime": (
        f"12:memory:/kubepods/burstable/pod{UID}/{ID}\n1:name=systemd:/kubepods/burstable/pod{UID}/{ID}\n",
        Placed(ID, UID),
    ),
    "containerd without a slice of its own": (
        f"0::/system.slice/containerd.service/{SLICE}:cri-containerd:{ID}\n",
        Placed(ID, UID, "containerd"),
    ),
    "seen from a control group namespace": (
        f"0::/../../{SLICE}/cri-containerd-{ID}.scope\n",
        Placed(ID, UID, "containerd"),
    ),
    "a static pod, whose UID is a hash": (
        f"0::/kubepods/burstable/pod{'ab' * 16}/{ID}\n",
        Placed(ID, "ab" * 16),
    ),
    "podman": (f"0::/machine.slice/libpod-{ID}.scope/container\n", Placed(ID, "", "podman")),
    "a unit": ("0::/system.slice/calico-node.service\n", Placed(runtime="systemd", unit="calico-node.service")),
    "somebody's shell": ("0::/user.slice/user-0.slice/session-3.scope\n", Placed(unit="session-3.scope")),
    "nothing": ("0::/\n", Placed()),
}


@pytest.mark.parametrize("case", CASES)
def test_what_runs_a_process(case: str) -> None:
    text, placed = CASES[case]
    assert decode_placed(text) == placed
